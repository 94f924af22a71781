"""The password changes in the database and in the secret's file, in either order, in every state of a start."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, go, observed
from tests.acceptance.outcome import assert_well_formed, failure
from tests.clients import transaction
from tests.harness import Orchestrator, Output, Project, make_project, run
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql")
OLD, NEW, WRONG = "0ld-p4ss/w@rd", "n3w-p4ss/wörd", "wr0ng-p4ss"
PATIENT = {
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60",
    "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2",
    "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120",
}
ASKING_APP = """
import os
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

async def app(scope, receive, send):
    \"\"\"Log in anew for each request, as a pool does now and then, with what DATABASE_URL was at the start.\"\"\"
    global engine
    if scope["type"] == "lifespan":
        await receive()
        engine = create_async_engine(os.environ["DATABASE_URL"], poolclass=NullPool)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    try:
        async with engine.connect() as connection:
            answer = str((await connection.execute(text("SELECT 42"))).scalar())
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer.encode()})
"""


class Secret:
    """A user whose password is in a file, and who can be given another in either place."""

    def __init__(self, database: Database, server: Server, directory: Path) -> None:
        self.database, self.server = database, server
        rights = ("CREATE",) if database.backend == "postgresql" else ("ALL PRIVILEGES",)
        self.url = make_url(server.add_user(database, "gardener", OLD, *rights).url)
        self.file = directory / "secret.json"
        self.write(OLD)

    @property
    def env(self) -> dict[str, str]:
        """Return the variables of the process."""
        return PATIENT | {"DATABASE_SECRET_FILE": str(self.file)}

    def text(self, password: str) -> str:
        """Return the file's text."""
        url, engine = self.url, {"postgresql": "postgres"}.get(self.database.backend, self.database.backend)
        login = {"username": url.username, "password": password}
        return json.dumps(login | {"engine": engine, "host": url.host, "port": url.port, "dbname": url.database})

    def write(self, password: str) -> None:
        """Change the file, at once."""
        new = self.file.with_suffix(".new")
        new.write_text(self.text(password))
        new.rename(self.file)

    def alter(self, password: str) -> None:
        """Change the database."""
        statement = "ALTER USER gardener PASSWORD %s"
        if self.server.backend != "postgresql":
            statement = "ALTER USER gardener@'%%' IDENTIFIED BY %s"
        self.server.execute(statement, password)


@pytest.fixture
def secret(database: Database, server: Server, tmp_path: Path) -> Secret:
    """Return a user with a separate secret."""
    return Secret(database, server, tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    return project


def _assert_secret(output: Output) -> None:
    assert_well_formed(output)
    for password in (OLD, NEW, WRONG):
        assert password not in output.story()


# ---------------------------------------------------------------- while waiting


@SERVERS
async def test_a_file_that_is_behind_the_database_is_waited_for(secret: Secret, tmp_path: Path) -> None:
    """AWS changes the database first; the new password is tried as soon as the file has it."""
    secret.alter(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials", attempt=1)
        secret.write(NEW)
        ready = await process.event("database_ready")
        assert await process.exit_code() == 0
    assert ready["attempts"] == 2
    _assert_secret(process)


@SERVERS
async def test_a_file_that_is_ahead_of_the_database_is_tried_again(secret: Secret, tmp_path: Path) -> None:
    """Others change the file first."""
    secret.write(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials", attempt=1)
        secret.alter(NEW)
        await process.event("database_ready", attempts=2)
        assert await process.exit_code() == 0
    _assert_secret(process)


@SERVERS
async def test_a_password_that_stays_wrong_is_refused_at_the_third_attempt(secret: Secret, tmp_path: Path) -> None:
    """There are few attempts, because servers lock accounts; but the start still ends and gives the reason."""
    secret.write(WRONG)
    result = await run("wait", env=secret.env, cwd=tmp_path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("credentials", 3)
    assert "DATABASE_SECRET_FILE" in failed["hint"]
    _assert_secret(result)


@SERVERS
async def test_each_change_of_the_file_is_worth_new_attempts(secret: Secret, tmp_path: Path) -> None:
    """The refused ones had another password."""
    secret.write(WRONG)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        for number in range(1, 5):
            await process.event("database_retry_scheduled", error_type="credentials", attempt=number)
            secret.write(f"{WRONG}{number}")
        await process.event("database_retry_scheduled", attempt=5)
        secret.write(OLD)
        await process.event("database_ready", attempts=6)
        assert await process.exit_code() == 0
    _assert_secret(process)


@SERVERS
async def test_a_refusal_is_reported_as_such_when_the_budget_is_spent(secret: Secret, tmp_path: Path) -> None:
    """Exit 4 would send a person to look at the network."""
    secret.write(WRONG)
    result = await run("wait", env=secret.env | {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "4"}, cwd=tmp_path)
    assert failure(result, "database_refused", 5)["error_type"] == "credentials"


@SERVERS
async def test_a_rotation_may_change_the_user_too(secret: Secret, tmp_path: Path, server: Server) -> None:
    """With alternating users the old one still lets old tasks in, until the next rotation."""
    rights = ("CREATE",) if server.backend == "postgresql" else ("ALL PRIVILEGES",)
    clone = make_url(server.add_user(secret.database, "gardener_clone", NEW, *rights).url)
    secret.alter(WRONG)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials")
        secret.url = clone
        secret.write(NEW)
        await process.event("database_ready")
        assert await process.exit_code() == 0
    _assert_secret(process)


def _empty(file: Path) -> None:
    file.write_text("")


def _half(file: Path) -> None:
    text = file.read_text()
    file.write_text(text[: len(text) // 2])


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _huge(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(2**40)  # sparse: it takes no room


def _circle(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def _latin(file: Path) -> None:
    file.write_bytes(file.read_text().replace("gardener", "gärtner").encode("latin-1"))


BROKEN: dict[str, Callable[[Path], None]] = {
    "empty": _empty,
    "half written": _half,
    "gone": Path.unlink,
    "a pipe": _pipe,
    "a directory": _directory,
    "huge": _huge,
    "a circle of links": _circle,
    "not UTF-8": _latin,
}


@backends("mariadb")
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_file_that_is_broken_for_a_moment_is_waited_for(secret: Secret, tmp_path: Path, broken: str) -> None:
    """Its volume is mounted again, for example; the event has the cause, and nothing hangs."""
    server, secret.url = secret.url, secret.url.set(port=1)
    secret.write(OLD)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        BROKEN[broken](secret.file)
        told = await process.event("database_retry_scheduled", error_type="credentials_file")
        secret.file.rmdir() if secret.file.is_dir() else secret.file.unlink(missing_ok=True)
        secret.url = server
        secret.write(OLD)
        await process.event("database_ready")
        assert await process.exit_code() == 0
    assert "DATABASE_SECRET_FILE" in told["error_message"]
    _assert_secret(process)
    assert "rtner" not in process.story()


@backends("mariadb")
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_start_with_a_broken_file_says_so(secret: Secret, tmp_path: Path, broken: str) -> None:
    """Before any change; a pipe without a writer must not block the start."""
    BROKEN[broken](secret.file)
    result = await run("wait", env=secret.env, cwd=tmp_path)
    failed = failure(result, "settings_invalid", 78)
    assert failed["variables"] == ["DATABASE_SECRET_FILE"]
    _assert_secret(result)


@backends("postgresql")
async def test_a_link_that_is_swapped_is_followed_each_time(secret: Secret, tmp_path: Path) -> None:
    """As Kubernetes mounts a secret: file -> ..data/file, and ..data -> the newest directory."""
    for name, password in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret.json").write_text(secret.text(password))
    secret.file.unlink()
    (tmp_path / "..data").symlink_to("..1")
    secret.file.symlink_to("..data/secret.json")
    secret.alter(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials")
        (tmp_path / "..swap").symlink_to("..2")
        (tmp_path / "..swap").rename(tmp_path / "..data")
        await process.event("database_ready", attempts=2)
        assert await process.exit_code() == 0


# ---------------------------------------------------------------- while migrating, and serving


@SERVERS
@pytest.mark.parametrize("file_too", ["with the file", "and the file is late"])
async def test_a_rotation_in_the_middle_of_a_revision_costs_it_nothing(
    secret: Secret, project: Project, file_too: str
) -> None:
    """Its own connection stays; the watching one logs in again, or sees nothing; the final check logs in again."""
    assert (await run("migrate", env=secret.env, cwd=project.path)).exit_code == 0
    project.add_revision("r2", "op.add_column('plants', sa.Column('age', sa.Integer))")
    project.add_revision("r3", "op.add_column('plants', sa.Column('height', sa.Integer))")
    late = file_too != "with the file"
    owner = Database(secret.url.set(password=OLD).render_as_string(hide_password=False), secret.database.backend)
    async with Orchestrator("migrate", env=secret.env, cwd=project.path) as process:
        with transaction(owner, "SELECT count(*) FROM plants"):
            await process.event("revision_progress", revision="r2")
            secret.alter(NEW)
            if not late:
                secret.write(NEW)
            # The first look may have begun with the old password.
            *_, told = [await process.event("revision_progress", after=len(process.events)) for _ in range(3)]
            if not late:
                await observed(process, "r2", after=len(process.events))
        if late:
            assert told["statement_state"] == ""
            await process.event("database_retry_scheduled", error_type="credentials")
            secret.write(NEW)
        await process.event("migrations_completed", applied_count=2, current_revision="r3")
        assert await process.exit_code() == 0
    assert not process.find("migration_failed")
    _assert_secret(process)


@SERVERS
async def test_an_env_py_logs_in_with_the_new_password(secret: Secret, project: Project) -> None:
    """It was given its URL when the scripts were loaded."""
    env_py = project.path / "alembic" / "env.py"
    env_py.write_text(WAIT_FOR_GO + env_py.read_text())
    async with Orchestrator("migrate", env=secret.env, cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        secret.alter(NEW)
        secret.write(NEW)
        go(project)
        await process.event("migrations_completed")
        assert await process.exit_code() == 0
    _assert_secret(process)


@SERVERS
async def test_the_apps_pool_logs_in_with_the_new_password(secret: Secret, project: Project) -> None:
    """A task lives for weeks, and a rotation comes every week; while the file is being written the old one may do."""
    project.write("app/main.py", ASKING_APP)
    async with Orchestrator("serve", env=secret.env, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            assert (await client.get("/")).text == "42"
            _empty(secret.file)
            assert (await client.get("/")).text == "42"
            secret.alter(NEW)
            secret.write(NEW)
            assert (await client.get("/")).text == "42"
        assert await process.stop() == 0
    _assert_secret(process)


@SERVERS
async def test_the_app_gets_the_password_that_is_valid_when_it_is_served(secret: Secret, project: Project) -> None:
    """A driver that is used without SQLAlchemy knows only DATABASE_URL, and the migration may have taken hours."""
    project.write("app/main.py", "import os\n" + DIGEST_APP)
    project.add_revision("r2", WAIT_FOR_GO)
    async with Orchestrator("serve", env=secret.env, cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        secret.alter(NEW)
        secret.write(NEW)
        go(project)
        await process.event("log", message="it is the new one: True")
        await process.event("server_started")
        assert await process.stop() == 0


DIGEST_APP = f"""
from urllib.parse import quote
NEW = {NEW[::-1]!r}[::-1]

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("it is the new one:", quote(NEW, safe=" +") in os.environ["DATABASE_URL"])
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
"""


@SERVERS
async def test_a_url_of_another_login_is_left_alone(secret: Secret, project: Project, database: Database) -> None:
    """The app may have a second database, with a user and password of its own choice."""
    other = make_url(database.url).render_as_string(hide_password=False)
    project.write("app/main.py", ASKING_APP.replace('os.environ["DATABASE_URL"]', repr(other)))
    async with Orchestrator("serve", env=secret.env, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            assert (await client.get("/")).text == "42"
        assert await process.stop() == 0


def test_urls_are_comparable() -> None:
    """Whether a login has changed is seen by comparing URLs, the password included."""
    url = URL.create("mysql+asyncmy", "u", "old", "h", 1, "d")
    assert url != url.set(password="new")
    assert url == make_url(url.render_as_string(hide_password=False))

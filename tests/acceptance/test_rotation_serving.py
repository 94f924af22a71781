"""The password changes while migrating and while serving: nobody who logs in again is refused."""

from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, go, observed
from tests.acceptance.rotating import ASKING_APP, NEW, OLD, Secret, assert_secret
from tests.clients import transaction
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql")


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
    assert_secret(process)


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
    assert_secret(process)


@SERVERS
async def test_the_apps_pool_logs_in_with_the_new_password(secret: Secret, project: Project) -> None:
    """A task lives for weeks, and a rotation comes every week; while the file is being written the old one may do."""
    project.write("app/main.py", ASKING_APP)
    async with Orchestrator("serve", env=secret.env, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            assert (await client.get("/")).text == "42"
            secret.file.write_text("")
            assert (await client.get("/")).text == "42"
            secret.alter(NEW)
            secret.write(NEW)
            assert (await client.get("/")).text == "42"
        assert await process.stop() == 0
    assert_secret(process)


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

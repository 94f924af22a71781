"""A database that answers with a refusal: waiting would not help, so the start ends at once and names the cure."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import tables
from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Event, Orchestrator, Project, make_project, run
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql", "mysql")
OWN = backends("mariadb", "postgresql")  # servers on which users can be added, with any privileges of the given one
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "30"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    return project


def _env(url: URL | str) -> dict[str, str]:
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return BUDGET | {"DATABASE_URL": text}


async def _refused(url: URL | str, project: Project, command: str = "migrate") -> Event:
    """Return why it was refused, at the first attempt."""
    result = await run(command, env=_env(url), cwd=project.path)
    failed = failure(result, "database_refused", 5)
    assert failed["attempts"] == 1
    assert failed["waited_seconds"] < 15  # half of the budget
    assert not result.find("database_retry_scheduled")
    return failed


def _codes(mysql: int, postgresql: str) -> dict[str, int | str]:
    return {"mariadb": mysql, "mysql": mysql, "postgresql": postgresql}


@SERVERS
@pytest.mark.parametrize("command", ["wait", "migrate", "serve"])
@pytest.mark.paired("database")
async def test_a_wrong_password_is_refused_at_once(database: Database, project: Project, command: str) -> None:
    """By every command; trying it again would only lock the account."""
    failed = await _refused(make_url(database.url).set(password="wrong"), project, command)
    assert (failed["error_type"], failed["error_code"]) == ("credentials", _codes(1045, "28P01")[database.backend])
    assert "password" in failed["hint"]
    assert database.tables() == []


@SERVERS
async def test_an_unknown_user_is_refused_at_once(database: Database, project: Project) -> None:
    """Servers do not distinguish it from a wrong password, and neither do we."""
    failed = await _refused(make_url(database.url).set(username="nobody"), project)
    assert (failed["error_type"], failed["error_code"]) == ("credentials", _codes(1045, "28P01")[database.backend])
    assert "user" in failed["hint"]


@SERVERS
async def test_a_database_that_does_not_exist_is_not_created(database: Database, project: Project) -> None:
    """A typo in its name must not become a new, empty database."""
    failed = await _refused(make_url(database.url).set(database="app_nowhere"), project)
    assert (failed["error_type"], failed["error_code"]) == ("unknown_database", _codes(1049, "3D000")[database.backend])
    assert "app_nowhere" in failed["message"]


@backends("mariadb")
async def test_a_user_without_any_right_is_refused_at_once(
    database: Database, server: Server, project: Project
) -> None:
    """MariaDB refuses a login to a database without any privilege in it."""
    failed = await _refused(server.add_user(database, "guest", "gu3st").url, project)
    assert (failed["error_type"], failed["error_code"]) == ("rights", 1044)
    assert "Grant" in failed["hint"]


@OWN
async def test_a_user_without_the_right_to_create_tables_leaves_nothing_half_done(
    database: Database, server: Server, project: Project
) -> None:
    """The privileges are missing when the version table is created, before any revision; the hint names the user."""
    reader = server.add_user(database, "reader", "r3ader", "SELECT")
    result = await run("migrate", env=_env(reader.url), cwd=project.path)
    failed = failure(result, "migration_failed", 7)
    assert failed["error_code"] == _codes(1142, "42501")[database.backend]
    assert "denied" in failed["message"]
    assert "MIGRATION_DATABASE_" in failed["hint"]
    assert not result.find("revision_started")
    assert database.tables() == []


@OWN
async def test_a_user_who_may_only_read_serves_a_database_at_head(
    database: Database, server: Server, project: Project
) -> None:
    """With two users the app's own needs no right to change tables: one migrates, the other serves."""
    database.execute("CREATE TABLE before_it (id INTEGER)")
    reader = server.add_user(database, "reader", "r3ader", "SELECT")
    assert (await run("migrate", env=_env(database.url), cwd=project.path)).exit_code == 0
    async with Orchestrator("serve", env=_env(reader.url), cwd=project.path) as process:
        await process.event("server_started")
        assert process.find("migrations_current")
        assert await process.stop() == 0
    assert_well_formed(process)


@OWN
async def test_the_user_who_migrates_may_be_another_than_the_one_who_serves(
    database: Database, server: Server, project: Project
) -> None:
    """Right or wrong, it is the migration's credentials that waiting and migrating use."""
    reader = make_url(server.add_user(database, "reader", "r3ader", "SELECT").url)
    owner = make_url(database.url)
    users = {"MIGRATION_DATABASE_USER": owner.username or "", "MIGRATION_DATABASE_PASSWORD": owner.password or ""}
    wrong = await run("migrate", env=_env(reader) | users | {"MIGRATION_DATABASE_PASSWORD": "wr0ng"}, cwd=project.path)
    assert failure(wrong, "database_refused", 5)["error_type"] == "credentials"
    right = await run("migrate", env=_env(reader) | users, cwd=project.path)
    assert (right.exit_code, tables(database)) == (0, ["plants"])


# ---------------------------------------------------------------- SQLite


def _sqlite(path: Path | str) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def test_a_file_in_a_directory_that_is_missing_is_refused(project: Project, tmp_path: Path) -> None:
    """A volume that was not mounted must not become a directory that is lost with the container."""
    failed = await _refused(_sqlite(tmp_path / "missing" / "app.db"), project)
    assert failed["error_type"] == "unknown_database"
    assert "directory" in failed["hint"]
    assert not (tmp_path / "missing").exists()


async def test_a_directory_is_not_a_database(project: Project, tmp_path: Path) -> None:
    """A path that stops one step short."""
    assert (await _refused(_sqlite(tmp_path), project))["error_type"] == "unknown_database"


async def test_a_file_that_is_not_a_database_stays_as_it_is(project: Project, tmp_path: Path) -> None:
    """The file may belong to another program."""
    file = tmp_path / "app.db"
    file.write_text("Dear diary, " * 1_000)
    failed = await _refused(_sqlite(file), project)
    assert failed["error_type"] == "protocol"
    assert "not a database" in failed["message"]
    assert file.read_text() == "Dear diary, " * 1_000


async def test_a_file_that_may_only_be_read_is_refused_if_there_is_something_to_migrate(
    project: Project, tmp_path: Path
) -> None:
    """At head it does for a start, as a replica does."""
    file = tmp_path / "app.db"
    sqlite3.connect(file).close()
    read_only = f"sqlite+aiosqlite:///file:{file}?mode=ro&uri=true"
    failed = await _refused(read_only, project)
    assert failed["error_type"] == "rights"
    assert "readonly" in failed["message"]
    assert (await run("migrate", env=_env(_sqlite(file)), cwd=project.path)).exit_code == 0
    async with Orchestrator("serve", env=_env(read_only), cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0


async def test_a_file_that_is_locked_is_waited_for(project: Project, tmp_path: Path) -> None:
    """Somebody's backup ends; ours begins to write when it has."""
    file = tmp_path / "app.db"
    env = _env(_sqlite(file)) | {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5"}
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with Orchestrator("migrate", env=env, cwd=project.path) as process:
            await process.event("database_retry_scheduled", error_type="busy", attempt=2)
            other.rollback()
            await process.event("migrations_completed")
            assert await process.exit_code() == 0
    assert_well_formed(process)
    assert tables(Database(_sqlite(file), "sqlite")) == ["plants"]


async def test_a_file_that_stays_locked_is_given_up_in_time(project: Project, tmp_path: Path) -> None:
    """The driver's own patience, five seconds, does not count; the process ends within the budget."""
    file = tmp_path / "app.db"
    env = _env(_sqlite(file)) | {
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5",
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "1",
    }
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = await run("migrate", env=env, cwd=project.path)
    failed = failure(result, "database_unreachable", 4)
    assert failed["error_type"] == "busy"
    assert failed["waited_seconds"] < 5

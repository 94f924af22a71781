"""A database that goes away in the middle of the migration: it is waited for, and the run continues or is refused."""

from collections.abc import Callable

import pytest

from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, environment, go, locks, migrate, stamped
from tests.acceptance.outcome import assert_well_formed, failure
from tests.acceptance.test_waiting_read_only import READ_ONLY
from tests.acceptance.waits import ROOM
from tests.harness import Orchestrator, Project, Result, make_project
from tests.servers import Database, MariaDB, PostgreSQL, Server, backends
from tests.servers.private import PrivateServer
from tests.servers.proxy import Mode, Proxy

TWO_PARTS = f"{INSERT.format(1, 'rose')}\n{WAIT_FOR_GO}\n{INSERT.format(2, 'oak')}"
BOTH = [(1,), (2,)]
FAST = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "8", "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "1"}


@pytest.fixture
def project(project: Project) -> Project:
    """Return a project with a table, and a revision that waits for us between two statements."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", TWO_PARTS)
    return project


def _ids(database: Database) -> list[tuple[int]]:
    return database.execute("SELECT id FROM plants ORDER BY id")


def _kill_holder(server: Server, database: Database) -> None:
    with locks(database) as lock:
        holder = lock.held_by()
    server.execute("SELECT pg_terminate_backend(%s)" if server.backend == "postgresql" else "KILL %s", holder)


@pytest.mark.parametrize(("make", "set_read_only", "code"), READ_ONLY)
async def test_a_server_that_turns_read_only_in_a_revision_is_waited_for(
    make: type[PrivateServer], set_read_only: Callable[..., None], code: int | str, project: Project
) -> None:
    """That is a failover, and no fault of the revision."""
    del code
    with make() as server:
        database = server.create_database()
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            set_read_only(server, database, read_only=True)
            _kill_holder(server, database)
            go(project)
            lost = await process.event("migration_interrupted", revision="r2", interruptions=1)
            await process.event("database_retry_scheduled", error_type="read_only")
            set_read_only(server, database, read_only=False)
            completed = await process.event("migrations_completed")
            assert await process.exit_code() == 0
        assert_well_formed(process)
        assert (lost["level"], lost["statements_done"]) == ("warning", 1)
        assert completed["applied_count"] == 2
        assert _ids(database) == BOTH


async def test_a_write_that_a_demoted_server_refuses_is_tried_again(project: Project) -> None:
    """1290 comes on a connection that lives on, and leads to the old primary."""
    with MariaDB() as server:
        database = server.create_database()
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            server.execute("SET GLOBAL read_only=1")
            go(project)
            lost = await process.event("migration_interrupted", error_type="read_only")
            server.execute("SET GLOBAL read_only=0")
            assert await process.exit_code() == 0
        assert (lost["revision"], lost["statement_index"], lost["error_code"]) == ("r2", 2, 1290)
        assert _ids(database) == BOTH


@backends("mariadb", "mysql", "postgresql")
@pytest.mark.parametrize("template", ["async", "generic"])
async def test_a_lost_connection_is_made_again(
    template: str, project: Project, database: Database, server: Server
) -> None:
    """Journalled statements are not repeated; if the state is uncertain it is refused, as by the next start."""
    project = make_project(project.path.parent / template, template)
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", TWO_PARTS)
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        _kill_holder(server, database)
        go(project)
        await process.event("migration_interrupted", revision="r2")
        completed = await process.event("migrations_completed")
        assert await process.exit_code() == 0
    assert_well_formed(process)
    assert completed["applied_count"] == 2
    assert (_ids(database), stamped(database)) == (BOTH, ["r2"])


@backends("postgresql")
async def test_work_done_elsewhere_is_not_done_again_after_a_lost_connection(
    project: Project, database: Database, server: Server
) -> None:
    """A repair would not help: the revision would be run again immediately."""
    script = next(project.path.glob("alembic/versions/*r2*"))
    elsewhere = "import subprocess\n    subprocess.run(['true'], check=True)\n    "
    script.write_text(script.read_text().replace("def upgrade():\n    ", f"def upgrade():\n    {elsewhere}", 1))
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        _kill_holder(server, database)
        go(project)
        await process.event("migration_interrupted", revision="r2")
        code = await process.exit_code()
    refused = failure(
        Result(process.lines, process.events, process.noise, process.stderr, exit_code=code),
        "migration_half_applied",
        8,
    )
    assert refused["error_type"] == "not_resumable"
    assert "another process was started" in refused["error_message"]
    assert _ids(database) == []


async def test_a_server_that_restarts_in_a_revision_is_waited_for(project: Project) -> None:
    """As it does in a failover or a maintenance window."""
    with PostgreSQL() as server:
        database = server.create_database()
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            server.restart()
            go(project)
            await process.event("migration_interrupted", revision="r2")
            assert await process.exit_code() == 0
        assert _ids(database) == BOTH


@backends("mariadb")
async def test_a_statement_that_loses_its_connection_again_and_again_is_a_failure(
    project: Project, database: Database
) -> None:
    """A statement may end the server, or be too large for it: waiting would not help."""
    project.add_revision("r3", "op.execute('KILL CONNECTION_ID()')")
    go(project)
    result = await migrate(project, database)
    failed = failure(result, "migration_half_applied", exit_code=8)  # the effect of a KILL is unknown
    assert len(result.find("migration_interrupted", revision="r3")) == 2
    assert "max_allowed_packet" in failed["hint"]
    assert "Fix the revision" not in failed["hint"]


@backends("mariadb", "postgresql")
@pytest.mark.parametrize("returns", [True, False])
async def test_a_network_that_delivers_nothing_ends_the_wait(
    project: Project, database: Database, server: Server, *, returns: bool
) -> None:
    """It acknowledges all data, so TCP notices nothing; a process without a limit would block the deployment."""
    async with Proxy(server.application_url.port or 0) as proxy:
        url = database.url.replace(f":{server.application_url.port}/", f":{proxy.port}/")
        env = (ROOM if returns else FAST) | {"DATABASE_URL": url}
        async with Orchestrator("migrate", env=env, cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            await proxy.set(Mode.BLACKHOLE)
            go(project)
            lost = await process.event("migration_interrupted", revision="r2")
            if returns:
                await proxy.set(Mode.PASS)
            code = await process.exit_code()
        result = Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)
    assert "nothing was heard of the database for" in lost["message"]
    if returns:
        assert (code, _ids(database)) == (0, BOTH), result.story()
    else:
        failure(result, "database_unreachable", exit_code=4)


SWALLOWS = """
import sqlalchemy
from alembic import context

try:
    with sqlalchemy.create_engine(context.config.get_main_option("sqlalchemy.url")).begin() as connection:
        context.configure(connection=connection)
        context.run_migrations()
except sqlalchemy.exc.DBAPIError:
    print("never mind")
"""
DEFERRED = """
op.execute("ALTER TABLE plants ADD parent INTEGER REFERENCES plants DEFERRABLE INITIALLY DEFERRED")
op.execute("INSERT INTO plants VALUES (3, 'elm', 7)")
"""


@backends("postgresql")
async def test_the_error_that_env_py_swallows_is_reported(project: Project, database: Database) -> None:
    """Its commit fails after the last revision, and env.py continues: without the error the cause would be unknown."""
    project.add_revision("r3", DEFERRED)
    project.write("alembic/env.py", SWALLOWS)
    go(project)
    failed = failure(await migrate(project, database), "migration_failed", exit_code=7)
    assert failed["error_type"] == "not_committed", failed
    assert "violates foreign key constraint" in failed["message"]
    assert failed["error_code"] == "23503"
    assert "raise" in failed["hint"]


@backends("mariadb", "postgresql")
async def test_an_env_py_that_cannot_connect_and_says_nothing_is_a_failure(
    project: Project, database: Database
) -> None:
    """Else the app would be served without its schema."""
    project.write(
        "alembic/env.py",
        SWALLOWS.replace('config.get_main_option("sqlalchemy.url")', "ELSEWHERE").replace(
            "try:", f"context.ELSEWHERE = {database.synchronous_url.replace('s3cret', 'wrong')!r}\ntry:"
        ),
    )
    failed = failure(await migrate(project, database), "migration_failed", exit_code=7)
    assert failed["error_type"] == "not_migrated"
    assert "run_migrations" in failed["message"]


SLEEPS = {"postgresql": "SELECT pg_sleep(5)", "mysql": "SELECT SLEEP(5)", "mariadb": "SELECT SLEEP(5)"}


@backends("mariadb", "mysql", "postgresql")
async def test_a_long_statement_is_not_taken_for_a_silent_network(project: Project, database: Database) -> None:
    """Its connection is silent for hours; another connection shows that the statement runs."""
    project.add_revision("r3", f"op.execute('{SLEEPS[database.backend]}')")
    go(project)
    result = await migrate(project, database, ORCHESTRATOR_WAIT_TIMEOUT_SECONDS="2")
    assert result.exit_code == 0, result.story()
    assert not result.find("migration_interrupted")

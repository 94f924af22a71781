"""Foreign env.py files: any code may make the connection and begin the transaction."""

import pytest

from tests.acceptance.migrations import (
    CREATE,
    WAIT_FOR_GO,
    environment,
    go,
    locks,
    migrate,
    stamped,
    tables,
    told,
)
from tests.acceptance.synchronous import INSISTS, synchronous
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")


ASKS = """
from alembic import context
from sqlalchemy import create_engine

connectable = context.config.attributes.get("connection", None)
if connectable is None:
    print("nobody gave a connection")
    connectable = create_engine(context.config.get_main_option("sqlalchemy.url")).connect()
with connectable as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


BEGINS = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"))
    async with engine.begin() as connection:
        await connection.run_sync(run)
{before_the_commit}
    await engine.dispose()

asyncio.run(main())
"""


async def test_an_env_that_requires_a_connection_gets_one(project: Project, database: Database) -> None:
    """Alembic's cookbook shows such an env.py, for programs that migrate: we are one."""
    project.write("alembic/env.py", INSISTS.format(options=""))
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert len(result.find("revision_applied")) == 2
    assert stamped(database) == ["r2"]


@backends("sqlite", "postgresql")
async def test_a_fallback_is_taken_when_there_is_no_connection(project: Project, database: Database) -> None:
    """Whoever only asks for one is not given one: the fallback is what the team has tried. Its pool is never closed."""
    project.write("alembic/env.py", ASKS)
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert result.find("log", message="nobody gave a connection")
    assert stamped(database) == ["r2"]
    assert (result.noise, result.stderr) == ([], "")


@backends("postgresql", "mariadb", "mysql")
async def test_nothing_is_called_applied_before_the_commit(project: Project, database: Database) -> None:
    """With engine.begin() in env.py all is one transaction: the reports, and the lock, wait for its end."""
    indented = "\n".join(f"        {line}" for line in WAIT_FOR_GO.strip().splitlines())
    project.write("alembic/env.py", BEGINS.format(before_the_commit=indented))
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        assert stamped(database) != ["r2"]
        assert told(process)[-2:] == ["revision_started", "revision_started"]
        with locks(database) as lock:
            assert not lock.try_acquire()
        go(project)
        assert await process.exit_code() == 0
    assert told(process)[-4:] == ["lock_released", "revision_applied", "revision_applied", "migrations_completed"]
    assert stamped(database) == ["r2"]


@backends("postgresql", "mariadb", "mysql")
async def test_a_driver_of_the_team_is_good_enough(project: Project, database: Database) -> None:
    """PyMySQL or psycopg2: the lock is on that connection, and the reports are the same."""
    settings = synchronous(project, database, last="assert connection.closed")
    result = await migrate(project, database, **settings)
    assert result.exit_code == 0
    assert told(result) == [
        "migrations_planned",
        "lock_acquired",
        "revision_started",
        "revision_applied",
        "revision_started",
        "revision_applied",
        "lock_released",
        "migrations_completed",
    ]
    assert stamped(database) == ["r2"]


@backends("postgresql")
async def test_work_that_was_never_committed_is_not_a_success(project: Project, database: Database) -> None:
    """A statement before configure() begins a transaction that is never ended: Alembic leaves it to env.py."""
    settings = synchronous(project, database, first="connection.exec_driver_sql('SELECT 1')")
    result = await migrate(project, database, **settings)
    assert result.exit_code == 7
    (failure,) = result.find("migration_failed", error_type="not_committed")
    assert "before context.configure()" in failure["hint"]
    assert not result.find("revision_applied")
    assert tables(database) == []


@backends("mariadb", "mysql")
async def test_a_lost_stamp_is_not_said_to_have_left_nothing(project: Project, database: Database) -> None:
    """Where DDL commits by itself the same env.py leaves the tables and loses the stamp: the next start would fail."""
    project.add_revision("r3", CREATE.format("trees"))
    settings = synchronous(project, database, first="connection.exec_driver_sql('SELECT 1')")
    result = await migrate(project, database, **settings)
    assert result.exit_code == 8
    (failure,) = result.find("migration_half_applied", error_type="not_committed")
    assert "before context.configure()" in failure["hint"]
    assert "trees" in database.tables()


@backends("sqlite")
@pytest.mark.parametrize("version_table", ["", "# version_table: only Alembic can look"])
@pytest.mark.parametrize(
    ("statement", "error_type"),
    [
        ("raise LookupError('no vault')", "LookupError"),
        ("raise SystemExit('no vault')", "SystemExit"),
        ("raise BaseException('no vault')", "BaseException"),
    ],
)
async def test_an_env_that_fails_is_reported_with_its_traceback(
    project: Project, database: Database, statement: str, error_type: str, version_table: str
) -> None:
    """It is the image's fault, not ours, also when env.py is only run to look where the database is."""
    project.write("alembic/env.py", f"{statement}\n{version_table}")
    result = await migrate(project, database)
    assert result.exit_code == 7
    (failure,) = result.find("migration_failed", error_type=error_type, error_message="no vault", revision="")
    assert "env.py" in failure["hint"]
    assert "env.py" in failure["exception"]
    assert database.tables() == []


@backends("sqlite")
async def test_the_prints_and_the_logging_of_env_do_no_harm(project: Project, database: Database) -> None:
    """Printed text becomes records; its handlers and levels do not stop our events."""
    stock = (project.path / "alembic" / "env.py").read_text()
    rude = (
        "import logging, logging.config, sys\n"
        "print('first line\\nsecond line')\n"
        "sys.stderr.write('aside')\n"
        "logging.basicConfig(level='ERROR', force=True)\n"
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'CRITICAL'}})\n"
    )
    project.write("alembic/env.py", rude + stock)
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert result.noise == []
    assert [event["message"] for event in result.find("log", logger="stdout")] == ["first line", "second line"]
    assert len(result.find("revision_applied")) == 2
    assert told(result)[-1] == "migrations_completed"
    assert result.events[-1]["event"] == "process_stopped"


@backends("postgresql")
async def test_an_engine_in_autocommit_leaves_what_it_did(project: Project, database: Database) -> None:
    """There DDL cannot be rolled back on PostgreSQL either, and a failure must not claim that it was."""
    project.add_revision("r3", "op.execute('CREATE TABLE trees (id INTEGER)')\nop.execute('SELECT * FROM nothing')")
    settings = synchronous(project, database, engine_options=", isolation_level='AUTOCOMMIT'")
    result = await migrate(project, database, **settings)
    assert "trees" in database.tables()
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r3", statements_done=1)


@backends("sqlite")
async def test_a_revision_is_not_begun_twice_for_want_of_a_greenlet(project: Project, database: Database) -> None:
    """We run a synchronous env.py again when its connection is asynchronous, but not when it is a revision's own."""
    connect = f"sa.create_engine({database.url!r}).connect()"
    project.add_revision("r3", f"{CREATE.format('trees')}\nprint('r3 begins')\n{connect}")
    settings = synchronous(project, database)
    result = await migrate(project, database, **settings)
    assert len(result.find("log", message="r3 begins")) == 1
    assert result.exit_code == 7
    assert result.find("migration_failed", revision="r3", error_type="MissingGreenlet")

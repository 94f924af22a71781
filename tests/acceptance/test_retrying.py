"""A statement that met a lock is tried again: it gets through when the lock is gone, and nothing is done twice."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, NullPool, create_engine

from tests.acceptance.migrations import WAIT_FOR_GO, columns, environment, go, migrate, stamped, tables, until
from tests.acceptance.retries import (
    ADD_COLUMN,
    COUNT,
    IMPATIENT,
    READ,
    TREES,
    TULIP,
    WRITE,
    blocked,
    steps,
    with_two_rows,
)
from tests.clients import transaction
from tests.harness import Event, Orchestrator, Output, Project
from tests.servers import Database, Server, backends


@pytest.fixture
async def project(project: Project, database: Database) -> Project:
    """Return a project whose first revision is applied."""
    return await with_two_rows(project, database)


def _assert_announced(process: Output, statement_index: int) -> list[Event]:
    """Each try is counted, and its pause is jittered and grows."""
    retries = process.find("revision_retry_scheduled", revision="r2")
    assert [event["attempt"] for event in retries] == list(range(1, len(retries) + 1))
    assert {event["statement_index"] for event in retries} == {statement_index}
    for event in retries:
        longest = min(10, 0.2 * 2 ** (event["attempt"] - 1))
        assert longest / 2 <= event["retry_in_seconds"] <= longest
    return retries


def _runs(database: Database, process: Output) -> int:
    """How often upgrade() was run: where DDL is transactional, once more than was waited."""
    again = len(process.find("revision_retry_scheduled")) if database.backend == "postgresql" else 0
    return 1 + again


async def _migrated_past(project: Project, database: Database, statement: str) -> Orchestrator:
    """Migrate while another transaction holds what this statement took; it lets go at the second try."""
    with contextlib.ExitStack() as held:
        held.enter_context(transaction(database, statement))
        async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
            await process.event("revision_retry_scheduled", attempt=2)
            held.close()
            assert await process.exit_code() == 0
    return process


@backends("mariadb", "postgresql", "mysql")
async def test_a_held_table_is_changed_as_soon_as_it_is_free(project: Project, database: Database) -> None:
    """Earlier work of the same transaction is undone and done again, or kept; never done twice."""
    project.add_revision("r2", f"{COUNT}\n{ADD_COLUMN}\n{COUNT}")
    with contextlib.ExitStack() as held:
        holder = held.enter_context(transaction(database, READ))
        settings = environment(database, ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="1")
        async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
            await process.event("revision_retry_scheduled", attempt=3)
            if database.backend != "mariadb":  # it shows that only with the privilege PROCESS
                assert f" {holder} of " in (await blocked(process))["blocked_by"]
            held.close()
            freed = datetime.now(UTC).isoformat(timespec="milliseconds").partition("+")[0]
            assert await process.exit_code() == 0
    retries = _assert_announced(process, statement_index=2)
    assert len([event for event in retries if event["timestamp"] > freed]) <= 1
    assert len(process.find("log", message="from the top")) == _runs(database, process) + 1
    assert steps(database) == 2
    assert "height" in columns(database, "plants")
    assert process.find("revision_applied", revision="r2", statements=4)


@backends("mariadb", "postgresql", "mysql")
async def test_a_held_row_is_waited_for_like_a_table(project: Project, database: Database) -> None:
    """It is the same limit, and the server undoes only the statement, or we undo the whole transaction."""
    project.add_revision("r2", f"{COUNT}\n{TULIP}")
    process = await _migrated_past(project, database, WRITE)
    _assert_announced(process, statement_index=2)
    assert steps(database) == 1
    assert database.execute("SELECT name FROM plants WHERE id = 1") == [("rose!",)]


@backends("mariadb", "postgresql", "mysql")
async def test_a_held_row_is_waited_for_in_autocommit_too(project: Project, database: Database) -> None:
    """There each statement is a transaction with its record."""
    indented = f"{COUNT}\n{TULIP}".replace("\n", "\n    ")
    project.add_revision("r2", f"with op.get_context().autocommit_block():\n    {indented}\n{COUNT}")
    process = await _migrated_past(project, database, WRITE)
    _assert_announced(process, statement_index=2)
    assert steps(database) == 2
    assert database.execute("SELECT name FROM plants WHERE id = 1") == [("rose!",)]


@backends("mariadb", "postgresql", "mysql")
async def test_a_temporary_table_is_not_a_reason_to_give_up(project: Project, database: Database) -> None:
    """It still exists, or it is undone with all other work and created again."""
    bag = "op.execute('CREATE TEMPORARY TABLE bag AS SELECT 1 AS step')"
    fill = "op.execute('INSERT INTO ledger SELECT step FROM bag')"
    project.add_revision("r2", f"{bag}\n{ADD_COLUMN}\n{fill}")
    await _migrated_past(project, database, READ)
    assert steps(database) == 1


@backends("postgresql")
async def test_an_explicit_lock_is_waited_for(project: Project, database: Database) -> None:
    """Also as the first statement of its transaction."""
    project.add_revision("r2", f"op.execute('LOCK TABLE plants IN ACCESS EXCLUSIVE MODE')\n{COUNT}\n{TULIP}")
    await _migrated_past(project, database, READ)
    assert steps(database) == 1


@backends("mariadb", "mysql")
async def test_locked_tables_are_waited_for(project: Project, database: Database) -> None:
    """Both ways: LOCK TABLES waits, and what is locked by others is waited for."""
    statements = "LOCK TABLES plants WRITE, ledger WRITE", "INSERT INTO ledger VALUES (1)", "UNLOCK TABLES"
    project.add_revision("r2", "\n".join(f"op.execute({each!r})" for each in statements))
    process = await _migrated_past(project, database, "LOCK TABLES plants WRITE")
    _assert_announced(process, statement_index=1)
    assert steps(database) == 1


@backends("mariadb", "mysql")
async def test_a_procedure_is_not_called_again_when_it_has_done_a_part(project: Project, database: Database) -> None:
    """Of a CALL the server undoes the statement in it that met the lock, and not those before."""
    body = "INSERT INTO ledger VALUES (1); UPDATE plants SET name = 'tulip' WHERE id = 1;"
    database.execute(f"CREATE PROCEDURE work() BEGIN {body} END")
    project.add_revision("r2", "op.execute('CALL work()')")
    with transaction(database, WRITE):
        result = await migrate(project, database, **IMPATIENT)
    assert result.exit_code == 7, result.story()
    assert steps(database) == 0
    assert (await migrate(project, database)).exit_code == 0
    assert steps(database) == 1


@backends("sqlite")
@pytest.mark.parametrize("held", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_a_held_file_is_waited_for(project: Project, database: Database, held: str) -> None:
    """SQLite has one lock for all tables."""
    project.add_revision("r2", f"{WAIT_FOR_GO}\n{COUNT}\n{ADD_COLUMN}")
    async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        with transaction(database, held):
            go(project)
            await process.event("revision_retry_scheduled", attempt=2)
        assert await process.exit_code() == 0
    _assert_announced(process, statement_index=1)
    assert steps(database) == 1


@backends("sqlite")
async def test_readers_of_the_file_are_waited_for_at_the_commit(project: Project, database: Database) -> None:
    """Only there do they stand in the way, and the transaction that could not be committed is still whole."""
    project.add_revision("r2", f"{COUNT}\n{WAIT_FOR_GO}\n{ADD_COLUMN}")
    async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        with transaction(database, "BEGIN", READ):
            go(project)
            await process.event("revision_retry_scheduled", attempt=2)
        assert await process.exit_code() == 0
    assert steps(database) == 1
    assert stamped(database) == ["r2"]


@contextlib.contextmanager
def _rival(server: Server, database: Database) -> Iterator[Connection]:
    """Yield a session that holds the second row, and whom the server will not choose to end.

    InnoDB ends who has changed less, PostgreSQL who looks first.
    """
    engine = create_engine(server.admin_url.set(database=database.name), poolclass=NullPool)
    with engine.connect() as connection:
        if database.backend == "postgresql":
            connection.exec_driver_sql("SET deadlock_timeout = '60s'")
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS weight (n INTEGER)")
        connection.commit()
        connection.exec_driver_sql(f"INSERT INTO weight VALUES {', '.join(['(1)'] * 200)}")  # noqa: S608 - our own
        connection.exec_driver_sql("UPDATE plants SET name = 'held' WHERE id = 2")
        yield connection
        connection.rollback()


_WAITING = {
    "mysql": "SELECT 1 FROM information_schema.innodb_trx JOIN performance_schema.threads "
    "ON processlist_id = trx_mysql_thread_id "
    "WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'UPDATE%%2' AND processlist_db = %s",
    "mariadb": "SELECT 1 FROM information_schema.innodb_trx JOIN information_schema.processlist "
    "ON id = trx_mysql_thread_id WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'UPDATE%%2' AND db = %s",
    "postgresql": "SELECT 1 FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%%2' AND datname = %s",
}


async def _wait_until_it_waits(server: Server, database: Database) -> None:
    """Wait until a session waits for a row; InnoDB refreshes its views only after a pause between reads."""
    pause = "SELECT pg_sleep(0.2)" if database.backend == "postgresql" else "SELECT SLEEP(0.2)"
    await until(lambda: server.execute(pause) and server.execute(_WAITING[database.backend], database.name))


@backends("mariadb", "postgresql", "mysql")
@pytest.mark.parametrize("how", ["plain", "nested", "orm"])
async def test_a_deadlock_is_survived(project: Project, database: Database, server: Server, how: str) -> None:
    """The server ends one of two transactions for the sake of the other; nothing is wrong with ours."""
    up = "{}.execute(sa.text(\"UPDATE plants SET name = concat(name, '!') WHERE id = {}\"))"
    within, by = {
        "plain": ("if True", "op"),
        "nested": ("with op.get_bind().begin_nested()", "op"),
        "orm": ("import sqlalchemy.orm\nwith sa.orm.Session(op.get_bind()) as session", "session"),
    }[how]
    both = f"{within}:\n    {up.format(by, 1)}\n    {up.format(by, 2)}"
    both += "\n    session.commit()" if how == "orm" else ""
    project.add_revision("r2", f"{TREES}\n{COUNT}\n{both}")
    patient = environment(database, ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="60")
    async with Orchestrator("migrate", env=patient, cwd=project.path) as process:
        with _rival(server, database) as rival:
            await _wait_until_it_waits(server, database)
            crossing = threading.Thread(target=rival.exec_driver_sql, args=(WRITE,))
            crossing.start()
            await process.event("revision_retry_scheduled", revision="r2")
            crossing.join()
        assert await process.exit_code() == 0
    assert steps(database) == 1
    assert database.execute("SELECT name FROM plants ORDER BY id") == [("rose!",), ("oak!",)]
    assert tables(database) == ["ledger", "plants", "trees", "weight"]

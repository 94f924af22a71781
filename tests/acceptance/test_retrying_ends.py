"""What meets a lock for too long: it ends with its budget or a stop, and the next start finishes what was begun."""

import contextlib

import pytest

from tests.acceptance.migrations import environment, migrate, until
from tests.acceptance.retries import (
    ADD_COLUMN,
    CONCURRENTLY,
    COUNT,
    IMPATIENT,
    READ,
    TREES,
    WRITE,
    steps,
    with_two_rows,
)
from tests.clients import transaction
from tests.harness import PROMPT_SECONDS, Orchestrator, Project
from tests.servers import Database, Server, backends

LONG_PAUSES = """
from orchestrator.migrations.journal import lock_retry
lock_retry.Backoff.next = lambda _: 99.0
"""
"""Statements for a revision whose pauses take longer than a busy machine takes to stop."""


@pytest.fixture
async def project(project: Project, database: Database) -> Project:
    """Return a project whose first revision is applied."""
    return await with_two_rows(project, database)


@backends("mariadb", "postgresql", "mysql")
async def test_a_table_that_is_never_free_ends_the_start(project: Project, database: Database) -> None:
    """Within its time limit, with a hint; and if DDL stays, the next start continues after it."""
    project.add_revision("r2", f"{COUNT}\n{TREES}\n{ADD_COLUMN}")
    with transaction(database, READ):
        result = await migrate(project, database, ORCHESTRATOR_DDL_RETRY_SECONDS="0.5", **IMPATIENT)
    transactional = database.backend == "postgresql"
    assert result.exit_code == (7 if transactional else 8), result.story()
    name = "migration_failed" if transactional else "migration_half_applied"
    (failure,) = result.find(name, revision="r2", statement_index=3, statements_done=2)
    assert "ORCHESTRATOR_DDL_RETRY_SECONDS" in failure["hint"]
    again = await migrate(project, database)
    assert again.exit_code == 0
    assert len(again.find("revision_resumed")) == (0 if transactional else 1)
    assert steps(database) == 1


@backends("mariadb", "postgresql", "mysql")
async def test_a_long_pause_ends_with_the_stop(project: Project, database: Database) -> None:
    """At once; and the next start finishes what was begun."""
    project.add_revision("r2", f"{LONG_PAUSES}\n{COUNT}\n{TREES}\n{ADD_COLUMN}")
    with contextlib.ExitStack() as held:
        held.enter_context(transaction(database, READ))
        async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
            await process.event("revision_retry_scheduled", attempt=1, retry_in_seconds=99)
            assert await process.stop(within=PROMPT_SECONDS) == 12
            held.close()
    assert len(process.find("migration_stopped", revision="r2")) == 1
    assert (await migrate(project, database)).exit_code == 0
    assert steps(database) == 1


@backends("postgresql")
async def test_an_index_is_built_concurrently_beside_a_long_transaction(
    project: Project, database: Database, server: Server
) -> None:
    """It waits for all earlier transactions, and blocks no session meanwhile."""
    project.add_revision("r2", f"{COUNT}\n{CONCURRENTLY}\n{COUNT}")
    with contextlib.ExitStack() as held:
        held.enter_context(transaction(database, WRITE))
        async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
            asked = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE 'CREATE INDEX CONC%%'"
            await until(lambda: server.execute(asked, database.name))
            with pytest.raises(AssertionError, match="did not end"):
                await process.exit_code(within=3)
            held.close()
            assert await process.exit_code() == 0
    assert database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass") == [(True,)]
    assert steps(database) == 2


@backends("postgresql")
async def test_an_index_for_which_others_are_never_gone_ends_the_start(project: Project, database: Database) -> None:
    """It waits for as long as the budget is, once; its ruin is in use as well, and left to the next start."""
    project.add_revision("r2", f"{COUNT}\n{CONCURRENTLY}\n{COUNT}")
    with transaction(database, "INSERT INTO plants VALUES (3, 'elm')"):
        result = await migrate(project, database, ORCHESTRATOR_DDL_RETRY_SECONDS="2", **IMPATIENT)
    assert result.exit_code == 8
    assert not result.find("revision_retry_scheduled")
    (failure,) = result.find("migration_half_applied", revision="r2", statement_index=2, statements_done=1)
    assert "ORCHESTRATOR_DDL_RETRY_SECONDS" in failure["hint"]
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass") == [(True,)]
    assert steps(database) == 2

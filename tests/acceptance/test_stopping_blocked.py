"""SIGTERM while a statement waits for others, who may keep it waiting for longer than any budget."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, INSERT, columns, environment, migrate, stamped
from tests.clients import transaction
from tests.harness import PATIENCE_SECONDS, PROMPT_SECONDS, Orchestrator, Project, make_project
from tests.servers import Database, Server, backends

PATIENT = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120"}
ADD_COLUMN = "op.add_column('plants', sa.Column('age', sa.Integer))"
UPDATE = "UPDATE plants SET name = '{}' WHERE id = 1"


@pytest.fixture
async def project(tmp_path: Path, database: Database) -> Project:
    """Return a project whose first revision makes a row, and is applied."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", f"{CREATE.format('plants')}\n{INSERT.format(1, 'rose')}")
    assert (await migrate(project, database)).exit_code == 0
    return project


async def _waits(server: Server, database: Database, statement: str) -> None:
    """Wait until the server runs a statement that begins so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not _runs(server, database, statement):  # noqa: ASYNC110  # the server has no event for it
            await asyncio.sleep(0.02)


def _runs(server: Server, database: Database, statement: str) -> bool:
    """Tell whether the server runs a statement that begins so."""
    query = "SELECT info FROM information_schema.processlist WHERE info IS NOT NULL AND db = %s"
    if database.backend == "postgresql":
        query = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND datname = %s"
    return any(text.startswith(statement) for (text,) in server.execute(query, database.name))


@backends("mariadb", "postgresql", "mysql")
async def test_what_waits_for_a_table_is_cancelled_at_once(
    project: Project, database: Database, server: Server
) -> None:
    """It has not begun, and the session that holds the table may hold it for hours: waiting would be useless."""
    project.add_revision("locked", ADD_COLUMN)
    with transaction(database, "SELECT * FROM plants"):
        async with Orchestrator("migrate", env=environment(database, **PATIENT), cwd=project.path) as process:
            await _waits(server, database, "ALTER TABLE")
            process.signal(signal.SIGTERM)
            assert await process.exit_code(PROMPT_SECONDS) == 12
        assert not _runs(server, database, "ALTER TABLE")
    assert process.find("migration_stopped", revision="locked", statement_index=1, statements_done=0)
    assert "age" not in columns(database, "plants")
    assert (await migrate(project, database)).exit_code == 0
    assert "age" in columns(database, "plants")


@backends("postgresql", "mysql")
async def test_what_waits_for_a_row_is_cancelled_at_once(project: Project, database: Database, server: Server) -> None:
    """The same; MariaDB shows this to those only who have the right PROCESS."""
    project.add_revision("locked", f"op.execute({UPDATE.format('oak')!r})")
    with transaction(database, UPDATE.format("elm")):
        async with Orchestrator("migrate", env=environment(database, **PATIENT), cwd=project.path) as process:
            await _waits(server, database, UPDATE.format("oak"))
            process.signal(signal.SIGTERM)
            assert await process.exit_code(PROMPT_SECONDS) == 12
    assert process.find("migration_stopped", revision="locked", statement_index=1)
    assert stamped(database) == ["r1"]


@backends("mariadb", "postgresql", "mysql")
async def test_a_pause_before_another_try_ends_at_once(project: Project, database: Database) -> None:
    """Nothing runs then that could be finished."""
    project.add_revision("locked", ADD_COLUMN)
    impatient = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "0.1"}
    with transaction(database, "SELECT * FROM plants"):
        async with Orchestrator("migrate", env=environment(database, **impatient), cwd=project.path) as process:
            await process.event("revision_retry_scheduled", attempt=2)
            process.signal(signal.SIGTERM)
            assert await process.exit_code(PROMPT_SECONDS) == 12
    assert process.find("migration_stopped", revision="locked")
    assert "age" not in columns(database, "plants")

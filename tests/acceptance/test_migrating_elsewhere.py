"""ORCHESTRATOR_MIGRATE=false: a separate task migrates, and the serving process waits for it."""

import pytest

from tests.acceptance.migrations import environment, migrate, stamped, told
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")


def _named(project: Project) -> None:
    """Let env.py name the version table, so that only Alembic can look."""
    env = (project.path / "alembic" / "env.py").read_text()
    project.write(
        "alembic/env.py", env.replace("connection=connection,", "connection=connection, version_table='mine',")
    )


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.paired("database")
async def test_who_serves_waits_for_who_migrates(project: Project, database: Database, *, named: bool) -> None:
    """It never migrates itself, reports what it waits for, and `migrate` ignores the variable."""
    if named:
        _named(project)
    settings = environment(database, ORCHESTRATOR_MIGRATE="false")
    async with Orchestrator("serve", env=settings, cwd=project.path) as process:
        retry = await process.event("database_retry_scheduled", error_type="not_at_head")
        assert "base" in retry["error_message"]
        assert "r2" in retry["error_message"]
        result = await migrate(project, database, ORCHESTRATOR_MIGRATE="false")
        assert (result.exit_code, len(result.find("revision_applied"))) == (0, 2)
        await process.event("server_started")
        assert await process.stop() == 0
    assert told(process) == ["migrations_current"]


@backends("sqlite")
@pytest.mark.parametrize("named", [False, True])
async def test_the_wait_has_an_end(project: Project, database: Database, *, named: bool) -> None:
    """A task that never came is an error with a name, and the database is as it was."""
    if named:
        _named(project)
    settings = environment(database, ORCHESTRATOR_MIGRATE="false", ORCHESTRATOR_WAIT_TIMEOUT_SECONDS="1")
    async with Orchestrator("serve", env=settings, cwd=project.path) as process:
        assert await process.exit_code() == 4
    (failure,) = process.find("database_unreachable", error_type="not_at_head")
    assert "orchestrator migrate" in failure["hint"]
    assert database.tables() == []


@backends("sqlite")
async def test_a_database_that_is_further_on_is_not_a_reason_to_wait(project: Project, database: Database) -> None:
    """It would never come back; nothing proves that it fits, so it is refused at once."""
    await migrate(project, database)
    database.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    async with Orchestrator(
        "serve", env=environment(database, ORCHESTRATOR_MIGRATE="false"), cwd=project.path
    ) as process:
        assert await process.exit_code() == 10
    assert not process.find("database_retry_scheduled")
    assert stamped(database) == ["from_the_future"]

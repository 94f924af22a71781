"""SIGTERM while migrating: what runs may end, what does not end is cancelled, all of it within the budget."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, environment, go, migrate, stamped, told
from tests.harness import PROMPT_SECONDS, Orchestrator, Project, make_project
from tests.servers import Database, Server, backends

BUDGET = 5.0
SETTINGS = {"ORCHESTRATOR_SHUTDOWN_SECONDS": f"{BUDGET:g}"}
LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0",
    "postgresql": "SELECT pg_sleep(97)",
    "mariadb": "SELECT id FROM plants WHERE SLEEP(97)",
    "mysql": "SELECT id FROM plants WHERE SLEEP(97)",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose first revision makes a row."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", f"{CREATE.format('plants')}\n{INSERT.format(1, 'rose')}")
    return project


def _add_long(project: Project, database: Database) -> None:
    """Add a revision that prints when its endless statement begins."""
    project.add_revision("long", f"print('here it goes')\nop.execute({LONG[database.backend]!r})")


def _running(server: Server, database: Database) -> list[str]:
    """Name the statements that the server runs on a database."""
    if database.backend == "postgresql":
        query = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND datname = %s"
    else:
        query = "SELECT info FROM information_schema.processlist WHERE info IS NOT NULL AND db = %s"
    return [text for (text,) in server.execute(query, database.name)]


def _seconds_to_stop(process: Orchestrator) -> float:
    """Return the time from the request to the last event, by the clock of the process: ours may wait for a core."""
    (requested,) = process.find("stop_requested")
    return float(process.events[-1]["elapsed_seconds"] - requested["elapsed_seconds"])


async def test_the_running_revision_ends_and_the_next_does_not_begin(project: Project, database: Database) -> None:
    """The port answers meanwhile, so the platform does not kill it; the next start continues where this one stopped.

    What env.py does after the migrations, such as seeding, needs all of them.
    """
    env = project.path / "alembic" / "env.py"
    env.write_text(f"{env.read_text()}\nprint('seeds')\n")
    project.add_revision("r2", f"{WAIT_FOR_GO}\n{INSERT.format(2, 'oak')}")
    project.add_revision("r3")
    async with (
        Orchestrator("serve", env=environment(database), cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGTERM)
        await process.event("stop_requested", signal="SIGTERM")
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        go(project)
        assert await process.exit_code() == 0
    assert told(process)[-2:] == ["revision_applied", "lock_released"]
    assert not process.find("revision_started", revision="r3")
    assert not process.find("server_started")
    assert not process.find("log", message="seeds")
    assert process.events[-1]["event"] == "process_stopped"
    assert stamped(database) == ["r2"]
    again = await migrate(project, database)
    assert [event["revision"] for event in again.find("revision_applied")] == ["r3"]
    assert again.find("log", message="seeds")


@backends("mariadb", "postgresql", "mysql")
async def test_a_statement_that_does_not_end_is_cancelled(project: Project, database: Database, server: Server) -> None:
    """A client that goes away does not end it: it must be gone from the server too, before the budget is."""
    _add_long(project, database)
    async with Orchestrator("migrate", env=environment(database, **SETTINGS), cwd=project.path) as process:
        await process.event("log", message="here it goes")
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 12
    assert LONG[database.backend] not in _running(server, database)
    assert BUDGET / 2 < _seconds_to_stop(process) < BUDGET + PROMPT_SECONDS
    (failure,) = process.find("migration_stopped", revision="long", statement_index=1, statements_done=0)
    assert failure["statement"] == LONG[database.backend]
    assert failure["error_code"] in (1317, "57014")
    assert process.events[-1]["exit_code"] == 12
    assert stamped(database) == ["r1"]
    project.add_revision("long", down_revision="r1")
    assert (await migrate(project, database)).exit_code == 0


@backends("sqlite")
@pytest.mark.parametrize("budget", ["1", "3"])
async def test_what_cannot_be_cancelled_is_left_within_the_budget(
    project: Project, database: Database, budget: str
) -> None:
    """The statement runs in this process and ends with it; the last events are out all the same."""
    _add_long(project, database)
    settings = environment(database, ORCHESTRATOR_SHUTDOWN_SECONDS=budget)
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        await process.event("log", message="here it goes")
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 12
    assert _seconds_to_stop(process) < float(budget) + PROMPT_SECONDS
    assert process.find("migration_stopped", revision="long", statement_index=1)
    assert process.events[-1]["event"] == "startup_failed"
    assert stamped(database) == ["r1"]


async def test_a_second_signal_is_the_same_request(project: Project, database: Database) -> None:
    """A platform, or a person, that asks twice does not want a revision that is torn in two."""
    project.add_revision("r2", f"{WAIT_FOR_GO}\n{INSERT.format(2, 'oak')}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGTERM)
        await process.event("stop_requested", signal="SIGTERM")
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
        with pytest.raises(AssertionError, match="did not end"):
            await process.exit_code(within=1.5)  # which is enough to be in a hurry
        go(project)
        assert await process.exit_code() == 0
    assert len(process.find("stop_requested")) == 1
    assert process.find("revision_applied", revision="r2")
    assert stamped(database) == ["r2"]


@backends("mariadb", "mysql")
async def test_what_was_done_before_the_stop_is_reported(project: Project, database: Database) -> None:
    """If DDL stays, the next start may fail at it: the event shows how far it was."""
    project.add_revision("long", f"{CREATE.format('trees')}\nprint('here it goes')\nop.execute({LONG['mysql']!r})")
    async with Orchestrator("migrate", env=environment(database, **SETTINGS), cwd=project.path) as process:
        await process.event("log", message="here it goes")
        assert await process.stop() == 12
    assert process.find("migration_stopped", revision="long", statement_index=2, statements_done=1)
    assert "trees" in database.tables()


@backends("postgresql")
async def test_a_revision_that_swallows_its_cancelling_is_not_followed(project: Project, database: Database) -> None:
    """It is applied, and then it is over."""
    project.add_revision(
        "long",
        "print('here it goes')\ntry:\n    with op.get_bind().begin_nested():\n"
        f"        op.execute({LONG['postgresql']!r})\nexcept sa.exc.DBAPIError:\n    print('never mind')",
    )
    project.add_revision("r3")
    async with Orchestrator("migrate", env=environment(database, **SETTINGS), cwd=project.path) as process:
        await process.event("log", message="here it goes")
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 12
    assert process.find("log", message="never mind")
    assert process.find("revision_applied", revision="long")
    assert not process.find("revision_started", revision="r3")
    assert stamped(database) == ["long"]

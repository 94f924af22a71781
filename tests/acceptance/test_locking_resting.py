"""A revision that computes for long between two statements keeps its session; a process that is stopped does not."""

import os
import signal

from tests.acceptance.migrations import CREATE, environment, go, stamped
from tests.harness import Event, Orchestrator, Project
from tests.servers import Database, backends

SHORT = """
from orchestrator.databases.mysql import life
from orchestrator.migrations.upgrade import life_signs, resting

resting.REST, resting.SHORTEST_REST_SECONDS, resting.SILENT_SECONDS = {limit} / 60, {limit}, {silent}
resting.LOOKS = 2
life.REST_SECONDS, life_signs.AFTER_SECONDS, life_signs.PAUSE_SECONDS = {silent}, {after}, 0.2
"""
"""At the beginning of env.py: the process runs it, so it may shorten the limits, which are minutes."""
SETTINGS = {"ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "60", "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2"}
COMPUTES = """
import pathlib, time
print("computing")
while not pathlib.Path("go").exists():
    time.sleep(0.01)
"""


def _short(project: Project, limit: float = 1.0, after: float = 0.1, silent: int = 1) -> None:
    env = project.path / "alembic" / "env.py"
    env.write_text(SHORT.format(limit=limit, after=after, silent=silent) + env.read_text())


async def _line(process: Orchestrator, begins: str) -> Event:
    """Return the log line that begins so."""
    after = 0
    while not (line := await process.event("log", after=after))["message"].startswith(begins):
        after = process.events.index(line, after) + 1
    return line


@backends("mariadb", "mysql")
async def test_a_revision_may_compute_for_longer_than_others_wait(project: Project, database: Database) -> None:
    """As under Alembic; the replica that waits sees that the process lives, and leaves its session alone."""
    _short(project, limit=3.0, silent=2)  # for so long a busy machine may leave the process without a turn
    project.add_revision("r1", f"{CREATE.format('plants')}\n{COMPUTES}\n{CREATE.format('animals')}")
    settings = environment(database, **SETTINGS)
    async with Orchestrator("migrate", env=settings, cwd=project.path) as first:
        await first.event("log", message="computing")
        async with Orchestrator("migrate", env=settings, cwd=project.path) as second:
            seen = 0
            while (waiting := await second.event("lock_waiting", after=seen))["holder_seconds"] < 5:
                seen = second.events.index(waiting) + 1
            go(project)
            assert await first.exit_code() == 0, first.story()
            assert await second.exit_code() == 0
    assert not first.find("migration_interrupted")
    assert [event["revision"] for event in first.find("revision_applied")] == ["r1"]
    assert not second.find("revision_applied")


@backends("mariadb", "mysql")
async def test_the_session_of_a_stopped_process_is_ended_and_it_does_nothing_more(
    project: Project, database: Database
) -> None:
    """As of a host that vanished. When it continues, another replica has done its work."""
    _short(project)
    project.add_revision("r1", f"{CREATE.format('plants')}\n{COMPUTES}\n{CREATE.format('animals')}")
    settings = environment(database, **SETTINGS)
    async with Orchestrator("migrate", env=settings, cwd=project.path) as first:
        await first.event("log", message="computing")
        first.signal(signal.SIGSTOP)
        async with Orchestrator("migrate", env=settings, cwd=project.path) as second:
            await _line(second, "Ended the session that held the migration lock, connection")
            await second.event("log", message="computing")
            go(project)
            assert await second.exit_code() == 0, second.story()
        os.kill(first.process.pid, signal.SIGCONT)
        assert await first.exit_code() == 0, first.story()
    assert [event["revision"] for event in second.find("revision_applied")] == ["r1"]
    assert first.find("migration_interrupted", error_type="connection_lost")
    assert not first.find("revision_applied")
    assert stamped(database) == ["r1"]


@backends("mariadb")
async def test_a_process_that_cannot_show_life_warns_early_and_names_the_setting(
    project: Project, database: Database
) -> None:
    """There is no second connection for it: max_user_connections, a proxy that leads elsewhere."""
    _short(project, limit=2.0)
    env = project.path / "alembic" / "env.py"
    env.write_text(env.read_text().replace("\nresting.REST", "\nlife_signs.connected = None\nresting.REST"))
    project.add_revision("r1", f"{CREATE.format('plants')}\n{COMPUTES}\n{CREATE.format('animals')}")
    settings = environment(database, **SETTINGS)
    async with Orchestrator("migrate", env=settings, cwd=project.path) as first:
        warned = await _line(first, "The revision has run no statement for")
        async with Orchestrator("migrate", env=settings, cwd=project.path) as second:
            await _line(second, "Ended the session")
            go(project)
            code = await first.exit_code()
    assert "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS" in warned["message"]
    assert code == 8
    assert first.find("migration_half_applied", error_type="session_ended")

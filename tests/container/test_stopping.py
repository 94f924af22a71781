"""`stop` in every state: the engine sends SIGTERM to process 1 and kills what is still there after the grace period."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import stamped
from tests.container.container import KILLED, READ_ONLY, RESTRICTED, WITHOUT_TOOLS, Container
from tests.container.engine import Engine
from tests.servers import HOST, Database, backends, free_port

OPTIONS = (*RESTRICTED, *READ_ONLY, *WITHOUT_TOOLS)


def _gated(engine: Engine, service: str, database: Database, gate: Path, **settings: str) -> Container:
    options = (*OPTIONS, "--volume", f"{gate}:/gate:ro")
    return Container(engine, service, env={"DATABASE_URL": database.url, **settings}, options=options)


@pytest.mark.smoke
async def test_while_waiting(engine: Engine, service: str) -> None:
    """A deployment that is withdrawn is not a failure."""
    silent = f"mysql+asyncmy://app:secret@{HOST}:{free_port()}/app"
    async with Container(engine, service, env={"DATABASE_URL": silent}) as container:
        await container.event("database_retry_scheduled")
        assert await container.stop() == 0
    assert container.find("stop_requested", signal="SIGTERM", state="waiting")
    assert container.events[-1]["event"] == "process_stopped"
    assert container.stderr == ""


@backends("mariadb")
@pytest.mark.smoke
async def test_while_serving(engine: Engine, service: str, database: Database) -> None:
    """It drains; the exit code is not that of a signal."""
    async with Container(engine, service, env={"DATABASE_URL": database.url}) as container:
        await container.event("server_started")
        assert await container.stop() == 0
    assert container.find("stop_requested", signal="SIGTERM", state="serving")
    assert container.find("server_drained", requests_cancelled=0)
    assert container.events[-1]["event"] == "process_stopped"


@backends("mariadb")
async def test_while_migrating_the_next_container_continues(
    engine: Engine, service: str, database: Database, gate: Path
) -> None:
    """Work that does not end within the budget is left, with exit code 12; no part of it is repeated."""
    async with _gated(engine, service, database, gate, ORCHESTRATOR_SHUTDOWN_SECONDS="6") as container:
        await container.event("log", message="waiting at the gate")
        assert await container.stop() == 12
    assert container.find("migration_stopped", revision="r2")
    assert container.events[-1]["event"] == "startup_failed"
    assert stamped(database) == ["r1"]
    await _goes_on(engine, service, database)


@backends("mariadb")
async def test_killed_while_migrating_the_next_container_continues(
    engine: Engine, service: str, database: Database, gate: Path
) -> None:
    """As when the machine dies, or the memory limit is met."""
    async with _gated(engine, service, database, gate) as container:
        await container.event("log", message="waiting at the gate")
        await container.kill()
        assert await container.exit_code() == KILLED
    assert stamped(database) == ["r1"]
    await _goes_on(engine, service, database)


async def _goes_on(engine: Engine, service: str, database: Database) -> None:
    """Start another container, and see that it does what is left, once."""
    async with Container(engine, service, env={"DATABASE_URL": database.url}) as container:
        await container.event("revision_resumed", revision="r2")
        await container.event("server_started")
        assert await container.stop() == 0
    assert database.execute("SELECT id, name FROM plants ORDER BY id") == [(1, "rose"), (2, "oak"), (3, "elm")]
    assert stamped(database) == ["r3"]

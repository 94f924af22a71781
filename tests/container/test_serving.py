"""A container that serves: without rights, without a file to write to, in 256 MB."""

from pathlib import Path

import pytest

from tests.acceptance.outcome import assert_well_formed
from tests.container.container import READ_ONLY, RESTRICTED, WITHOUT_TOOLS, Container
from tests.container.engine import Engine
from tests.servers import Database, backends

LIMIT_BYTES = 256 * 1024 * 1024


@backends("mariadb")
@pytest.mark.smoke
async def test_it_waits_migrates_and_serves_without_any_right(engine: Engine, plants: str, database: Database) -> None:
    """Nobody special, no capability, no way to gain one, no shell, no file system, and nothing on stdout but events."""
    async with Container(engine, plants, env={"DATABASE_URL": database.url}) as container:
        await container.event("server_started")
        async with container.client() as client:
            assert (await client.post("/plants", json={"name": "Rosa"})).status_code == 201
            assert [each["name"] for each in (await client.get("/plants")).json()["items"]] == ["Rosa"]
        (serving,) = (await container.process_1()).children()
        status = serving.status()
        assert await container.inspect(".HostConfig.Memory") == str(LIMIT_BYTES)
        assert await container.stop() == 0
    assert set(status["Uid"].split()) == {"10001"}
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert int(status["VmHWM"].removesuffix(" kB")) * 1024 < LIMIT_BYTES
    assert_well_formed(container)
    assert container.stderr == ""
    assert container.events[-1]["event"] == "process_stopped"


@backends("mariadb")
async def test_it_writes_nothing_where_it_could(engine: Engine, plants: str, database: Database) -> None:
    """Attempts to write show only on a writable file system, for a user who may write."""
    options = ("--user=0", "--tmpfs", "/tmp")  # noqa: S108 - the container's own
    async with Container(engine, plants, env={"DATABASE_URL": database.url}, options=options) as container:
        await container.event("server_started")
        assert await container.stop() == 0
        changes = await container.changes()
    async with Container(engine, plants, "--version", options=options) as idle:
        assert await idle.exit_code() == 0
        assert changes == await idle.changes()  # the engine's own


@backends("mariadb")
async def test_it_runs_as_any_user(engine: Engine, plants: str, database: Database) -> None:
    """Some platforms give each service a user id that no file of the image knows."""
    options = (*RESTRICTED, *READ_ONLY, *WITHOUT_TOOLS, "--user=54321:54321")
    async with Container(engine, plants, env={"DATABASE_URL": database.url}, options=options) as container:
        await container.event("server_started")
        assert await container.stop() == 0
    assert container.stderr == ""


@backends("mariadb")
@pytest.mark.smoke
async def test_health_goes_from_starting_to_healthy(
    engine: Engine, service: str, database: Database, gate: Path
) -> None:
    """And not before it serves: ECS stops the old tasks then."""
    options = (*RESTRICTED, *READ_ONLY, *WITHOUT_TOOLS, "--volume", f"{gate}:/gate:ro")
    async with Container(engine, service, env={"DATABASE_URL": database.url}, options=options) as container:
        await container.event("log", message="waiting at the gate")
        assert await container.health() == "starting"
        (gate / "open").touch()
        await container.event("server_started")
        await container.until_healthy()
        assert await container.stop() == 0

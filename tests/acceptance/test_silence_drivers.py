"""A network that acknowledges and delivers nothing, under every driver that env.py may use; for `make soak`."""

import pytest

from orchestrator.address.drivers import ASYNCHRONOUS
from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, go
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, Result, make_project
from tests.integration.drivers import BACKEND_OF, installed, url_for
from tests.servers import Servers
from tests.servers.proxy import Mode, Proxy

FAST = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "8", "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "1"}
DRIVERS = [name for name in installed() if name not in {"aiosqlite", "pysqlite"}]
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("where", ["statement", "connect"])
async def test_no_driver_waits_for_a_silent_network_without_end(
    driver: str, where: str, servers: Servers, project: Project
) -> None:
    """Few drivers have a time limit, and it must not cut a long ALTER."""
    from orchestrator.address.drivers import DRIVERS as TABLE

    server = servers[BACKEND_OF[TABLE[driver].database]]
    database = server.create_database()
    project = make_project(project.path.parent / "driver", "async" if driver in ASYNCHRONOUS else "generic")
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", f"{WAIT_FOR_GO}\n{INSERT.format(1, 'rose')}")
    if where == "connect":
        env = project.path / "alembic" / "env.py"
        env.write_text(f"{WAIT_FOR_GO}\n{env.read_text()}")
    async with Proxy(server.application_url.port or 0) as proxy:
        url = url_for(driver, database.url).replace(f":{server.application_url.port}/", f":{proxy.port}/")
        async with Orchestrator("migrate", env=FAST | {"DATABASE_URL": url}, cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            await proxy.set(Mode.BLACKHOLE)
            go(project)
            code = await process.exit_code(within=40)
        result = Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)
    failure(result, "database_unreachable", exit_code=4)
    assert result.find("migration_interrupted") or "still waits" in result.events[-1]["message"]

"""The duties of process 1: it handles signals, which the kernel would drop without a handler, and leaves no zombies."""

import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.migrations import until
from tests.container.container import READ_ONLY, RESTRICTED, WITHOUT_TOOLS, Container
from tests.container.engine import Engine
from tests.harness import make_project
from tests.servers import HOST, free_port

WAITING = {"DATABASE_URL": f"mysql+asyncmy://app:secret@{HOST}:{free_port()}/app"}
SQLITE = {"DATABASE_URL": "sqlite+aiosqlite:////tmp/app.db"}
LEAVE_ORPHANS = '''
import asyncio, sys

COMMAND = "import os, time; os.fork() or (time.sleep(0.1), os._exit(0))"

async def app(scope, receive, send):
    """Run a command that leaves a process behind, which ends by itself."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", COMMAND)
    code = await process.wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(code).encode()})
'''


@pytest.fixture(scope="module")
def leaving(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build an image whose app leaves the children of its children alone."""
    project = make_project(tmp_path_factory.mktemp("leaving"))
    project.add_revision("r1")
    project.write("app/main.py", LEAVE_ORPHANS)
    project.write("Dockerfile", f"FROM {base}\nCOPY . /srv\n")
    image = engine.build(project.path)
    yield image
    engine.remove(image)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_reach_it(engine: Engine, service: str, number: signal.Signals) -> None:
    """Also signals that a person sends by hand."""
    async with Container(engine, service, env=WAITING) as container:
        await container.event("database_retry_scheduled")
        await container.kill(number)
        assert await container.exit_code() == 0
    assert container.find("stop_requested", signal=number.name)


@pytest.mark.parametrize("init", [(), ("--init",)], ids=["alone", "under an init"])
async def test_no_zombie_stays(engine: Engine, leaving: str, init: tuple[str, ...]) -> None:
    """Each one counts against the limit of processes permanently. The app gets the exit codes of its own children."""
    options = (*RESTRICTED, *READ_ONLY, *WITHOUT_TOOLS, *init)
    async with Container(engine, leaving, env=SQLITE, options=options) as container:
        await container.event("server_started")
        async with container.client() as client:
            for _ in range(3):
                assert (await client.get("/")).text == "0"
        process_1 = await container.process_1()
        await until(lambda: len(process_1.children()) == 1)
        assert await container.stop() == 0
    assert container.events[-1]["event"] == "process_stopped"

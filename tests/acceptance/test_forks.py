"""Processes that the app forks, as multiprocessing does on Linux: they end by themselves, and hold nothing of ours."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.harness import Orchestrator, Project, make_project

WORKER = """
import asyncio, multiprocessing, signal, time

fork = multiprocessing.get_context("fork")

def work(ready):
    ready.send(True)
    time.sleep(60)

def terminated():
    receiver, sender = fork.Pipe(duplex=False)
    worker = fork.Process(target=work, args=(sender,))
    worker.start()
    receiver.recv()
    for _ in range(20):  # from Python 3.13 on, a fork of a thread runs no handler until a signal interrupts its sleep
        worker.terminate()
        worker.join(0.5)
        if not worker.is_alive():
            break
    return worker.exitcode

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        {lifespan}
        raise NotImplementedError("no lifespan")
    text = str(await asyncio.to_thread(terminated)) if scope["path"] == "/work" else "alive"
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": text.encode()}})
"""
WRAPPED = "ours = signal.getsignal(signal.SIGTERM); signal.signal(signal.SIGTERM, lambda *each: ours(*each))"
ORPHAN = """
import os, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        if not (child := os.fork()):
            for name in os.listdir("/proc/self/fd"):  # the test would wait for the other end of a pipe
                if os.path.exists(path := f"/proc/self/fd/{name}") and os.readlink(path).startswith("pipe:"):
                    os.close(int(name))
            time.sleep(60)
            os._exit(0)
        print(f"forked {child}")
    raise NotImplementedError("no lifespan")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    return project


@pytest.mark.parametrize("lifespan", ["pass", WRAPPED], ids=["as it is", "with a handler that calls ours"])
async def test_a_worker_that_the_app_terminates_ends_alone(project: Project, lifespan: str) -> None:
    """A worker has our handler and our pipe by inheritance: its SIGTERM once stopped the whole server."""
    project.write("app/main.py", WORKER.format(lifespan=lifespan))
    async with (
        Orchestrator("serve", cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        assert (await client.get("/work")).text == str(-signal.SIGTERM)
        assert (await client.get("/")).text == "alive"
        assert not process.find("stop_requested")
        assert await process.stop() == 0


async def test_a_worker_that_outlives_the_server_does_not_hold_the_port(project: Project) -> None:
    """The next start would fail with `bind_failed`, and clients would wait in the backlog for an answer."""
    project.write("app/main.py", ORPHAN)
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("server_started")
        child = int(str(process.find("log")[0]["message"]).removeprefix("forked "))
        try:
            assert await process.stop() == 0
            os.kill(child, 0)  # it is still there
            with socket.socket() as connection:
                assert connection.connect_ex(("127.0.0.1", process.port))
        finally:
            os.kill(child, signal.SIGKILL)

"""The port under strain: large heads, slow and idle clients, too many of them; before the app serves and after."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness import PATIENCE_SECONDS, Orchestrator, Project, make_project

PATIENT = "import time\nfor _ in range(600):\n    time.sleep(0.05)\n"
FILES = 128  # descriptors that the process may have


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    return project


@contextlib.asynccontextmanager
async def running(project: Project, state: str) -> AsyncIterator[Orchestrator]:
    """Run it until it serves, or until it waits for a database that is not there."""
    silent = {"DATABASE_URL": "mysql+asyncmy://u:p@127.0.0.1:1/d"}
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))
    try:
        process = Orchestrator("serve", env=silent if state == "starting" else {}, cwd=project.path, fresh=True)
        await process.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        await process.event("database_retry_scheduled" if state == "starting" else "server_started")
        yield process
    finally:
        await process.__aexit__(None, None, None)


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send piece by piece for as long as the other side takes them; returns the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.close()


def status(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(b" ", 2)[1])


MEGABYTE = b"x" * 1_000_000
SMALL = b"".join(b"x-%d: y\r\n" % number for number in range(20_000))


@pytest.mark.parametrize("state", ["starting", "serving"])
async def test_a_head_is_bounded_and_the_port_answers_meanwhile(project: Project, state: str) -> None:
    """One client with a huge head would block the loop for seconds, and take all memory."""
    async with running(project, state) as process:
        port = process.port
        assert status(await exchange(port, b"GET /", *([MEGABYTE] * 30))) == 414
        assert status(await exchange(port, b"GET / HTTP/1.1\r\nx: ", *([MEGABYTE] * 30))) == 431
        assert status(await exchange(port, b"GET / HTTP/1.1\r\n", *([SMALL] * 30))) == 431
        # The app gets every request that a load balancer lets pass.
        usual = b"GET /%b HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: %b\r\n\r\n" % (b"p" * 16_000, b"y" * 60_000)
        assert status(await exchange(port, usual)) == (200 if state == "serving" else 503)
        if state == "starting":  # the client can read it although its body is not read
            body = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n"
            assert status(await exchange(port, body, *([MEGABYTE] * 5))) == 503


@pytest.mark.parametrize("state", ["starting", "serving"])
async def test_idle_clients_do_not_take_the_descriptors_of_probes(project: Project, state: str) -> None:
    """More of them than the process may have files: each new one takes the place of the oldest that never asked."""
    async with running(project, state) as process:
        asked = await asyncio.open_connection("127.0.0.1", process.port)
        ask = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
        asked[1].write(ask)
        assert b"alive" in await asked[0].readuntil(b"alive")
        idle = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(2 * FILES)]
        idle[-1][1].write(b"GET /slow")  # and a slow one
        for _ in range(5):
            assert status(await exchange(process.port, b"GET /livez HTTP/1.0\r\n\r\n")) == 200
        if state == "serving":  # a load balancer's connection outlives them
            asked[1].write(ask)
            assert b"alive" in await asked[0].readuntil(b"alive")
        for _, writer in [asked, *idle]:
            writer.close()
    assert not [line for line in process.lines if "Too many open files" in line]

"""Programs started behind the product by `orchestrator run`."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tests.harness import PATIENCE_SECONDS, Project

URL = "sqlite+aiosqlite:///app.db"


@contextlib.asynccontextmanager
async def started(
    project: Project, *command: str, env: Mapping[str, str] | None = None, under: tuple[str, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run COMMAND behind the product; it is killed when the context is left."""
    argv = (*under, sys.executable, "-m", "orchestrator", "run", "--", *command)
    environ = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])), "DATABASE_URL": URL}
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=project.path,
        env=environ | dict(env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill the session of a process, and wait until its last has closed the pipe, which must not outlive the loop."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await process.communicate()


async def line(process: asyncio.subprocess.Process, *words: str) -> str:
    """Return the next line that holds these words."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE_SECONDS):
        seen = []
        while text := (await process.stdout.readline()).decode():
            seen.append(text)
            if all(word in text for word in words):
                return text
    raise AssertionError("".join(seen))


async def answer(port: int, path: str = "/") -> bytes:
    """Ask; every way to fail raises."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()


async def until_it_answers(port: int) -> None:
    """Wait for a program that binds the port itself: it reports readiness before it listens."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(ConnectionError):
                assert b"hello" in await answer(port)
                return
            await asyncio.sleep(0.05)


def children(pid: int) -> list[int]:
    """Return the processes that this one (for example `unshare`) has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

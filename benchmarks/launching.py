"""The three ways to start the same app, and what a client sees of a start."""

import asyncio
import contextlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.projects import ADDRESS_FILE
from tests.harness import Project
from tests.servers.ports import HOST, free_port

BIN = Path(sys.executable).parent
SCRIPT = Path(__file__).with_name("startup.sh")
ENVIRONMENT = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/", "LANG": "C.UTF-8"}
TIMEOUT_SECONDS = 120
_POLL_SECONDS = 0.02  # every 2 ms, the gate answers 150 times in a start: 60 ms that no user has
WAYS = {
    "uvicorn": ("uvicorn", "app.main:app", "--host", HOST, "--port", "{port}"),
    "script": (str(SCRIPT),),
    "orchestrator": ("orchestrator", "serve"),
}


@dataclass(frozen=True)
class Process:
    """A started way.

    Attributes:
        began: when, by time.monotonic().
    """

    popen: subprocess.Popen[bytes]
    port: int
    began: float

    @property
    def resident_megabytes(self) -> float:
        """The resident memory."""
        text = Path(f"/proc/{self.popen.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:"))

    def stop(self) -> float:
        """Send SIGTERM; return the seconds until its end."""
        watch = select.poll()  # `Popen.wait` with a time limit looks every 0.05 s
        descriptor = os.pidfd_open(self.popen.pid)
        watch.register(descriptor, select.POLLIN)
        began = time.monotonic()
        self.popen.send_signal(signal.SIGTERM)
        watch.poll(TIMEOUT_SECONDS * 1000)
        took = time.monotonic() - began
        os.close(descriptor)
        self.popen.wait(1)
        return took


@contextlib.contextmanager
def launched(
    way: str,
    project: Project,
    environ: Mapping[str, str],
    *options: str,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
) -> Iterator[Process]:
    """Start a way in a project; it is killed at the end of the context if it still runs."""
    port = free_port()
    env = {**ENVIRONMENT, "PORT": str(port), **environ}
    name, *arguments = (each.format(port=port) for each in (*WAYS[way], *options))
    began = time.monotonic()
    popen = subprocess.Popen(
        [shutil.which(name, path=env["PATH"]) or name, *arguments],
        cwd=project.path,
        env=env,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Process(popen, port, began)
    finally:
        popen.kill()
        popen.wait()
        if popen.stdout:
            popen.stdout.close()


def run(project: Project, url: str, *command: str) -> None:
    """Run one of our commands for a database.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    (project.path / ADDRESS_FILE).write_text(url)
    env = {**ENVIRONMENT, "DATABASE_URL": url}
    argv = [str(BIN / "orchestrator"), *command]
    subprocess.run(argv, cwd=project.path, env=env, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Answers:
    """Seconds from the start of the process: until the first answer of any kind, and until the first 200."""

    first: float
    served: float


async def answers(process: Process, *, poll_seconds: float = _POLL_SECONDS) -> Answers:
    """Ask for the app's page until it answers 200, from a random moment on: each way is seen equally late.

    Raises:
        TimeoutError: it does not.
        ChildProcessError: the process ended.
    """
    first = 0.0
    await asyncio.sleep(random.uniform(0, poll_seconds))  # noqa: S311  # not for secrets
    while (now := time.monotonic() - process.began) < TIMEOUT_SECONDS:
        status = await status_of(process.port)
        if status and not first:
            first = time.monotonic() - process.began
        if status == b"200":
            return Answers(first, time.monotonic() - process.began)
        if not status and process.popen.poll() is not None:
            raise ChildProcessError(f"it ended with {process.popen.returncode} after {now:.1f} s")
        await asyncio.sleep(poll_seconds)
    raise TimeoutError


async def status_of(port: int, path: str = "/") -> bytes:
    """Return the status of an answer, or nothing without one."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return b""
    with contextlib.closing(writer), contextlib.suppress(OSError):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return (await reader.readline())[9:12]
    return b""

"""Runs the product as a process, and waits for its events instead of sleeping."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from tests.harness.client import http_client
from tests.harness.output import Event, Output, matches
from tests.harness.prepared import Prepared, may_be_prepared
from tests.servers.ports import HOST, free_port

_CHUNK = 65_536
PROMPT_SECONDS = 15.0
"""By when what is prompt has happened on a busy machine; what waits for the shutdown's budget is 25 s late."""
PATIENCE_SECONDS = 60.0
"""How long to wait for what must happen: a start takes 30 s where twenty others run on two cores."""
_EMBEDDED = {"ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}  # a test without a database gets a file
_MEASURING = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@dataclass(kw_only=True)
class Result(Output):
    """The output of a process and its exit code."""

    exit_code: int


class Orchestrator(Output):
    """A running `python -m orchestrator`, killed at the end of its context; each line must match the catalogue.

        async with Orchestrator("serve", env={"DATABASE_URL": database.url}, cwd=project.path) as process:
            await process.event("server_started")
            ...
            process.signal(signal.SIGTERM)
            assert await process.exit_code() == 0

    Args:
        arguments: The command and its options.
        env: Its environment, besides a PATH, a HOME, a LANG, a free PORT and the permission to use SQLite if no
            database is named. It inherits nothing.
        cwd: Its working directory.
        stdin: Its standard input.
        under: A command that runs it, such as `unshare`.
        fresh: Start a new Python, as for a user; otherwise the libraries are imported already (see prepared.py), and
            the test's claim must not depend on that.

    Attributes:
        port: The port that it listens on.
        reading: If cleared, its stdout is not read, like a log driver that hangs.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path,
        stdin: str = "",
        under: Sequence[str] = (),
        fresh: bool = False,
    ) -> None:
        super().__init__()
        self.env = basics() | {"PORT": str(free_port())} | dict(env or {})
        self.port = int(self.env["PORT"]) if self.env["PORT"].isdecimal() else 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._arguments = arguments
        self._argv = (*under, sys.executable, "-m", "orchestrator", *arguments)
        self._fresh = fresh or bool(under) or not may_be_prepared(self.env)
        self._cwd = cwd
        self._stdin = stdin
        self._news = asyncio.Event()  # set by the next lines, which put a new one in its place
        self._ended = False
        self._process: asyncio.subprocess.Process | Prepared | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._process = process = await self._start()
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._readers = [
            asyncio.create_task(self._read_stdout(process.stdout)),
            asyncio.create_task(self._read_stderr(process.stderr)),
        ]
        process.stdin.write(self._stdin.encode())
        process.stdin.close()
        return self

    async def _start(self) -> asyncio.subprocess.Process | Prepared:
        if not self._fresh:
            return await Prepared.start(self._arguments, self.env, self._cwd)
        return await asyncio.create_subprocess_exec(
            *self._argv, cwd=self._cwd, env=self.env, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.reading.set()
        await asyncio.gather(self.process.wait(), *self._readers)
        assert error or not self.violations, f"{self.violations}\n{self.story()}"

    @property
    def process(self) -> asyncio.subprocess.Process | Prepared:
        """The process, once started."""
        assert self._process, "it is started by entering its context"
        return self._process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where its port answers."""
        return f"http://{HOST}:{self.port}"

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client of its port; options as for `httpx.AsyncClient`."""
        return http_client(self.url, **options)

    async def event(self, name: str, /, *, within: float = PATIENCE_SECONDS, after: int = 0, **fields: object) -> Event:
        """Return the first event with this name and these fields, at once if it was there already.

        Args:
            name: The event's name.
            within: Seconds to wait for it.
            after: How many events to skip; `len(process.events)` for a future one.
            fields: Fields and their values.

        Raises:
            AssertionError: The process ended without it, or the time is up; the message has all output.
        """
        try:
            async with asyncio.timeout(within):
                while (event := await self._event_at(after)) is not None:
                    if matches(event, name, fields):
                        return event
                    after += 1
        except TimeoutError:
            raise AssertionError(f"no {name} {fields} within {within} s\n{self.story()}") from None
        raise AssertionError(f"it ended without {name} {fields}\n{self.story()}")

    def signal_child(self, number: signal.Signals) -> None:
        """Send a signal to the process that this one (for example `unshare`) has started."""
        child = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        os.kill(int(child), number)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def exit_code(self, within: float = PATIENCE_SECONDS) -> int:
        """Wait for its end and return its exit code; -9 if it was killed by signal 9."""
        try:
            async with asyncio.timeout(within):
                code = await self.process.wait()
                await asyncio.wait(self._readers)
        except TimeoutError:
            raise AssertionError(f"it did not end within {within} s\n{self.story()}") from None
        return code

    async def stop(self, within: float = PATIENCE_SECONDS) -> int:
        """Ask it to stop, as ECS does, and return its exit code."""
        self.signal(signal.SIGTERM)
        return await self.exit_code(within)

    async def _event_at(self, index: int) -> Event | None:
        """Return the event with this index once it is there, or nothing if the output ends before."""
        while len(self.events) <= index and not self._ended:
            await self._news.wait()
        return self.events[index] if index < len(self.events) else None

    async def _read_stdout(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while data := await stream.read(_CHUNK):
            *lines, rest = (rest + data).split(b"\n")
            self._tell(lines)
            await self.reading.wait()
        self._ended = True
        self._tell([rest] if rest else [])

    def _tell(self, lines: list[bytes]) -> None:
        """Add lines and wake up the waiting tasks."""
        for line in lines:
            self.hear(line.decode(errors="backslashreplace"))
        self._news.set()
        self._news = asyncio.Event()

    async def _read_stderr(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_CHUNK):
            self.stderr += data.decode(errors="backslashreplace")


async def run(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path,
    stdin: str = "",
    within: float = 60,
    fresh: bool = False,
) -> Result:
    """Run a command that ends by itself."""
    async with Orchestrator(*arguments, env=env, cwd=cwd, stdin=stdin, fresh=fresh) as process:
        code = await process.exit_code(within)
    return Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)


def basics() -> dict[str, str]:
    """Return what every process has, and what measures its coverage if something does."""
    measuring = {name: os.environ[name] for name in _MEASURING if name in os.environ}
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",  # a developer's own has passwords and certificates that drivers read
        "LANG": "C.UTF-8",
        **_EMBEDDED,
        **measuring,
    }

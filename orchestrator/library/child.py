"""The orchestrator as a child process: `Orchestrator` serves, `migrate` and `wait` run to their end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from orchestrator.library.child_environment import environment_of
from orchestrator.library.recorder import Event, Recorder
from orchestrator.settings.model import Settings

_GRACE_SECONDS = 5  # beyond the child's own budget for its end, before it is killed


class StartFailedError(Exception):
    """The orchestrator ended before its work was done.

    Attributes:
        exit_code: See docs/events.md for the meaning; negative: the signal that killed the process.
        event: The event of the failure, with `hint`; empty if the process wrote none.
    """

    def __init__(self, exit_code: int, recorder: Recorder) -> None:
        failures = recorder.find("startup_failed")
        self.exit_code, self.event = exit_code, failures[-1] if failures else {}
        hint = f"\n→ {self.event['hint']}" if self.event.get("hint") else ""
        super().__init__(f"exit code {exit_code}\n{recorder.story()}{hint}")


class Finished(NamedTuple):
    """How a command ended, and its events."""

    exit_code: int
    events: list[Event]


class Orchestrator(Recorder):
    """`orchestrator serve` in a child process; a context manager, with `with` or `async with`.

        async with Orchestrator(Settings(app="shop.main:app"), database_url="sqlite:///test.db") as orchestrator:
            await orchestrator.serving()
            ...  # requests to orchestrator.url
        assert orchestrator.find("process_stopped", exit_code=0)

    Leaving the block stops the process as a container's end does: SIGTERM, then open requests finish. If the calling
    process is killed, the process stops in the same way.

    Args:
        settings: What differs from the defaults and from the environment.
        database_url: The same as DATABASE_URL in the environment.
        env: More variables, such as those of the app.
        cwd: Where the process runs; default: the current directory.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        database_url: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings or Settings()
        self._env = environment_of(self._settings, database_url, env or {})
        self._cwd = Path(cwd) if cwd else Path.cwd()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read, name="orchestrator-events", daemon=True)

    def start(self, command: str = "serve") -> None:
        """Start the process; returns at once.

        Raises:
            RuntimeError: It was started before.
        """
        if self._process is not None:
            raise RuntimeError("it was started before: make another Orchestrator for another process")
        argv = [sys.executable, "-m", "orchestrator.library.child_main", command]
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            argv,
            env=self._env,
            cwd=self._cwd,
            stdin=subprocess.PIPE,  # its end tells the process that this one has ended
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader.start()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process; `start` it first."""
        if self._process is None:
            raise RuntimeError("it is not started: use `with`, `async with` or start()")
        return self._process

    @property
    def url(self) -> str:
        """Where the app answers, without a slash at the end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104  # any address
        return f"http://{f'[{host}]' if ':' in host else host}:{self._env['PORT']}"

    async def serving(self, within_seconds: float = 60) -> Event:
        """Wait until the app serves; return the event `server_started`.

        Raises:
            StartFailedError: The start failed.
            EventNotSeenError: The time is over.
            RuntimeError: It is not started.
        """
        return await asyncio.to_thread(self.wait_until_serving, within_seconds)

    def wait_until_serving(self, within_seconds: float = 60) -> Event:
        """Do the same as `serving`, and block until then."""
        process = self.process
        try:
            return self.wait_for("server_started", within_seconds=within_seconds)
        except AssertionError:
            if self.ended:
                raise StartFailedError(process.wait(), self) from None
            raise

    async def stop(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit code."""
        return await asyncio.to_thread(self.stop_and_wait)

    def stop_and_wait(self) -> int:
        """Do the same as `stop`, and block until then. A process that outlives its budget is killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self._settings.shutdown_seconds + _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.join()

    def join(self) -> int:
        """Wait for the end of the process and of its log; return the exit code."""
        code = self.process.wait()
        self._reader.join()
        if self.process.stdin:
            self.process.stdin.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout  # noqa: S101  # it is a pipe
        with self.process.stdout as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip("\n")
                event = _event(text)
                self.record(event) if event else self.noise.append(text)
        self.end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_and_wait()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self.stop())


def _event(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "event" in found else {}


def run(command: str, settings: Settings | None = None, **more: Any) -> Finished:
    """Run `migrate`, `wait` or another command to its end; arguments as for `Orchestrator`.

    An interruption such as Ctrl-C stops the process first.

    Raises:
        StartFailedError: The exit code is not 0.
    """
    child = Orchestrator(settings, **more)
    child.start(command)
    try:
        code = child.join()
    except BaseException:
        child.stop_and_wait()
        raise
    return _finished(code, child)


async def migrate(settings: Settings | None = None, **more: Any) -> Finished:
    """Run `orchestrator migrate`; arguments and errors as for `run`. A cancellation stops the process first."""
    return await _run("migrate", settings, more)


async def wait(settings: Settings | None = None, **more: Any) -> Finished:
    """Run `orchestrator wait`; arguments and errors as for `run`. A cancellation stops the process first."""
    return await _run("wait", settings, more)


async def _run(command: str, settings: Settings | None, more: Mapping[str, Any]) -> Finished:
    child = Orchestrator(settings, **more)
    child.start(command)
    try:
        code = await asyncio.to_thread(child.join)
    except BaseException:
        await asyncio.shield(child.stop())
        raise
    return _finished(code, child)


def _finished(code: int, child: Orchestrator) -> Finished:
    if code:
        raise StartFailedError(code, child)
    return Finished(code, child.events)

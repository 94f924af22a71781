"""Runs a hook: the project's command in a new process group. Its output becomes log lines."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LOGGED_LINES = 10_000  # per hook; further lines are only counted
LONGEST_LINE = 16_000  # bytes; longer lines are split
TAIL_LINES, TAIL_CHARACTERS = 50, 300  # how much of the output's end a failure contains
_CHUNK = 65_536
_OUTPUT_SECONDS = 1.0  # for output that is still in the pipe after the command has ended
_KILLED = 128  # plus the signal's number, as in a shell

_logger = logging.getLogger("orchestrator.hook")


class HookProcess:
    """The running command. Use it from one thread, which must live as long as the command may."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the command.

        Raises:
            OSError: it cannot be started.
        """
        self._process = subprocess.Popen(  # noqa: S603  # the settings name it
            [*_dying_with_us(), *command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # one pipe keeps the lines in order
            start_new_session=True,
        )
        assert self._process.stdout  # noqa: S101  # a pipe was asked for
        self._output = _Output(self._process.stdout)
        self._output.start()

    def wait(self, seconds: float) -> int | None:
        """Return the exit code as a shell does; None if the command did not end within `seconds`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._output.join(_OUTPUT_SECONDS)  # a process left behind by the command may keep the pipe open
        self._output.tell_uncounted()
        return code if code >= 0 else _KILLED - code

    def end(self, grace_seconds: float) -> int:
        """End the whole process group with SIGTERM, after `grace_seconds` with SIGKILL; return the exit code."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + grace_seconds
        while self._is_alive() and time.monotonic() < until:
            self._process.poll()
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        code = self.wait(_OUTPUT_SECONDS)
        return _KILLED + signal.SIGKILL if code is None else code

    @property
    def tail(self) -> str:
        """Return the end of the output."""
        return "\n".join(self._output.tail)

    def _is_alive(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            self._process.poll()


class _Output(threading.Thread):
    """Reads the output line by line as it arrives, in bounded memory; closes it at its end.

    It keeps the pipe open: a process that the command has left behind may write to it when `HookProcess` is gone. The
    number of a closed descriptor soon belongs to a connection, whose bytes this thread would take.

    Attributes:
        tail: the last lines.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(name="hook-output", daemon=True)
        self._pipe = pipe
        self._lines = self._told = 0
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def run(self) -> None:
        """Read to the end."""
        rest = b""
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), _CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                self._take([piece for line in lines for piece in _pieces(line)])
                *pieces, rest = _pieces(rest)
                self._take(pieces)
        self._take([rest] if rest else [])

    def tell_uncounted(self) -> None:
        """Report how many lines were not logged, once per number."""
        if (left_out := self._lines - LOGGED_LINES) > 0 and self._told != left_out:
            self._told = left_out
            _logger.warning("%d further lines of the hook's output were not logged.", left_out)

    def _take(self, lines: list[bytes]) -> None:
        free = max(0, LOGGED_LINES - self._lines)
        self._lines += len(lines)
        for line in lines[:free]:
            _logger.info("%s", _text(line))
        self.tail.extend(_text(line)[:TAIL_CHARACTERS] for line in lines[-TAIL_LINES:])


def _pieces(line: bytes) -> Sequence[bytes]:
    """Return the line, split if it is too long."""
    if len(line) <= LONGEST_LINE:
        return (line,)
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)]


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")


def _dying_with_us() -> list[str]:
    """Return the words to put before a command so that it is killed together with this process; Linux only."""
    if sys.platform != "linux" or not sys.executable:
        return []
    return [sys.executable, "-IS", str(Path(__file__).with_name("child.py")), str(os.getpid())]

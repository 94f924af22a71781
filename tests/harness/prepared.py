"""Start the product in a process that has its libraries at hand: a real process, half a second of CPU cheaper."""

import asyncio
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.servers.variables import given

_PROGRAM = Path(__file__).with_name("forking.py")
spent: list[float] = []
"""The CPU seconds of each process that has ended: the system counts them for the program that forked it."""
_OWN_INTERPRETER = ("PYTHON", "COVERAGE_", "LC_", "LD_")  # variables that Python or the loader reads when it begins


def may_be_prepared(env: Mapping[str, str]) -> bool:
    """Tell whether nothing in an environment has to be there before Python is; ORCHESTRATOR_TEST_FRESH forbids all."""
    return not given("FRESH") and env.get("LANG") == "C.UTF-8" and not any(map(_is_for_python, env))


def _is_for_python(name: str) -> bool:
    return name.startswith(_OWN_INTERPRETER)


_Pipes = tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader, asyncio.StreamReader]


class Prepared:
    """A process with the part of `asyncio.subprocess.Process` that tests use.

    Attributes:
        pid: Its number.
        returncode: Its exit code; -9 for signal 9, None while it runs.
        stdin: Its standard input.
        stdout: Its standard output.
        stderr: Its standard error.
    """

    def __init__(self, pipes: "_Pipes", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr, self._status = pipes
        self._end = asyncio.create_task(self._until_it_ends())

    @classmethod
    async def start(cls, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, code: str = "") -> Self:
        """Start `python -m orchestrator`, or this code."""
        (stdin, ours), *others = [os.pipe() for _ in range(4)]
        theirs = [stdin, *(write for _, write in others)]
        with tempfile.TemporaryFile("w+") as request:
            wanted = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd), "code": code}
            json.dump(wanted, request)
            request.seek(0)
            socket.send_fds(_program(), [b"start"], [request.fileno(), *theirs])
        for each in theirs:
            os.close(each)
        stdout, stderr, status = [await _reader(read) for read, _ in others]
        (pid,) = json.loads(await status.readline())
        return cls((await _writer(ours), stdout, stderr, status), pid)

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    async def _until_it_ends(self) -> int:
        code, cpu_seconds = json.loads(await self._status.read())
        spent.append(cpu_seconds)
        self.returncode = code
        return int(code)


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb", 0))
    return reader


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "wb", 0)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    return asyncio.StreamWriter(transport, protocol, None, loop)


@functools.cache
def _program() -> socket.socket:
    """Start the program that forks, once; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, _PROGRAM, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )
    atexit.register(process.wait)  # in the end, and after its socket was closed: atexit works backwards
    atexit.register(ours.close)
    return ours

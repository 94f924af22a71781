"""Signals for a process and its children: PostgreSQL is many processes."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.servers import unprivileged


def send(pid: int, number: signal.Signals) -> list[int]:
    """Signal a process and its children, and return the children.

    The process is stopped first. So it starts no more children, and it dies only after they are known.
    """
    os.kill(pid, signal.SIGSTOP)
    _wait_until([pid], "TtZX")
    children = _children(pid)
    for each in (*children, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, number)
    return children


def limit_file_size(pid: int, size_bytes: int | None) -> None:
    """Limit the size of files for a server and its children. Writing more fails with EFBIG.

    It uses prlimit(1), which runs as the server's user: root in a container may lack the capability to change others'
    limits.
    """
    limit = "unlimited" if size_bytes is None else size_bytes
    for each in (pid, *_children(pid)):  # a child may have ended meanwhile
        argv = ["prlimit", "--pid", str(each), f"--fsize={limit}:"]
        subprocess.run(argv, check=each == pid, capture_output=True, **unprivileged.identity())


def wait_until_gone(pids: list[int]) -> None:
    """Wait for processes that are not ours to reap."""
    _wait_until(pids, "ZX")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_until(pids: list[int], states: str) -> None:
    deadline = time.monotonic() + 10
    while waited_for := [pid for pid in pids if _state(pid) not in states]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {waited_for} should be in one of the states {states}")
        time.sleep(0.002)


def _state(pid: int) -> str:
    """Return the letter that ps shows; X for a process that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]

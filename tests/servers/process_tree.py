"""Signals for a process and its children: PostgreSQL is many processes."""

import contextlib
import os
import signal
import time
from pathlib import Path


def send(pid: int, number: signal.Signals) -> list[int]:
    """Signal a process and its children, and return these.

    The process is stopped first: it shall make no more of them, and die only when they are known.
    """
    os.kill(pid, signal.SIGSTOP)
    _wait_until([pid], "TtZX")
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for each in (*children, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, number)
    return children


def wait_until_gone(pids: list[int]) -> None:
    """Wait for processes that are not ours to reap."""
    _wait_until(pids, "ZX")


def _wait_until(pids: list[int], states: str) -> None:
    deadline = time.monotonic() + 10
    while waited_for := [pid for pid in pids if _state(pid) not in states]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {waited_for} should be in one of the states {states}")
        time.sleep(0.002)


def _state(pid: int) -> str:
    """Return the letter that ps shows; X for one that is no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]

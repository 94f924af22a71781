"""Faults of our process: each begins and ends as `faults` describes."""

import contextlib
import signal

from tests.faults import sessions
from tests.faults.arena import SHUTDOWN_SECONDS, Arena
from tests.harness import Orchestrator

_TOLERANCE_SECONDS = 1.5  # in which a busy machine may still report the end of a process


async def process_killed(arena: Arena) -> None:
    """SIGKILL."""
    await arena.flow_or_not()
    if process := arena.migrating():
        _send(process, signal.SIGKILL)
        await process.exit_code()


async def process_stopped(arena: Arena) -> None:
    """SIGTERM, and half of the time a second one; the network may stand still all the while."""
    await arena.flow_or_not()
    if process := arena.migrating():
        _send(process, *arena.random.choice([[signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM]]))
        await process.exit_code(within=SHUTDOWN_SECONDS + _TOLERANCE_SECONDS)


async def process_frozen(arena: Arena) -> None:
    """SIGSTOP, and SIGCONT later."""
    if process := arena.migrating():
        _send(process, signal.SIGSTOP)
        await arena.flow()
        await arena.outage()
        _send(process, signal.SIGCONT)


async def process_overtaken(arena: Arena) -> None:
    """Freeze the process and end its session; when it continues, another one may have taken its place."""
    if process := arena.migrating():
        _send(process, signal.SIGSTOP)
        await sessions.kill(arena, statements_only=False)
        await arena.flow()
        await arena.outage()
        _send(process, signal.SIGCONT)


async def host_gone(arena: Arena) -> None:
    """End the process in a way that the server does not notice for a while."""
    async with arena.network.stranding():
        if process := arena.migrating():
            _send(process, signal.SIGKILL)
        await arena.outage()


def _send(process: Orchestrator, *numbers: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        for number in numbers:
            process.signal(number)

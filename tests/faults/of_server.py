"""Faults of the server: each begins and ends as `faults` describes."""

import contextlib
import resource

from tests.faults import sessions
from tests.faults.arena import OUTAGE_SECONDS, Arena

_FULL_BYTES = 13 * 2**20  # per file: less than `fill_the_disk` writes, more than MariaDB begins with


async def server_killed(arena: Arena) -> None:
    """SIGKILL for the server, which is started again later."""
    await arena.flow_or_not()
    arena.private.kill()
    await arena.flow()
    await arena.outage()
    arena.private.start()


async def server_restarted(arena: Arena) -> None:
    """An orderly restart."""
    await arena.flow_or_not()
    arena.private.stop()
    await arena.flow()
    await arena.outage()
    arena.private.start()


async def server_frozen(arena: Arena) -> None:
    """SIGSTOP for the server, and SIGCONT later."""
    arena.private.pause()
    await arena.flow()
    await arena.outage()
    arena.private.resume()


async def server_full_of_connections(arena: Arena) -> None:
    """The connection is lost, and others take all that there are."""
    with sessions.all_connections(arena):
        await arena.network.reset_all()
        await arena.flow()
        await arena.outage()


async def server_read_only(arena: Arena) -> None:
    """A failover: the server takes no writes for a while, and half of the time the connections are lost too."""
    await arena.flow()
    async with sessions.read_only(arena):
        if arena.random.random() < 0.5:
            await arena.network.reset_all()
        await arena.outage()


async def disk_full(arena: Arena) -> None:
    """No file can grow beyond some size, until the migration has failed."""
    process = arena.migrating()
    if not process:
        return
    if arena.database.backend == "sqlite":
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_FULL_BYTES, resource.RLIM_INFINITY))
        return  # it has only one process
    arena.private.limit_file_size(_FULL_BYTES)
    await arena.flow()
    await arena.until(lambda: process.find("startup_failed"), OUTAGE_SECONDS)
    arena.private.limit_file_size(None)

"""Faults of the network: each begins and ends as `faults` describes."""

from tests.faults.arena import Arena
from tests.servers.proxy import Mode


async def connection_reset(arena: Arena) -> None:
    """RST, in the middle of a packet."""
    await arena.network.reset_all()


async def connection_cut(arena: Arena) -> None:
    """FIN after some more bytes, in the middle of a packet, and for every new connection, for a while."""
    arena.network.cut_after = arena.random.randrange(1, 200)
    await arena.network.set(Mode.PASS)
    await arena.outage()


async def black_hole(arena: Arena) -> None:
    """Nothing passes for a while; then all of it, or everything is reset."""
    await arena.outage()
    if arena.random.random() < 0.5:
        await arena.network.reset_all()


async def silence(arena: Arena) -> None:
    """The connection is lost, and new ones are accepted and never answered, for a while."""
    await arena.network.set(Mode.SILENT)
    await arena.network.reset_all()
    await arena.outage()
    await arena.network.reset_all()


async def latency(arena: Arena) -> None:
    """Everything is late for a while."""
    arena.network.latency_seconds = arena.random.choice([0.002, 0.02, 0.2])
    await arena.network.set(Mode.PASS)
    await arena.outage()

"""Network faults, in front of a peer that echoes everything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.servers import HOST
from tests.servers.peers import listening
from tests.servers.proxy import Mode, Proxy

SILENT_SECONDS = 0.2  # after so long nothing will come; what comes may take longer on a busy machine
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Return a proxy in front of an echo."""
    async with listening(_echo) as peer, Proxy(peer.port) as proxy:
        yield proxy


@pytest.fixture
async def ends(proxy: Proxy) -> AsyncIterator[Ends]:
    """Return the ends of a connection through the proxy, over which something has gone already."""
    ends = await asyncio.open_connection(HOST, proxy.port)
    assert await _said_back(ends, b"hello") == b"hello"
    yield ends
    ends[1].close()


async def _said_back(ends: Ends, data: bytes, within: float = 10) -> bytes:
    ends[1].write(data)
    return await asyncio.wait_for(ends[0].read(65_536), within)


async def test_refusing_is_for_new_connections(proxy: Proxy, ends: Ends) -> None:
    """New connections are refused, and old ones continue; later the same port accepts again."""
    await proxy.set(Mode.REFUSE)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, proxy.port)
    assert await _said_back(ends, b"still there") == b"still there"
    await proxy.set(Mode.PASS)
    _, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.close()


async def test_silence_is_for_new_connections(proxy: Proxy, ends: Ends) -> None:
    """They are accepted and never answered."""
    await proxy.set(Mode.SILENT)
    new = await asyncio.open_connection(HOST, proxy.port)
    with pytest.raises(TimeoutError):
        await _said_back(new, b"hello?", SILENT_SECONDS)
    assert await _said_back(ends, b"still there") == b"still there"
    new[1].close()


async def test_a_black_hole_gives_back_what_fell_in(proxy: Proxy, ends: Ends) -> None:
    """Nothing passes on any connection, and all of it afterwards."""
    await proxy.set(Mode.BLACKHOLE)
    with pytest.raises(TimeoutError):
        await _said_back(ends, b"late", SILENT_SECONDS)
    await proxy.set(Mode.PASS)
    assert await ends[0].read(65_536) == b"late"


async def test_a_cut_comes_after_so_many_bytes(proxy: Proxy, ends: Ends) -> None:
    """Six to the peer and four back."""
    proxy.cut_after = 10
    assert await _said_back(ends, b"abcdef") == b"abcd"
    assert await ends[0].read() == b""


async def test_a_tripwire_stops_the_traffic_to_the_byte(proxy: Proxy, ends: Ends) -> None:
    """Counted from the end of the last mark, both ways; what is left comes when the traffic flows again."""
    wire = proxy.trip(b"first", b"ma.k", then_bytes=4)
    assert await _said_back(ends, b"a mark too early") == b"a mark too early"
    assert await _said_back(ends, b"the first") == b"the first"
    ends[1].write(b"a mark and more")
    await asyncio.wait_for(wire.reached.wait(), 10)
    with pytest.raises(TimeoutError):
        await _said_back(ends, b"!", SILENT_SECONDS)
    await proxy.set(Mode.PASS)
    assert await asyncio.wait_for(ends[0].readexactly(16), 10) == b"a mark and more!"


async def test_a_stranded_connection_leads_nowhere_while_new_ones_pass(proxy: Proxy, ends: Ends) -> None:
    """The peer hears neither data nor the end of it, and a reset when the host is given up for lost."""
    async with proxy.stranding():
        with pytest.raises(TimeoutError):
            await _said_back(ends, b"hello?", SILENT_SECONDS)
        new = await asyncio.open_connection(HOST, proxy.port)
        assert await _said_back(new, b"hello") == b"hello"
    with pytest.raises(ConnectionResetError):
        await ends[0].read()
    assert await _said_back(new, b"still there") == b"still there"
    new[1].close()


async def test_latency_delays_both_ways(proxy: Proxy, ends: Ends) -> None:
    """A round trip takes twice as long."""
    proxy.latency_seconds = 0.05
    began = asyncio.get_running_loop().time()
    assert await _said_back(ends, b"late") == b"late"
    assert asyncio.get_running_loop().time() - began >= 0.1


async def test_all_connections_can_be_reset(proxy: Proxy, ends: Ends) -> None:
    """The client sees it at once, without sending anything."""
    await proxy.reset_all()
    with pytest.raises(ConnectionResetError):
        await ends[0].read()


async def test_without_a_server_behind_it_resets() -> None:
    """It accepts before it knows, as port forwarding does."""
    async with listening(_echo) as peer:
        port = peer.port
    async with Proxy(port) as proxy:
        ends = await asyncio.open_connection(HOST, proxy.port)
        with pytest.raises(ConnectionResetError):
            await _said_back(ends, b"hello")
        ends[1].close()

"""Peers that are no database, as a client sees them."""

import asyncio

import asyncmy
import asyncpg
import pytest

from tests.servers import HOST, peers
from tests.servers.peers import Peer, listening


async def _ask(port: int, within: float = 10) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(b"hello")
        return await asyncio.wait_for(reader.read(), within)
    finally:
        writer.close()


async def test_a_silent_peer_blocks_the_caller() -> None:
    """The connection stands and nothing comes; leaving the context ends it."""
    async with listening(peers.silent) as peer:
        with pytest.raises(TimeoutError):
            await _ask(peer.port, within=0.2)
        assert peer.connections == 1


async def test_a_peer_that_resets_resets() -> None:
    """An end with RST differs from an end of file."""
    async with listening(peers.resets) as peer:
        with pytest.raises(ConnectionResetError):
            await _ask(peer.port)


@pytest.mark.parametrize("peer", [peers.closes, peers.http])
async def test_a_peer_that_closes_closes(peer: Peer) -> None:
    """Both end; only one ends in order."""
    async with listening(peer) as here:
        answer = await _ask(here.port)
    assert answer[:12] == (b"HTTP/1.1 400" if peer is peers.http else b"")


@pytest.mark.parametrize("code", [1040, 1053, 1129])
async def test_a_mysql_without_room_says_so_at_once(code: int) -> None:
    """The driver reports the code and the message of the greeting."""
    async with listening(peers.mysql_error(code, "no room")) as peer:
        with pytest.raises(asyncmy.errors.Error) as caught:
            await asyncmy.connect(host=HOST, port=peer.port, user="app", password="s3cret")
    assert caught.value.args == (code, "no room")


@pytest.mark.parametrize("sqlstate", ["57P03", "53300"])
async def test_a_postgresql_without_room_says_so_when_asked(sqlstate: str) -> None:
    """The driver, which asks for TLS first, reports the state and the message."""
    async with listening(peers.postgres_error(sqlstate, "no room")) as peer:
        with pytest.raises(asyncpg.PostgresError, match="no room") as caught:
            await asyncpg.connect(host=HOST, port=peer.port, user="app", password="s3cret")
    assert caught.value.sqlstate == sqlstate


async def test_garbage_is_the_same_each_time() -> None:
    """A test that fails with it fails again."""
    async with listening(peers.garbage) as peer:
        greetings = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(HOST, peer.port)
            greetings.append(await reader.readexactly(1_000))
            writer.close()
    assert greetings[0] == greetings[1]

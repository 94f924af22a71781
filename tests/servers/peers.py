"""Peers that listen in a database's place, and are not databases or have no room.

Each is a function that handles a connection; `listening(peer)` puts it on a port:

    async with listening(peers.silent) as peer:
        ...connect to HOST, peer.port...
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from tests.servers.ports import listen_somewhere

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_SSL_REQUEST = 80877103


@dataclass
class Listening:
    """Where a peer listens, and how many connections it has seen."""

    port: int
    connections: int = 0


async def stop_listening(server: asyncio.Server) -> None:
    """Stop accepting, let connections that were just accepted be set up, then close.

    If the server is closed in between, asyncio leaves the socket of that connection open, and the next test gets the
    warning.
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(5):  # steps of the loop from the socket to the connection
        await asyncio.sleep(0)
    server.close()


@contextlib.asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[Listening]:
    """Let a peer treat every connection to a port, each until the connection or the context ends."""
    listener = listen_somewhere()
    here = Listening(listener.getsockname()[1])
    tasks: set[asyncio.Task[None]] = set()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await peer(reader, writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(treat(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, sock=listener)
    try:
        yield here
    finally:
        await stop_listening(server)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accept and never speak."""
    while await reader.read(65_536):
        pass


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and close at once.

    Read what the client still sends, because closing with unread data would reset the connection.
    """
    writer.write_eof()
    await silent(reader, writer)


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and reset."""
    reset(writer)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet with noise, the same each time."""
    writer.write(random.Random(0).randbytes(1_000))  # noqa: S311 - noise, no secret
    await silent(reader, writer)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server does that is spoken to in another protocol."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await closes(reader, writer)


def mysql_error(code: int, message: str) -> Peer:
    """Greet with MySQL's error, as it does before any login: 1040, 1129 or 1053."""

    async def peer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        error = b"\xff" + struct.pack("<H", code) + message.encode()
        writer.write(struct.pack("<I", len(error))[:3] + b"\0" + error)
        await writer.drain()

    return peer


def postgres_error(sqlstate: str, message: str = "no") -> Peer:
    """Answer the startup message with PostgreSQL's error: 57P03 or 53300."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _startup_code(reader) == _SSL_REQUEST:
            writer.write(b"N")
        fields = {b"S": b"FATAL", b"V": b"FATAL", b"C": sqlstate.encode(), b"M": message.encode()}
        error = b"".join(kind + value + b"\0" for kind, value in fields.items()) + b"\0"
        writer.write(b"E" + struct.pack("!I", len(error) + 4) + error)
        await writer.drain()

    return peer


async def _startup_code(reader: asyncio.StreamReader) -> int:
    """Read a message from before the login, and return its code."""
    size, code = struct.unpack("!II", await reader.readexactly(8))
    await reader.readexactly(size - 8)
    return int(code)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, which is what closing does without time to linger."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it has ended already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

"""A gate on a real port, in the loop of the test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from orchestrator.serving.answers import Answers
from orchestrator.serving.gate import Gate
from orchestrator.serving.startup_status import StartupStatus

if TYPE_CHECKING:
    from orchestrator.events import Event

CLOSED = b"GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n"


class OpenGate(Gate):
    """A gate that knows its port and keeps its events."""

    def __init__(self, listener: socket.socket) -> None:
        self.events: list[Event] = []
        self.port: int = listener.getsockname()[1]
        status = StartupStatus("public", lambda: 1.0, lambda value: value)
        super().__init__(listener, Answers(status, ("/livez", "/readyz", "/startupz"), "", ""), self.events.append)


@contextlib.asynccontextmanager
async def open_gate(*, send_buffer: int = 0) -> AsyncIterator[OpenGate]:
    """Open a gate; it is closed at the end. The kernel keeps `send_buffer` bytes of its responses, or its default."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if send_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        gate = OpenGate(listener)
        await gate.open()
        yield gate
        await gate.close()


async def exchange(port: int, data: bytes, *, more: bytes = b"", half: bool = False) -> bytes:
    """Send a request, and `more` after the first bytes of the answer; return all that comes until it closes.

    `half`: close the client's half of the connection after the request.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if half:
        writer.write_eof()
    async with asyncio.timeout(10):
        first = await reader.read(1)
        if more:
            writer.write(more)
        rest = await reader.read()
    writer.close()
    return first + rest


@contextlib.contextmanager
def loop_errors() -> Iterator[list[dict[str, Any]]]:
    """Yield the list of what the loop reports: errors of callbacks, which no test would notice."""
    loop, seen = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    try:
        yield seen
    finally:
        loop.set_exception_handler(None)

"""Owns the port until the app serves: answers probes, refuses other requests, then hands its connections over.

This is our own small protocol instead of a second uvicorn, for two reasons: it runs in the supervisor's thread before
anything heavy is imported, and it can hand over a connection together with the bytes of a request that it has read. So
no connection is refused, reset or lost when the app takes over.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import NamedTuple

from orchestrator.events import Emit, Request
from orchestrator.runtime.forks import not_in_forks
from orchestrator.serving.answers import POLL_HEADER, Answer, Answers, answer
from orchestrator.serving.limits import (
    ACCEPTED_AT_ONCE,
    HEAD_BYTES,
    HEAD_SECONDS,
    LINGER_SECONDS,
    REQUEST_LINE_BYTES,
    Connections,
    backlog,
)
from orchestrator.serving.request_head import RequestHead
from orchestrator.serving.trace import trace_id
from orchestrator.settings.uvicorn_options import KEEP_ALIVE_SECONDS

_END = b"\r\n\r\n"
_CLOSING_SECONDS = 1.0


class Handed(NamedTuple):
    """A connection, with the bytes of an incomplete request."""

    socket: socket.socket
    head: bytes


class Gate:
    """Listens on a duplicate of `listener` in the running loop, from `open` to `hand_over` or `close`."""

    def __init__(self, listener: socket.socket, answers: Answers, emit: Emit) -> None:
        self.answers, self.emit = answers, emit
        self.connections: Connections[_Connection] = Connections()
        self.hand: Callable[[Handed], None] | None = None
        self._listener = listener
        self.emptied = asyncio.Event()

    async def open(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        listener = not_in_forks(self._listener.dup())
        made = loop.create_server(lambda: _Connection(self), sock=listener, backlog=ACCEPTED_AT_ONCE)
        self._server = await made
        listener.listen(backlog())

    def hand_over(self, hand: Callable[[Handed], None]) -> None:
        """Stop accepting connections, and call `hand` for each open one as soon as it has received its response."""
        self.hand = hand
        self._accept_no_more()
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._server.close)  # the duplicate; the listener stays for the next server
        for connection in list(self.connections):
            connection.hand_on()

    async def close(self) -> None:
        """Stop accepting connections, and close each open one after its response."""
        self._accept_no_more()
        for _ in range(2):
            await asyncio.sleep(0)
        self._server.close()
        self.emptied.clear()
        for connection in list(self.connections):
            connection.close_when_answered()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.emptied.wait(), _CLOSING_SECONDS)
        for connection in list(self.connections):
            connection.drop()

    def _accept_no_more(self) -> None:
        """Leave new clients in the kernel's queue.

        Asyncio makes the connection of a client one round after it was accepted, and resets it if the server is closed
        by then. So the server is closed two rounds after this.
        """
        loop = asyncio.get_running_loop()
        for each in self._server.sockets:
            loop.remove_reader(each.fileno())


class _Connection(asyncio.Protocol):
    """One connection. It stays open for requests without a body, and closes after any other one."""

    transport: asyncio.Transport

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._head = b""
        self._answered = False  # after a response, later bytes are not read as a request
        self._timer: asyncio.TimerHandle | None = None

    @property
    def drop_order(self) -> int:
        """Return 0: it may be dropped at any time, because responses are sent at once."""
        return 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for the first request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP
        self.transport = transport
        self._gate.connections.add(self)
        self._expect(HEAD_SECONDS)
        if self._gate.hand:  # it was accepted during the handover
            asyncio.get_running_loop().call_soon(self.hand_on)

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        self._gate.connections.discard(self)
        if not self._gate.connections:
            self._gate.emptied.set()
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        if self._answered:
            return
        self._head = (self._head + data).lstrip(b"\r\n")
        while (end := self._head.find(_END)) >= 0:
            head, self._head = self._head[:end], self._head[end + len(_END) :]
            self._answer(head)
        self._look_at_the_rest()

    def eof_received(self) -> bool:
        """Return False, so that the transport closes after the written bytes are sent."""
        return False

    def hand_on(self) -> None:
        """Hand the connection to the app's server, unless it is closing or a response is still being sent."""
        if self._gate.hand is None or self._answered or self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(0.01, self.hand_on)
            return
        duplicate: socket.socket = self.transport.get_extra_info("socket").dup()
        self.transport.abort()  # closes this descriptor only; the connection lives on in the duplicate
        self._gate.hand(Handed(duplicate, self._head))

    def close_when_answered(self) -> None:
        """Close the connection; if a request has begun to arrive, answer it first."""
        if not self._head and not self._answered:
            self.transport.close()

    def drop(self) -> None:
        """Close the connection now: it is idle, and other clients want to connect."""
        self.transport.abort()

    # ------------------------------------------------------------ one request

    def _look_at_the_rest(self) -> None:
        if self._answered:
            return
        line, complete, _ = self._head.partition(b"\r\n")
        if len(line) > REQUEST_LINE_BYTES:
            self._refuse(414)
        elif complete and len(self._head) > HEAD_BYTES:
            self._refuse(431)
        else:
            self.hand_on()

    def _answer(self, head: bytes) -> None:
        try:
            request = RequestHead(head)
        except ValueError:
            self._refuse(400)
            return
        if len(head) > HEAD_BYTES or len(request.target) > REQUEST_LINE_BYTES:
            self._refuse(414 if len(request.target) > REQUEST_LINE_BYTES else 431)
            return
        self._expect(KEEP_ALIVE_SECONDS)
        found = self._gate.answers.starting(request.path, request.headers)
        self._send(found, head_only=request.method == "HEAD", close=not request.keeps_alive)
        if request.path not in self._gate.answers.probes and POLL_HEADER not in dict(request.headers):
            self._report(request, found)

    def _refuse(self, status: int) -> None:
        self._send(answer(status, b"text/plain", b""), close=True)

    def _send(self, found: Answer, *, close: bool, head_only: bool = False) -> None:
        self.transport.write(found.http(head_only=head_only, close=close))
        if close:
            self._answered, self._head = True, b""
            self.transport.write_eof()
            # Read and discard what still arrives: closing now could destroy the response before the client reads it.
            self._expect(LINGER_SECONDS)

    def _expect(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._head:
            self._refuse(408)
        else:
            self.transport.abort()

    def _report(self, request: RequestHead, found: Answer) -> None:
        peer = self.transport.get_extra_info("peername") or ("",)
        self._gate.emit(
            Request(
                method=request.method,
                path=request.path,
                status=found.status,
                duration_seconds=0.0,
                client=str(peer[0]),
                trace_id=trace_id(request.headers),
            )
        )

"""uvicorn's connections with limits: bytes and time of a request's head, and time before the first request."""

import asyncio
from typing import Any

from orchestrator.serving.answers import answer
from orchestrator.serving.limits import HEAD_BYTES, HEAD_SECONDS, LINGER_SECONDS, REQUEST_LINE_BYTES, Connections

_TOLD = {
    408: b"The request did not arrive in time.",
    414: b"The request line is too long.",
    431: b"The request's headers are too large.",
}


class Bounded:
    """Mixin for uvicorn's HTTP protocols: knows when the connection may be dropped, and closes it if it is silent."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: Connections[Any]
    cycle: Any

    _timer: asyncio.TimerHandle | None = None

    @property
    def drop_order(self) -> int | None:
        """Return 0 if no request was ever sent, 1 if idle, 2 if a request arrives slowly; None if busy."""
        if self.cycle is None:
            return 0
        if self.cycle.response_complete:
            return 1
        return None if self.cycle.response_started or not self.cycle.more_body else 2

    def drop(self) -> None:
        """Close the connection now."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the timer for the first request."""
        super().connection_made(transport)  # type: ignore[misc]
        self._await_head()

    def connection_lost(self, error: Exception | None) -> None:
        """Cancel all timers."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(error)  # type: ignore[misc]

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late, self.cycle)

    def _too_late(self, cycle: Any) -> None:
        self._timer = None
        if self.cycle is None and cycle is None and not self.transport.is_closing():
            self.transport.close()


class BoundedHttpTools(Bounded):
    """For `HttpToolsProtocol`, which accepts a head of any size in quadratic time; h11 has its own limit."""

    _parse: Any  # the protocol's own `data_received`, without the price of `super()`
    scope: Any  # of the newest request; it has a method once the head is complete

    _head_bytes = 0  # size of the incomplete head; 0 if none is incomplete
    _line_done = False

    def data_received(self, data: bytes) -> None:
        """Refuse a head that is too large before it is parsed."""
        if self._head_bytes + len(data) > REQUEST_LINE_BYTES and (status := self._refusal(data)):
            self._refuse(status)
            return
        before = self.cycle
        in_body = before is not None and before.more_body
        self._parse(data)
        if not self.scope or "method" not in self.scope:
            # Behind the end of another request, in the same chunk, the head began at an unknown place.
            self._count(data[-1:] if in_body or self.cycle is not before else data)
        elif self._head_bytes:
            self._head_bytes, self._line_done = 0, False

    def _count(self, data: bytes) -> None:
        self._head_bytes += len(data)
        self._line_done = self._line_done or b"\n" in data
        self._await_head()

    def _refusal(self, data: bytes) -> int | None:
        if not self._head_bytes and self.scope:  # a body, or a head that begins in this chunk
            return None
        if not self._line_done and b"\n" not in data[: max(0, REQUEST_LINE_BYTES - self._head_bytes)]:
            return 414
        rest = max(0, HEAD_BYTES - self._head_bytes)
        return 431 if len(data) > rest and b"\r\n\r\n" not in data[:rest] else None

    def _too_late(self, cycle: Any) -> None:
        if not self._head_bytes or self.transport.is_closing():
            super()._too_late(cycle)
        elif self.cycle is cycle:
            self._refuse(408)
        else:  # the timer belonged to an earlier head
            self._timer = None
            self._await_head()

    def _refuse(self, status: int) -> None:
        self.connections.discard(self)
        self._unset_keepalive_if_required()  # type: ignore[attr-defined]
        if self._timer:
            self._timer.cancel()
        self.transport.set_protocol(_Lingering(self.transport, self.connections, self.loop))
        self.transport.write(answer(status, b"text/plain", _TOLD[status]).http())
        self.transport.write_eof()


class _Lingering(asyncio.Protocol):
    """A refused client's connection: discards what the client still sends, so that it can read the refusal."""

    drop_order = 0

    def __init__(
        self, transport: asyncio.Transport, connections: Connections[Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport, self._connections = transport, connections
        connections.add(self)
        self._timer = loop.call_later(LINGER_SECONDS, transport.abort)

    def connection_lost(self, _error: Exception | None) -> None:
        self._timer.cancel()
        self._connections.discard(self)

    def drop(self) -> None:
        self._transport.abort()

    shutdown = drop  # uvicorn calls this name when it stops


def bounded(protocol: type[Any]) -> type[Any]:
    """Return uvicorn's protocol class with our limits added, if we know the class."""
    name = protocol.__name__
    mixin = {"HttpToolsProtocol": BoundedHttpTools, "H11Protocol": Bounded}.get(name)
    return type(name, (mixin, protocol), {"_parse": protocol.data_received}) if mixin else protocol

"""How much of the port one client may use: bytes of a request's head, time, connections.

The limits are generous for an app, because load balancers are stricter: an ALB accepts a request line of 16 KB and a
head of 64 KB. They keep the process alive: without them a head of 32 MB blocks the loop for seconds, and idle clients
use up all descriptors.
"""

import os
import resource
from collections.abc import Iterator, MutableSet
from typing import Any, Protocol, TypeVar

from orchestrator.settings import uvicorn_options

REQUEST_LINE_BYTES = 65_536  # uvicorn's own limit with h11; httptools has no limit
HEAD_BYTES = 131_072  # request line and headers
HEAD_SECONDS = 60.0  # for a head to arrive, counted from the connection or its first byte
BACKLOG = 2048  # how many clients the kernel lets wait, as uvicorn's default
# asyncio accepts so many clients in a row (from Python 3.14 one more), and some rounds pass before one of them takes
# the place of an idle one. It takes the number from the backlog that it is given, so the real one is set afterwards.
ACCEPTED_AT_ONCE = 1
LINGER_SECONDS = 2.0  # for a refused client to read the refusal, while we discard what it still sends

# Reserved for the app, its connection pool and the probes: a quarter of the descriptors, at most 256.
_KEPT_SHARE, _MOST_KEPT = 4, 256


class Droppable(Protocol):
    """A connection, as this module needs it."""

    @property
    def drop_order(self) -> int | None:
        """Return which connection to drop first when others want to connect (lowest first); None if it is busy."""

    def drop(self) -> None:
        """Close the connection now."""


C = TypeVar("C", bound=Droppable)


def most_connections() -> int:
    """Return how many clients may be connected, derived from the process's limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = 1_048_576
    return max(1, soft - min(soft // _KEPT_SHARE, _MOST_KEPT))


def backlog() -> int:
    """Return how many clients may wait in the kernel: uvicorn's own option, or its default."""
    return int(uvicorn_options.given(os.environ).get("backlog", BACKLOG))


class Connections(MutableSet[C]):
    """The open connections, oldest first. If there are too many, a new one replaces an idle one.

    A client that has sent a request is kept longer than one that has not: load balancers keep their connections open.

    Attributes:
        full: whether there are too many connections and none is idle: then only probes are answered. Each request reads
            it, so it is not computed.
    """

    def __init__(self, most: int | None = None) -> None:
        self._open: dict[C, None] = {}
        self.most = most or most_connections()
        self.full = False

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    def __iter__(self) -> Iterator[C]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: C) -> None:
        """Add a connection. If there are too many, drop the oldest of the least busy ones."""
        self._open[connection] = None
        if len(self._open) > self.most and (victim := self._to_drop(connection)):
            self.discard(victim)
            victim.drop()
        self.full = len(self._open) > self.most

    def discard(self, connection: Any) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)
        self.full = len(self._open) > self.most

    def _to_drop(self, newest: C) -> C | None:
        others = (each for each in self._open if each is not newest)
        ranked = ((each.drop_order, each) for each in others)
        candidates = [(rank, each) for rank, each in ranked if rank is not None]
        return min(candidates, key=lambda found: found[0])[1] if candidates else None

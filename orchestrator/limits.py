"""How much of the port one client may take: bytes of a request's head, time, connections.

Generous for an app, as load balancers are stricter: an ALB takes a request line of 16 KB and a head of 64 KB. The
limits keep the process alive: without them, a head of 32 MB blocks the loop for seconds, and idle clients take all
descriptors.
"""

import resource
from collections.abc import Iterator, MutableSet
from typing import Any, Protocol, TypeVar

REQUEST_LINE_BYTES = 65_536  # uvicorn's own limit with h11; there is none with httptools
HEAD_BYTES = 131_072  # request line and headers
HEAD_SECONDS = 60.0  # for a head to arrive, from the connection or its first byte
KEEP_ALIVE_SECONDS = 75  # a load balancer reuses an idle connection for 60: it must not meet one that we close
LINGER_SECONDS = 2.0  # to read what a refused client still sends, so that it reads the refusal

_KEPT_SHARE, _MOST_KEPT = 4, 256  # a fourth of the descriptors, or 256, for the app, its pool and the probes


class Droppable(Protocol):
    """A connection, as far as this module needs to know it."""

    @property
    def drop_order(self) -> int | None:
        """Who is dropped first when others want to connect: 0 before 1; None: it is at work."""

    def drop(self) -> None:
        """Close it now."""


C = TypeVar("C", bound=Droppable)


def most_connections() -> int:
    """How many clients may be connected, by the process's limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = 1_048_576
    return max(1, soft - min(soft // _KEPT_SHARE, _MOST_KEPT))


class Connections(MutableSet[C]):
    """The open connections, oldest first; one that comes when there are too many takes the place of an idle one.

    A client that has asked before is worth more than one that has not: load balancers keep their connections.
    """

    def __init__(self, most: int | None = None) -> None:
        self._open: dict[C, None] = {}
        self.most = most or most_connections()

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    def __iter__(self) -> Iterator[C]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether there are too many, none of them idle: only probes are answered now."""
        return len(self._open) > self.most

    def add(self, connection: C) -> None:
        """Add it, and drop the oldest of those that do the least when there are too many."""
        self._open[connection] = None
        if len(self._open) > self.most and (victim := self._to_drop(connection)):
            self.discard(victim)
            victim.drop()

    def discard(self, connection: Any) -> None:
        """Forget it."""
        self._open.pop(connection, None)

    def _to_drop(self, newest: C) -> C | None:
        others = (each for each in self._open if each is not newest)
        ranked = ((each.drop_order, each) for each in others)
        candidates = [(rank, each) for rank, each in ranked if rank is not None]
        return min(candidates, key=lambda found: found[0])[1] if candidates else None

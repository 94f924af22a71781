"""The socket under a driver's connection: kept alive while it is idle, and asked who is still there."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Below the 350 seconds after which AWS's NAT gateways and network load balancers forget a connection, in silence:
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
IDLE_SECONDS, INTERVAL_SECONDS, COUNT = 60, 10, 3
_GONE_SECONDS = IDLE_SECONDS + INTERVAL_SECONDS * COUNT
_HAVE_DESCRIPTORS: tuple[Callable[[Any], Any], ...] = (
    lambda connection: connection,  # psycopg2, psycopg, mysqlclient
    lambda connection: connection._transport.get_extra_info("socket"),  # noqa: SLF001  # asyncmy, asyncpg
    lambda connection: connection._sock,  # noqa: SLF001  # PyMySQL
)


def keep_alive(dbapi_connection: Any) -> None:
    """Let a connection survive a long statement, during which nothing is sent, and notice a server that vanished.

    Does nothing with a Unix socket, or under a driver that does not show its socket.
    """
    options = {
        (socket.SOL_SOCKET, "SO_KEEPALIVE"): 1,
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): IDLE_SECONDS,
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): INTERVAL_SECONDS,
        (socket.IPPROTO_TCP, "TCP_KEEPCNT"): COUNT,
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): _GONE_SECONDS * 1000,  # the same for what was sent and not confirmed
    }
    with _tcp_socket(dbapi_connection) as found:
        for (level, name), value in options.items():
            if found and hasattr(socket, name):  # Linux has them all
                found.setsockopt(level, getattr(socket, name), value)


def is_orphan(dbapi_connection: Any, ours: str, theirs: str) -> bool:
    """Whether it is proven that another connection's client is gone, although the server goes on working for it.

    Only what is near can be proven: where the server sees us at our true address, with no proxy or translation of
    addresses between, another client at the same address has its socket where we can see it, if it has one.

    Args:
        dbapi_connection: our own connection.
        ours: where the server sees us, as `address:port`.
        theirs: where the server sees the other client.
    """
    with _tcp_socket(dbapi_connection) as found:
        if not found:
            return False
        (address, port), server_port = found.getsockname()[:2], found.getpeername()[1]
    their_address, _, their_port = theirs.rpartition(":")
    if ours != f"{address}:{port}" or their_address != address:
        return False
    sockets = set(_owned_sockets())
    return (port, server_port) in sockets and (int(their_port), server_port) not in sockets


def _owned_sockets() -> Iterator[tuple[int, int]]:
    """Local and remote port of each TCP connection that a process of this network namespace has; Linux tells them."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/net", table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, remote, *_, inode = line.split()[:10]
                if inode != "0":  # else only the kernel is left of it, saying goodbye
                    yield int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)


@contextlib.contextmanager
def _tcp_socket(dbapi_connection: Any) -> Iterator[socket.socket | None]:
    descriptor = _descriptor(getattr(dbapi_connection, "driver_connection", dbapi_connection))
    if descriptor is None:
        yield None
        return
    with socket.socket(fileno=os.dup(descriptor)) as found:
        yield found if found.family in {socket.AF_INET, socket.AF_INET6} else None


def _descriptor(driver_connection: Any) -> int | None:
    for has_descriptor in _HAVE_DESCRIPTORS:
        with contextlib.suppress(Exception):
            return int(has_descriptor(driver_connection).fileno())
    return None

"""The socket of a driver's connection: keeps it alive while idle, and shows which clients still exist."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Below the 350 s after which AWS's NAT gateways and network load balancers silently drop a connection:
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
IDLE_SECONDS, INTERVAL_SECONDS, COUNT = 60, 10, 3
_GONE_SECONDS = IDLE_SECONDS + INTERVAL_SECONDS * COUNT
_HAVE_DESCRIPTORS: tuple[Callable[[Any], Any], ...] = (
    lambda connection: connection,  # psycopg2, psycopg, mysqlclient
    lambda connection: connection._transport.get_extra_info("socket"),  # noqa: SLF001  # asyncmy, asyncpg
    lambda connection: connection._sock,  # noqa: SLF001  # PyMySQL
    lambda connection: connection._writer.transport.get_extra_info("socket"),  # noqa: SLF001  # aiomysql
    lambda connection: connection._usock,  # noqa: SLF001  # pg8000
    lambda connection: connection._socket.sock,  # noqa: SLF001  # MySQL Connector, the one in Python
)


def keep_alive(dbapi_connection: Any) -> None:
    """Keep a connection alive during a long statement, which sends nothing, and notice a vanished server.

    Does nothing for a Unix socket, or if the driver does not expose its socket.
    """
    options = {
        (socket.SOL_SOCKET, "SO_KEEPALIVE"): 1,
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): IDLE_SECONDS,
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): INTERVAL_SECONDS,
        (socket.IPPROTO_TCP, "TCP_KEEPCNT"): COUNT,
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): _GONE_SECONDS
        * 1000,  # the same for sent data that is not acknowledged
    }
    with _tcp_socket(dbapi_connection) as found:
        for (level, name), value in options.items():
            if found and hasattr(socket, name):  # Linux has all of them
                found.setsockopt(level, getattr(socket, name), value)


def end(dbapi_connection: Any) -> bool:
    """End a connection, for a driver that waits on it in any thread; return whether its socket was found."""
    with _tcp_socket(dbapi_connection) as found:
        if found is None:
            return False
        with contextlib.suppress(OSError):  # it has ended
            found.shutdown(socket.SHUT_RDWR)
        return True


def is_direct(dbapi_connection: Any, client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Return whether it is proven that no proxy or pooler is in between: both ends of the connection are the server's.

    Args:
        dbapi_connection: our own connection.
        client: our address and port as the server sees them.
        server: the server's own address and port.
    """
    with _tcp_socket(dbapi_connection) as found:
        return found is not None and (found.getsockname()[:2], found.getpeername()[:2]) == (client, server)


def is_orphan(dbapi_connection: Any, ours: str, theirs: str) -> bool:
    """Return whether it is proven that another connection's client is gone, even if the server still works for it.

    The proof needs a client on this machine: if the server sees our real address, without a proxy or address
    translation between, then another client at the same address must have a socket that we can see.

    Args:
        dbapi_connection: our own connection.
        ours: our address as the server sees it, `address:port`.
        theirs: the other client's address as the server sees it.
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
    """Yield local and remote port of each TCP connection that a process of this network namespace has; Linux only."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/net", table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, remote, *_, inode = line.split()[:10]
                if inode != "0":  # otherwise only the kernel still has it, to close it
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

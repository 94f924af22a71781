"""Finds connections of this process that receive nothing any more, and ends them.

A network may acknowledge every packet and deliver none (a hanging proxy, a middlebox that lost its state). Then no TCP
timeout ends the wait, and few drivers have one. The kernel knows when data was last sent and received, for any driver
and with TLS: `tcpi_last_data_sent`, `tcpi_last_data_recv` of tcp(7).
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

_TCP_INFO = 11  # Linux's number; Python has a name for it only where it was built with it
_LAST_DATA = struct.Struct("=44x I 4x I 72x Q")  # sent and received, milliseconds ago; bytes received (Linux 4.1)


class Quiet(NamedTuple):
    """How quiet a TCP connection of this process is.

    Attributes:
        inode: which one it is.
        seconds: since something came last, or since it was made.
        asked: something was sent since then.
        unanswered: nothing was ever received.
    """

    inode: int
    seconds: float
    asked: bool
    unanswered: bool


def quiet_connections(ports: Collection[int]) -> list[Quiet]:
    """Return the TCP connections of this process to these ports, made by any code; none on systems other than Linux."""
    return [_quiet(found) for found in _sockets_to(ports)]


def end_quiet(ports: Collection[int], seconds: float, *, but: Collection[int]) -> int:
    """End the connections that received nothing for so long; return how many there were.

    A driver that waits on one, in any thread, gets the end of the stream.

    Args:
        ports: of the servers.
        seconds: how long nothing was received.
        but: connections that are ended only if a query is outstanding: they rest in a pool.
    """
    return _end(ports, lambda quiet: quiet.seconds >= seconds and (quiet.asked or quiet.inode not in but))


def end_unanswered(ports: Collection[int], seconds: float) -> int:
    """End the connections that were made so long ago and received nothing at all; return how many there were.

    The server may answer others: a proxy accepted the connection and forgot it, and few drivers limit the login.
    """
    return _end(ports, lambda quiet: quiet.unanswered and quiet.seconds >= seconds)


def _end(ports: Collection[int], which: Callable[[Quiet], bool]) -> int:
    ended = 0
    for found in _sockets_to(ports):
        if which(_quiet(found)):
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
                ended += 1
    return ended


def _sockets_to(ports: Collection[int]) -> Iterator[socket.socket]:
    for found in _sockets():
        with contextlib.suppress(OSError):  # it was closed meanwhile
            if found.family in {socket.AF_INET, socket.AF_INET6} and found.getpeername()[1] in ports:
                yield found


def _sockets() -> Iterator[socket.socket]:
    """The sockets of this process, each open for as long as it is looked at."""
    folder = "/proc/self/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208  # fewer steps, once a second
    except OSError:
        return
    for name in names:
        try:
            if not os.readlink(f"{folder}/{name}").startswith("socket:"):  # noqa: PTH115  # same
                continue
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # it was closed meanwhile
            continue
        with found:
            yield found


def _quiet(found: socket.socket) -> Quiet:
    try:
        info = found.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_DATA.size)
        sent, received, bytes_received = _LAST_DATA.unpack(info)
    except (OSError, struct.error):  # it was closed meanwhile; or this is not Linux
        sent, received, bytes_received = 0, 0, 1
    return Quiet(os.fstat(found.fileno()).st_ino, received / 1000, sent < received, bytes_received == 0)

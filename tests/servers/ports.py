"""Loopback ports that nobody else is given meanwhile.

They lie below the range from which the kernel takes the ports of outgoing connections: a client that
asks for a port of that range while nobody listens there may, by chance, connect to itself.
"""

import contextlib
import random
import socket

HOST = "127.0.0.1"
_PORTS = range(20_000, 32_768)
_named: set[int] = set()


def listen_somewhere() -> socket.socket:
    """Listen on a free port."""
    for port in random.sample(_PORTS, 1_000):
        with contextlib.suppress(OSError):
            return socket.create_server((HOST, port), backlog=256)
    raise RuntimeError(f"no free port in {_PORTS}")


def free_port() -> int:
    """Name a port that was free a moment ago, and that was named to nobody else in this process."""
    while True:
        with listen_somewhere() as listener:
            port: int = listener.getsockname()[1]
        if port not in _named:
            _named.add(port)
            return port

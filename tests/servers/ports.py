"""Loopback ports that no other test of this machine gets at the same time.

They are below the range from which the kernel takes the ports of outgoing connections: a client that connects to an
unused port of that range may, by chance, connect to itself.

Tests run in several processes, and a port is chosen some time before a server listens on it. So each process locks the
byte with the port's number in a shared file; its end releases the locks.
"""

import contextlib
import fcntl
import functools
import os
import secrets
import socket
import tempfile
from collections import deque

HOST = "127.0.0.1"
_PORTS = range(20_000, 32_768)
_KEPT = 400  # a process keeps so many of its latest ports; older ones are no longer in use
_kept: deque[int] = deque()


def listen_somewhere() -> socket.socket:
    """Listen on a free port."""
    for _ in range(10_000):
        port = secrets.choice(_PORTS)  # `random` may be seeded, and then every process draws the same ports
        if port not in _kept and _reserve(port):
            with contextlib.suppress(OSError):
                return socket.create_server((HOST, port), backlog=256)
    raise RuntimeError(f"no free port in {_PORTS}")


def free_port() -> int:
    """Name a port that was free a moment ago, and that no other test is given."""
    with listen_somewhere() as listener:
        port: int = listener.getsockname()[1]
    return port


def _reserve(port: int) -> bool:
    try:
        fcntl.lockf(_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _kept.append(port)
    if len(_kept) > _KEPT:
        fcntl.lockf(_file(), fcntl.LOCK_UN, 1, _kept.popleft())
    return True


@functools.cache
def _file() -> int:
    """Open the file once: closing any descriptor of it would release all locks of this process."""
    path = os.path.join(tempfile.gettempdir(), f"orchestrator-test-ports-{os.getuid()}")  # noqa: PTH118
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)

"""The listening sockets of this process, which a process that the app forks must not keep.

multiprocessing forks on Linux. Its worker may outlive the server: with the socket it would hold the port, and clients
would wait for an answer that never comes.
"""

import os
import socket
import weakref

_SOCKETS: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def not_in_forks(listener: socket.socket) -> socket.socket:
    """Return `listener`, which each forked process will close."""
    _SOCKETS.add(listener)
    return listener


def _close_in_child() -> None:
    for listener in _SOCKETS:
        listener.close()


os.register_at_fork(after_in_child=_close_in_child)

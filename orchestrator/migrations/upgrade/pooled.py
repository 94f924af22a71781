"""Closes the connections that env.py returns to a pool: the engine may be the app's, `from app.db import engine`.

Under `alembic` they end with the process, and the app begins with empty pools. Here one would reach the first request:
with the session as env.py left it (`SET search_path`), or bound to an event loop that has ended.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.pool import Pool

from orchestrator.databases import sockets


@contextlib.contextmanager
def emptied_pools() -> Iterator[None]:
    """At the end of this block, close each connection that env.py has used in it and returned to its pool."""
    entries: set[Any] = set()
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def note(_connection: Any, entry: Any, _fairy: Any) -> None:
        if threading.get_ident() not in others:  # env.py may start threads; the older ones are the app's and ours
            entries.add(entry)

    event.listen(Pool, "checkout", note)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", note)
        for entry in entries:
            if not entry.in_use:
                _close(entry)


def _close(entry: Any) -> None:
    """Close a pool entry's connection. The entry stays in its pool, and connects when it is needed again."""
    connection: Any = entry.dbapi_connection
    is_async = isinstance(connection, AdaptedConnection)
    with contextlib.suppress(Exception):  # it is lost, or its event loop has ended
        if not is_async:
            entry.close()
            return
        sockets.end(connection.driver_connection)
        connection.terminate()
    entry.dbapi_connection = None

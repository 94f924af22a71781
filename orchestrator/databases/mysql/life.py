"""Signs of life of a process whose session has the migration lock and runs no statement.

The server cannot tell a process that computes from a host that vanished: both are silent. So the process shows on a
second connection that it lives, by locks, which need no rights and end with their sessions. Both carry the number of
the session with the migration lock:

* `watched`, on that session itself: its process shows life, and others may end the session if it shows none.
* `alive`, on the second connection, which the server ends after a short rest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.databases import ElsewhereError, row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

REST_SECONDS = 30
"""How long the second connection may rest: after that a vanished host is no longer `alive`."""
_WATCHED, _ALIVE = "'orchestrator:watched:{0:d}'", "'orchestrator:alive:{0:d}'"


def is_direct(dbapi_connection: Any, connection_id: int) -> bool:
    """Return whether the connection leads to the server itself, by the number that it was greeted with.

    A proxy such as ProxySQL or MaxScale numbers connections itself, and its KILL would end another one.
    """
    driver = getattr(dbapi_connection, "driver_connection", dbapi_connection)
    told = getattr(driver, "connection_id", None) or getattr(driver, "thread_id", None)  # MySQL Connector; the others
    return bool((told() if callable(told) else told) == connection_id)


def promise(dbapi_connection: Any, connection_id: int) -> bool:
    """Let others know that this session's process will show life; return whether the server has taken note."""
    return bool(row(dbapi_connection, f"SELECT GET_LOCK({_WATCHED.format(connection_id)}, 0)")[0])


def withdraw(dbapi_connection: Any, connection_id: int) -> None:
    """Take `promise` back."""
    row(dbapi_connection, f"SELECT RELEASE_LOCK({_WATCHED.format(connection_id)})")


def is_shown(dbapi_connection: Any, connection_id: int) -> bool | None:
    """Return whether the process of another session shows life; None if it has not promised to."""
    watched, alive = _WATCHED.format(connection_id), _ALIVE.format(connection_id)
    by, shown = row(dbapi_connection, f"SELECT IS_USED_LOCK({watched}), IS_USED_LOCK({alive}) IS NOT NULL")
    return bool(shown) if by == connection_id else None


async def show(connection: "AsyncConnection", connection_ids: Sequence[int]) -> None:
    """Implement `Backend.show_life`."""
    await connection.exec_driver_sql(f"SET SESSION wait_timeout = {REST_SECONDS}")
    for each in connection_ids:
        watched, alive = _WATCHED.format(each), _ALIVE.format(each)
        # The lock may still belong to a connection of ours that was lost: then it shows life until it is free.
        asked = f"SELECT IS_USED_LOCK({watched}), IS_USED_LOCK({alive}) = CONNECTION_ID() OR GET_LOCK({alive}, 0)"
        if (await connection.exec_driver_sql(asked)).one()[0] != each:
            raise ElsewhereError(f"a second connection does not find connection {each}: it leads to another server")
    await connection.rollback()

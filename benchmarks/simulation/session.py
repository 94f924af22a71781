"""A connection of the simulated server, as PEP 249 has it, for the real lock: `orchestrator.databases.mysql.lock`.

It answers what the lock asks. A statement runs in a greenlet and gives way to the other tasks while the server works.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.util import await_only

from benchmarks.simulation.server import Server

_ONE_SECOND = 1.0


class Session:
    """A connection, which is its own cursor."""

    description = ("column",)

    def __init__(self, server: Server, connection_id: int) -> None:
        self.server, self.connection_id = server, connection_id
        self._rows: Sequence[Sequence[Any]] = ()

    def cursor(self) -> "Session":
        """Return itself."""
        return self

    def close(self) -> None:
        """End the cursor, not the connection."""

    def commit(self) -> None:
        """Do nothing: no statement of the lock begins a transaction."""

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Return the rows of the last statement."""
        return self._rows

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self._rows = self._answer(sql)

    def _answer(self, sql: str) -> Sequence[Sequence[Any]]:
        if "RELEASE_LOCK" in sql:
            return self._release()
        if "PROCESSLIST" in sql:
            await_only(self.server.processlist())
            return [self._process(self.connection_id), self._process(self.server.holder)]
        if "GET_LOCK" in sql:
            return [(int(await_only(self.server.get_lock(self.connection_id, seconds=_ONE_SECOND))),)]
        await_only(self.server.query("others"))
        if "IS_USED_LOCK" in sql:
            return [(self.server.holder or None, 0)]
        if "CONNECTION_ID()" in sql:
            return [(b"shop".hex(), self.connection_id)]
        return [(50, 50, 28_800)] if "@@" in sql else []

    def _release(self) -> Sequence[Sequence[Any]]:
        await_only(self.server.query("others"))
        self.server.holder = 0
        self.server.lock.release()
        return [(1,)]

    def _process(self, connection_id: int) -> Sequence[Any]:
        """Return the row of a connection: the lock looks at its own and at the holder's only."""
        command, statement = "Query", "ALTER TABLE plants" if connection_id == self.server.holder else "SELECT GET_LOCK"
        return (connection_id, "app", f"10.0.0.1:{connection_id}", "shop", command, 1, "", statement)

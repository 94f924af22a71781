"""A PEP 249 connection that passes its statements to a carrier; SQLAlchemy uses it while a revision runs.

Only SQLAlchemy gets it. A revision that asks for the driver's connection gets the real one, and the carrier is
notified, because statements on it are not journalled. Rows stay with the driver's cursor, so that a large result
streams.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from sqlalchemy.engine import Connection

from orchestrator.migrations.journal.steps import StatementResult

Run = Callable[[], StatementResult]

_POOLED = "_dbapi_connection"  # where SQLAlchemy keeps the pooled connection; tests/integration guard it


@dataclass(slots=True)
class Call:
    """A call of `execute`, `executemany` or `callproc` of a cursor.

    Attributes:
        sql: the statement as text.
        parameters: its parameters; of `executemany`, a list of all sets.
        cursor: the driver's cursor.
        execute: makes the call on it, and returns what the driver returns.
        several: whether an error may leave the changes of the first sets of parameters.
    """

    sql: str
    parameters: Any
    cursor: Any
    execute: Callable[[], Any]
    several: bool = False


class Carrier(Protocol):
    """Runs the statements of the connection."""

    def execute(self, call: Call) -> StatementResult:
        """Run a statement, or return the numbers in the journal."""

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back."""

    def used_elsewhere(self, what: str) -> None:
        """Note a possible change outside the journalled statements."""


@contextlib.contextmanager
def recording(connection: Connection, carrier: Carrier) -> Iterator[None]:
    """Send all statements of SQLAlchemy's connection through `carrier`."""
    inside: Any = vars(connection)
    pooled, kind = connection.connection, type(connection)
    lent = inside[_POOLED] = _Lent(pooled, carrier)
    connection.__class__ = _RecordedConnection
    try:
        yield
    finally:
        connection.__class__ = kind
        if inside[_POOLED] is lent:  # it may have been invalidated in between
            inside[_POOLED] = pooled


class _RecordedConnection(Connection):
    """SQLAlchemy's connection while a revision runs."""

    @property
    def connection(self) -> Any:
        """Return the pooled connection: the journalled one for SQLAlchemy, the real one for any other caller.

        A proxy would not do for other callers: drivers check for their own types in C, and have COPY, pipelines and
        callbacks.
        """
        found: Any = super().connection
        return found.real() if isinstance(found, _Lent) and not _asked_by_sqlalchemy() else found


def _asked_by_sqlalchemy() -> bool:
    """Return whether a function of SQLAlchemy reads the property; a greenlet has no further frame."""
    frame = sys._getframe(1).f_back  # noqa: SLF001
    return frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "sqlalchemy"


class _Lent:
    """A pooled connection whose DBAPI connection is journalled."""

    def __init__(self, pooled: Any, carrier: Carrier) -> None:
        self._pooled, self._carrier = pooled, carrier
        self._recorded = ProxyConnection(pooled.dbapi_connection, carrier)
        self.cursor, self.commit, self.rollback = (
            self._recorded.cursor,
            self._recorded.commit,
            self._recorded.rollback,
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pooled, name)

    @property
    def dbapi_connection(self) -> Any:
        """Return the journalled connection; None after it was invalidated."""
        return self._pooled.dbapi_connection and self._recorded

    def real(self) -> Any:
        """Return the pooled connection to a caller whose statements are not journalled."""
        self._carrier.used_elsewhere("it used the driver's own connection")
        return self._pooled


class ProxyConnection:
    """The connection. All attributes that do not concern statements are the real connection's."""

    def __init__(self, real: Any, carrier: Carrier) -> None:
        vars(self).update(_real=real, _carrier=carrier)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._switch if name == "autocommit" and callable(found) else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def cursor(self, *args: Any, **options: Any) -> "ProxyCursor":
        """Return a cursor of the requested kind."""
        return ProxyCursor(self._real.cursor(*args, **options), self._carrier)

    def commit(self) -> None:
        """Commit."""
        self._carrier.commit(self._real.commit)

    def rollback(self) -> None:
        """Roll back."""
        self._carrier.rollback(self._real.rollback)

    def _switch(self, value: Any) -> None:
        """Switch the autocommit mode; switching it on commits (MySQL)."""
        self._carrier.commit(lambda: self._real.autocommit(value))


class ProxyCursor:
    """A cursor: the driver's own, except for statements that are in the journal and are not run."""

    def __init__(self, real: Any, carrier: Carrier) -> None:
        vars(self).update(_real=real, _carrier=carrier, _recorded=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property
    def description(self) -> Any:
        """Return the columns of its rows."""
        return (self._recorded or self._real).description

    @property
    def rowcount(self) -> Any:
        """Return the number of rows."""
        return (self._recorded or self._real).rowcount

    @property
    def lastrowid(self) -> Any:
        """Return the generated key; raise AttributeError if the driver has none."""
        return (self._recorded or self._real).lastrowid

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, sql: Any, *args: Any, **options: Any) -> Any:
        """Execute a statement; return what the driver returns."""
        parameters = args[0] if args else next(iter(options.values()), None)
        if args == (None,) and not options:
            args = ()
        return self._carry(sql, parameters, functools.partial(self._real.execute, sql, *args, **options))

    def executemany(self, sql: Any, parameters: Iterable[Any], **options: Any) -> Any:
        """Execute a statement with many sets of parameters."""
        every = list(parameters)
        run = functools.partial(self._real.executemany, sql, every, **options)
        return self._carry(sql, every, run, several=len(every) > 1)

    def callproc(self, name: str, parameters: Any = ()) -> Any:
        """Call a procedure."""
        returned = self._carry(f"CALL {name}", parameters, functools.partial(self._real.callproc, name, parameters))
        return parameters if self._recorded is not None else returned

    def fetchone(self) -> Any:
        """Return one row, or None."""
        return None if self._recorded is not None else self._real.fetchone()

    def fetchmany(self, *args: Any, **options: Any) -> Any:
        """Return some rows."""
        return [] if self._recorded is not None else self._real.fetchmany(*args, **options)

    def fetchall(self) -> Any:
        """Return all remaining rows."""
        return [] if self._recorded is not None else self._real.fetchall()

    def close(self) -> Any:
        """Close the cursor."""
        return self._real.close()

    def _carry(self, sql: Any, parameters: Any, execute: Callable[[], Any], *, several: bool = False) -> Any:
        vars(self)["_recorded"] = None
        real = self._real
        result = self._carrier.execute(Call(self._text(sql), parameters, real, execute, several))
        vars(self)["_recorded"] = result if result.recorded else None
        return self if result.returned is real or (result.recorded and self._returns_itself()) else result.returned

    def _text(self, sql: Any) -> str:
        """Return the statement as text; drivers also accept bytes and objects like psycopg's Composed."""
        if type(sql) is str:
            return sql
        if isinstance(sql, bytes | bytearray):
            return bytes(sql).decode("utf-8", "replace")
        if hasattr(sql, "as_string"):  # psycopg's and psycopg2's Composed
            return str(sql.as_string(self._real))
        return str(sql)

    def _returns_itself(self) -> bool:
        """Return whether this driver's execute returns its cursor, like sqlite3's and psycopg's."""
        return type(self._real).__module__.partition(".")[0] in {"sqlite3", "_sqlite3", "psycopg"}

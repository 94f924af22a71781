"""A PEP 249 connection that lets a recorder carry out its statements, put under SQLAlchemy's while a revision runs."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, Self

from sqlalchemy.engine import Connection

from orchestrator.migrations.journal.results import StatementResult

Run = Callable[[], StatementResult]


class Carrier(Protocol):
    """Who carries out what the connection is asked for."""

    def execute(self, sql: str, parameters: Any, run: Run) -> StatementResult:
        """Run a statement, or give the answer that it had."""

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back."""


@contextlib.contextmanager
def recording(connection: Connection, carrier: Carrier) -> Iterator[None]:
    """Lead everything that goes over SQLAlchemy's connection through `carrier`."""
    pooled = connection.connection
    real = pooled.dbapi_connection
    recorder = ProxyConnection(real, carrier)
    pooled.dbapi_connection = recorder  # type: ignore[misc]  # read-only for those who do not own it
    try:
        yield
    finally:
        if pooled.dbapi_connection is recorder:  # it may have been invalidated meanwhile
            pooled.dbapi_connection = real  # type: ignore[misc]


class ProxyConnection:
    """The connection; what is not about statements goes to the real one."""

    def __init__(self, real: Any, carrier: Carrier) -> None:
        vars(self).update(_real=real, _carrier=carrier)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._switch if name == "autocommit" and callable(found) else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def cursor(self, *args: Any, **options: Any) -> "RecordingCursor":
        """A cursor, of the kind that is asked for."""
        return RecordingCursor(self._real.cursor(*args, **options), self._carrier)

    def execute(self, sql: str, parameters: Any = None) -> "RecordingCursor":
        """A cursor that has executed; not in PEP 249, but common."""
        cursor = self.cursor()
        cursor.execute(sql, parameters)
        return cursor

    def commit(self) -> None:
        """Commit."""
        self._carrier.commit(self._real.commit)

    def rollback(self) -> None:
        """Roll back."""
        self._carrier.rollback(self._real.rollback)

    def _switch(self, value: Any) -> None:
        """Switch the autocommit mode; switching it on commits (MySQL)."""
        self._carrier.commit(lambda: self._real.autocommit(value))


class RecordingCursor:
    """A cursor over buffered rows; they are there already, or come from the record."""

    def __init__(self, real: Any, carrier: Carrier) -> None:
        vars(self).update(_real=real, _carrier=carrier, arraysize=1)
        self._take(StatementResult())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            vars(self)[name] = value
        else:
            setattr(self._real, name, value)

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Execute one statement."""
        arguments = (sql,) if parameters is None else (sql, parameters)
        self._take(self._carrier.execute(sql, parameters, lambda: self._run(self._real.execute, *arguments)))

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Any:
        """Execute one statement with many sets of parameters."""
        every = list(parameters)
        self._take(self._carrier.execute(sql, every, lambda: self._run(self._real.executemany, sql, every)))

    def callproc(self, name: str, parameters: Sequence[Any] = ()) -> Any:
        """Call a procedure."""
        self._take(
            self._carrier.execute(f"CALL {name}", parameters, lambda: self._run(self._real.callproc, name, parameters))
        )
        return parameters

    def fetchone(self) -> Any:
        """One row, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Up to `size` rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def nextset(self) -> Any:
        """The next result of a procedure."""
        more = self._real.nextset()
        self._take(self._read())
        return more

    def close(self) -> None:
        """Close it; the rows that were fetched stay with whoever has them."""
        self._rows.clear()
        self._real.close()

    async def _async_soft_close(self) -> None:
        """SQLAlchemy's asyncio extension asks for it; the rows are buffered, so nothing is open."""

    def _run(self, execute: Callable[..., Any], *arguments: Any) -> StatementResult:
        execute(*arguments)
        return self._read()

    def _read(self) -> StatementResult:
        real = self._real
        named = getattr(real, "name", None)  # a cursor in the server, of psycopg2, is described when it is read
        rows = list(real.fetchall()) if real.description or named else []
        return StatementResult(real.description, rows, real.rowcount, getattr(real, "lastrowid", None))

    def _take(self, answer: StatementResult) -> None:
        vars(self).update(
            description=answer.description,
            rowcount=answer.rowcount,
            lastrowid=answer.lastrowid,
            _rows=deque(answer.rows),
        )

"""A PEP 249 connection that hands its statements to a carrier, put in the place of SQLAlchemy's while a revision runs.

Rows are not touched: they stay with the driver's cursor, so that a large result streams as it does without us.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Self

from sqlalchemy.engine import Connection

from orchestrator.migrations.journal.results import StatementResult

Run = Callable[[], StatementResult]

# Interfaces that run no statement, as far as drivers and SQLAlchemy use them. By every other one a revision may change
# something that the carrier does not see.
# ruff: noqa: SIM905 - lists of words read better
_HARMLESS_OF_CONNECTIONS = frozenset(
    """
    autocommit get_autocommit isolation_level set_isolation_level set_session ping server_status encoding charset info
    status closed close dbapi readonly deferrable get_transaction_status transaction_status notices messages
    character_set_name total_changes in_transaction row_factory text_factory server_version get_parameter_status
    get_server_info thread_id escape literal escape_string Error Warning DatabaseError IntegrityError OperationalError
    ProgrammingError InterfaceError DataError InternalError NotSupportedError encoders decoders host user db dsn
    get_dsn_parameters get_backend_pid set_client_encoding adapters prepare_threshold await_ handle_exception
    """.split()
)
_HARMLESS_OF_CURSORS = frozenset(
    """
    description rowcount lastrowid arraysize setinputsizes setoutputsize name mogrify query statusmessage
    rownumber itersize scrollable withhold scroll row_factory warning_count messages server_side closed format
    statusresult fetch_all_rows nextset
    """.split()
)


class Carrier(Protocol):
    """Runs what the connection is asked for."""

    def execute(self, sql: str, parameters: Any, run: Run) -> StatementResult:
        """Run a statement, or give the numbers that are on record."""

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit."""

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back."""

    def used_elsewhere(self, what: str) -> None:
        """Note that something may be changed that no statement tells."""


@contextlib.contextmanager
def recording(connection: Connection, carrier: Carrier) -> Iterator[None]:
    """Lead everything that goes over SQLAlchemy's connection through `carrier`."""
    pooled = connection.connection
    record = getattr(pooled, "_connection_record", None)  # whose driver_connection is the driver's own interface
    real = pooled.dbapi_connection
    proxy = ProxyConnection(real, carrier)
    places = [place for place in (pooled, record) if place is not None]
    for place in places:
        place.dbapi_connection = proxy
    try:
        yield
    finally:
        for place in places:
            if place.dbapi_connection is proxy:
                place.dbapi_connection = real


class ProxyConnection:
    """The connection; what is not about statements goes to the real one."""

    def __init__(self, real: Any, carrier: Carrier) -> None:
        vars(self).update(_real=real, _carrier=carrier)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name == "autocommit" and callable(found):
            return self._switch
        if name not in _HARMLESS_OF_CONNECTIONS and not name.startswith("_"):
            self._carrier.used_elsewhere(f"it used the driver's own interface: {name}")
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def __enter__(self) -> Self:
        self._carrier.used_elsewhere("it used the driver's own interface: a connection as a context")
        self._real.__enter__()
        return self

    def __exit__(self, *failure: object) -> Any:
        return self._real.__exit__(*failure)

    def cursor(self, *args: Any, **options: Any) -> "ProxyCursor":
        """Return a cursor of the kind that is asked for."""
        return ProxyCursor(self._real.cursor(*args, **options), self._carrier, self)

    def execute(self, sql: Any, *args: Any, **options: Any) -> "ProxyCursor":
        """Return a cursor that has executed; not in PEP 249, but common."""
        cursor = self.cursor()
        cursor.execute(sql, *args, **options)
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


class ProxyCursor:
    """A cursor: the driver's own, but for statements that are on record and are not run."""

    def __init__(self, real: Any, carrier: Carrier, connection: ProxyConnection) -> None:
        vars(self).update(_real=real, _carrier=carrier, _recorded=None, connection=connection)

    def __getattr__(self, name: str) -> Any:
        if self._recorded is not None and name in {"description", "rowcount", "lastrowid"}:
            return getattr(self._recorded, name)
        if name not in _HARMLESS_OF_CURSORS and not name.startswith("_"):
            self._carrier.used_elsewhere(f"it used the driver's own interface: {name}")
        return getattr(self._real, name)

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
        """Execute one statement; return what the driver does."""
        parameters = args[0] if args else next(iter(options.values()), None)
        if args == (None,) and not options:
            args = ()
        return self._carry(sql, parameters, lambda: self._real.execute(sql, *args, **options))

    def executemany(self, sql: Any, parameters: Iterable[Any], **options: Any) -> Any:
        """Execute one statement with many sets of parameters."""
        every = list(parameters)
        return self._carry(sql, every, lambda: self._real.executemany(sql, every, **options))

    def callproc(self, name: str, parameters: Any = ()) -> Any:
        """Call a procedure."""
        returned = self._carry(f"CALL {name}", parameters, lambda: self._real.callproc(name, parameters))
        return parameters if self._recorded is not None else returned

    def fetchone(self) -> Any:
        """One row, or None."""
        return None if self._recorded is not None else self._real.fetchone()

    def fetchmany(self, *args: Any, **options: Any) -> Any:
        """Some rows."""
        return [] if self._recorded is not None else self._real.fetchmany(*args, **options)

    def fetchall(self) -> Any:
        """All rows that are left."""
        return [] if self._recorded is not None else self._real.fetchall()

    def close(self) -> Any:
        """Close it."""
        return self._real.close()

    def _carry(self, sql: Any, parameters: Any, execute: Callable[[], Any]) -> Any:
        vars(self)["_recorded"] = None
        real = self._real

        def run() -> StatementResult:
            returned = execute()
            return StatementResult(real.description, real.rowcount, getattr(real, "lastrowid", None), returned=returned)

        result = self._carrier.execute(self._text(sql), parameters, run)
        vars(self)["_recorded"] = result if result.recorded else None
        return self if result.returned is real or (result.recorded and self._returns_itself()) else result.returned

    def _text(self, sql: Any) -> str:
        """The statement as text: drivers take bytes and objects of their own, too."""
        if isinstance(sql, bytes | bytearray):
            return bytes(sql).decode("utf-8", "replace")
        if hasattr(sql, "as_string"):  # psycopg's and psycopg2's Composed
            return str(sql.as_string(self._real))
        return str(sql)

    def _returns_itself(self) -> bool:
        """Whether this driver's execute returns its cursor, as sqlite3's and psycopg's do."""
        return type(self._real).__module__.partition(".")[0] in {"sqlite3", "_sqlite3", "psycopg"}

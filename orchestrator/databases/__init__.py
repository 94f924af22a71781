"""The databases, one file a backend, behind the two protocols below.

To add a backend: one file with a class that has what `Backend` asks for, one entry in `_BACKENDS`, one parameter in the
tests (tests/conftest.py), which then run the same conformance tests on it as on the others. What the class has to know:

1. which errors pass and which do not (`diagnose`): look at real ones, of a server that is down, boots, is busy, fails
   over, does not know the user or the database, has another certificate, or is no database at all;
2. whether the server takes writes now (`check_writable`), without writing;
3. a lock that ends when the migrating connection does, and not before (`lock`): the statement of a killed client goes
   on in the server, so a lock that lives elsewhere is free while that statement still runs.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ssl

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases.diagnosis import Diagnosis
    from orchestrator.databases.observation import Observation
    from orchestrator.databases.statements import RecordedSession


class Activity(enum.Enum):
    """What the connection that has the lock does."""

    RUNNING = "running"  # a statement
    IDLE = "idle"
    GONE = "gone"  # its client is, which is proven, whatever the server still does for it
    UNKNOWN = "unknown"  # the database does not show it to us


@dataclass(frozen=True)
class Holder:
    """Who has the lock, or waits for it, as far as the database tells."""

    name: str = ""  # connection, user, address, program; and that its client is gone, where that is proven
    statement: str = ""  # cut to 300 characters
    seconds: float = 0.0  # how long it has been at it
    activity: Activity = Activity.UNKNOWN
    connection_id: int = 0  # what the server calls its connection; 0 where it has no name
    user: str = ""
    address: str = ""
    program: str = ""  # what the client calls itself


class MigrationLock(Protocol):
    """The advisory lock, on the connection that migrates; used in the migration's thread only."""

    name: str
    pause_seconds: float
    """How long to pause between two tries; 0 when `try_acquire` itself waits a moment."""
    fresh_seconds: float
    """How long `is_held` need not be asked again while only rows and definitions are changed: it may cost a query."""

    def prepare(self, *, ddl_lock_timeout_seconds: float) -> None:
        """Set the session up: short waits for table locks, and an end to connections whose client vanished."""

    def connection_id(self) -> int:
        """What the server calls this connection; 0 where it has no name."""

    def try_acquire(self) -> bool:
        """Take the lock if it is free; returns within about a second and leaves no transaction open."""

    def is_held(self) -> bool:
        """Whether this session is still the one that took it and still has it; asked inside any transaction.

        Raises what the driver raises when the connection is lost, and the lock with it.
        """

    def held_by(self) -> int | None:
        """Which connection has it, as the server calls it; 0 where connections have no name, None when nobody has."""

    def holder(self) -> Holder:
        """Who has it; empty when the database does not tell."""

    def waiters(self) -> Sequence[Holder]:
        """Return who waits for it now; empty when the database does not tell."""

    def tell(self, statement: str) -> None:
        """Let others know what this connection runs now, or that it runs nothing; where the server does not."""

    def release(self) -> None:
        """Give it back."""


class Backend(Protocol):
    """One kind of database."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """Arguments for the driver."""

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Name and version of the connected server, such as `("mariadb", "10.11.19")`."""

    def identity(self, dbapi_connection: Any) -> str:
        """Which database this is, by its own account: equal for two connections however each reached it.

        It is another one after a failover to a server with another identity, so ask both connections at one time, and
        only where their addresses differ. Works inside any transaction, and changes nothing.
        """

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> "Diagnosis":
        """What a failed attempt means; `url` is how it was made, for a hint that names the user."""

    def is_missing_table(self, error: BaseException) -> bool:
        """Did a SELECT fail because the table is not there?"""

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Raise what the server says when it takes no writes from us now (a replica, a failover)."""

    async def why_not_lockable(self, connection: "AsyncConnection", other: "AsyncConnection") -> "Diagnosis | None":
        """Why the lock would protect nothing here, as two connections show it; None when it does."""

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """The lock of the connected database, on this very connection (PEP 249, adapted ones included)."""

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """What the journal's recorder has to know of the session on this connection."""

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """How the statement that another connection runs now fares, and who is in its way; never that one or this."""

    def cancel_sql(self, connection_id: int) -> str:
        """The statement that ends what another connection runs; empty when a process's end does that."""


_BACKENDS = {
    "mysql": "orchestrator.databases.mysql",
    "mariadb": "orchestrator.databases.mysql",
    "postgresql": "orchestrator.databases.postgresql",
    "sqlite": "orchestrator.databases.sqlite",
}


def backend_for(name: str) -> Backend:
    """The backend for the dialect `name` of a SQLAlchemy URL, as `URL.get_backend_name()` gives it."""
    from importlib import import_module

    backend: Backend = import_module(_BACKENDS[name]).BACKEND
    return backend


def row(dbapi_connection: Any, sql: str) -> Any:
    """The first row that `sql` gives on a PEP 249 connection, or None; no transaction is left open."""
    found = rows(dbapi_connection, sql)
    return found[0] if found else None


def rows(dbapi_connection: Any, sql: str) -> list[Any]:
    """All rows that `sql` gives; no transaction is left open.

    Below SQLAlchemy on purpose: its Connection would begin a transaction, and Alembic, finding one, would neither begin
    nor commit its own, so that the work or the last stamp is silently lost.
    """
    try:
        return ask(dbapi_connection, sql)
    finally:
        dbapi_connection.commit()


def ask(dbapi_connection: Any, sql: str) -> list[Any]:
    """All rows that `sql` gives, inside whatever transaction is open."""
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        cursor.close()

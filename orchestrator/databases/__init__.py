"""The databases: one folder per backend, behind the two protocols below.

CONTRIBUTING.md has the recipe for a new backend. The conformance tests then run on it as on the others.
"""

import enum
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from orchestrator.dialects import DIALECTS

if TYPE_CHECKING:
    import ssl

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases.diagnosis import Diagnosis
    from orchestrator.databases.observation import Observation
    from orchestrator.databases.statements import RecordedSession


class Activity(enum.Enum):
    """The activity of the connection that holds the lock."""

    RUNNING = "running"  # a statement runs
    IDLE = "idle"
    GONE = "gone"  # proven: its client has ended, even if the server still works for it
    UNKNOWN = "unknown"  # the database does not show it to this user


class Holder(NamedTuple):
    """The holder of the lock, or a session that waits for it, as far as the database shows it."""

    name: str = ""  # connection, user, address, program; and, if proven, that its client is gone
    statement: str = ""  # at most 300 characters
    seconds: float = 0.0  # since its last change of state; with SQLite, since it took the lock
    activity: Activity = Activity.UNKNOWN
    connection_id: int = 0  # the server's id; 0 if connections have no id
    user: str = ""
    address: str = ""
    program: str = ""  # as the client has named it
    shows_life: bool | None = None  # of an idle one: whether its process does; None if it never said that it would


REST_SECONDS = 810.0
"""As of ORCHESTRATOR_LOCK_TIMEOUT_SECONDS when that is not set, see `RunLocks`."""


class MigrationLock(Protocol):
    """The advisory lock on the migrating connection. Use it in the migration's thread only."""

    name: str
    pause_seconds: float
    """How long to pause between two tries; 0 when `try_acquire` itself waits a moment."""
    fresh_seconds: float
    """How long `is_held` need not be asked again while only rows and definitions are changed: it may cost a query."""
    tells: bool
    """Whether `tell` must be called, because the server does not show what a connection runs."""
    rest_seconds: float
    """How long the session may run no statement before the server ends it; infinite if it never does."""

    shows_life: bool
    """Whether waiting replicas know, by `prepare`, that `Backend.show_life` is used while the session rests."""

    def prepare(
        self, *, ddl_lock_timeout_seconds: float, rest_seconds: float = REST_SECONDS, shows_life: bool = False
    ) -> None:
        """Set short lock timeouts for the session, and let the server end connections whose client has vanished.

        Args:
            ddl_lock_timeout_seconds: how long a statement waits for a lock.
            rest_seconds: how long the session may run no statement, if only that shows that its client has vanished.
            shows_life: the caller uses `Backend.show_life` while the session runs no statement. So the session may rest
                for longer, and other replicas may `end` it if no life is shown.
        """

    def connection_id(self) -> int:
        """Return the server's id of this connection; 0 if connections have no id."""

    def try_acquire(self) -> bool:
        """Take the lock if it is free. Returns within about a second and leaves no transaction open."""

    def turn(self) -> "MigrationLock | None":
        """Return the lock of the turn (see `databases.turn`) on the same connection; None if there are no turns."""

    def is_held(self) -> bool:
        """Return whether this session is still the one that took the lock, and still holds it.

        Works in any transaction.

        Raises:
            Exception: the driver's, if the connection is lost, and the lock with it.
        """

    def held_by(self) -> int | None:
        """Return the id of the connection that holds the lock; 0 if there are no ids, None if the lock is free."""

    def holder(self) -> Holder:
        """Return the holder; an empty one if the database does not show it."""

    def end(self, holder: Holder) -> bool:
        """End the holder's session if it is still idle and shows no life; return whether it was ended.

        Raises:
            Exception: the driver's, if we lack the right.
        """

    def end_sql(self, holder: Holder) -> str:
        """Return the statement with which an administrator ends the holder's session; empty if there is none."""

    def waiters(self) -> Sequence[Holder]:
        """Return the sessions that wait for it; empty if the database does not show them."""

    def tell(self, statement: str) -> None:
        """Publish the statement that this connection runs; empty: none."""

    def release(self) -> None:
        """Release the lock."""


class Backend(Protocol):
    """One kind of database."""

    collisions: frozenset[str]
    """Error codes of a statement that met another replica's: both create, change or read the same object."""
    errors_end_transactions: bool
    """After a failed statement, its transaction accepts no further one."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """Return arguments for the driver's `connect`."""

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Return name and version of the connected server, such as `("mariadb", "10.11.19")`."""

    def identity(self, dbapi_connection: Any) -> str:
        """Return the database's own identity, which is equal for two connections by different addresses.

        After a failover to a server with another identity it changes, so ask both connections at the same time, and
        only if their addresses differ. Works in any transaction, and changes nothing.
        """

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> "Diagnosis":
        """Return what a failed attempt means; `url` is its address, for a hint that names the user."""

    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether a SELECT failed because the table is missing."""

    def is_existing_table(self, error: BaseException) -> bool:
        """Return whether a CREATE TABLE failed because the table exists."""

    async def check_readable(self, connection: "AsyncConnection") -> None:
        """Raise the server's error if the connection leads to no database that can be read."""

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Raise the server's error if it does not accept our writes now (a replica, a failover)."""

    async def why_not_lockable(self, connection: "AsyncConnection") -> "Diagnosis | None":
        """Return why the lock would not protect here; None if it does. May open a second connection."""

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """Return the lock of the connected database, on this connection (PEP 249, or SQLAlchemy's adapter)."""

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """Return the session on this connection, as the journal needs it."""

    def default_schema(self, dbapi_connection: Any) -> str | None:
        """Return the schema of unqualified names and of the journal's tables; None if there is only one."""

    def schema_of(self, dbapi_connection: Any, table: str) -> str | None:
        """Return the schema in which the unqualified name `table` leads to a table; None if there are no schemas."""

    def local_settings_kept(self, dbapi_connection: Any) -> AbstractContextManager[None]:
        """Keep what the open transaction has set for its own duration, if the database has such settings.

        Alembic would run all revisions in env.py's open transaction. We commit each revision, so inside this block its
        settings apply to the session, and after it to the transaction that follows.
        """

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """Return how another connection's statement progresses, and which sessions block it."""

    async def show_life(self, connection: "AsyncConnection", connection_ids: Sequence[int]) -> None:
        """Show waiting replicas, until this connection ends, that the process of these sessions lives.

        Call it again every few seconds: the server ends the connection soon after the last call.

        Raises:
            ElsewhereError: this connection leads to another server, or one of the sessions has ended.
        """

    def cancel_sql(self, connection_id: int) -> str:
        """Return the statement that cancels what another connection runs; empty if ending the process does that."""


class ElsewhereError(Exception):
    """A second connection does not see the sessions of the first one."""


def backend_for(name: str) -> Backend:
    """Return the backend for a dialect, as `URL.get_backend_name()` gives it.

    Raises:
        KeyError: the dialect is not supported.
    """
    from importlib import import_module

    backend: Backend = import_module(f"orchestrator.databases.{DIALECTS[name].name}").BACKEND
    return backend


def row(dbapi_connection: Any, sql: str) -> Any:
    """Return the first row of `sql` on a PEP 249 connection, or None; leave no transaction open."""
    found = rows(dbapi_connection, sql)
    return found[0] if found else None


def rows(dbapi_connection: Any, sql: str) -> list[Any]:
    """Return all rows of `sql`; leave no transaction open.

    This bypasses SQLAlchemy on purpose: its Connection would begin a transaction. Alembic, finding one open, would
    neither begin nor commit its own, and the work or the last stamp would be lost silently.
    """
    try:
        return ask(dbapi_connection, sql)
    finally:
        dbapi_connection.commit()


def ask(dbapi_connection: Any, sql: str) -> list[Any]:
    """Return all rows of `sql`, inside the open transaction, if any."""
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        cursor.close()

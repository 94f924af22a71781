"""SQLite: the embedded default."""

import sqlite3
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.databases import ask

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import MigrationLock
    from orchestrator.databases.diagnosis import Diagnosis
    from orchestrator.databases.observation import Observation
    from orchestrator.databases.statements import RecordedSession

BUSY_SECONDS = 0.25
_THREAD_SECONDS = 1.0


class SQLite:
    """The backend."""

    collisions: frozenset[str] = frozenset()
    errors_end_transactions = False

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """Return a short busy timeout: our loop waits for locks, because the driver's 5 s could not be cancelled."""
        del tls
        return {"timeout": BUSY_SECONDS, "async_creator_fn": _opened}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Return name and version of the library."""
        del dialect
        return "sqlite", sqlite3.sqlite_version

    def identity(self, dbapi_connection: Any) -> str:
        """Return the identity of the file, which is the same for all its paths."""
        path = ask(dbapi_connection, "PRAGMA database_list")[0][2]
        try:
            found = Path(path).stat()
        except OSError:  # a database in memory
            return f"{path}:{id(dbapi_connection)}"
        return f"{found.st_dev}:{found.st_ino}"

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> "Diagnosis":
        """Return the diagnosis by the error's text."""
        from orchestrator.databases.sqlite.errors import diagnose

        del url
        return diagnose(error)

    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether the error's text names a missing table."""
        from orchestrator.databases.diagnosis import innermost_message

        return "no such table" in innermost_message(error)

    def is_existing_table(self, error: BaseException) -> bool:
        """Return whether the error's text says so."""
        from orchestrator.databases.diagnosis import innermost_message

        message = innermost_message(error)
        return "table" in message and message.endswith("already exists")

    async def check_readable(self, connection: "AsyncConnection") -> None:
        """Read the file: SQLite opens any file without reading it."""
        await connection.exec_driver_sql("PRAGMA schema_version")

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Take the write lock and try a write, which a read-only file refuses; undo both."""
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        await connection.exec_driver_sql("PRAGMA user_version = 0")
        await connection.rollback()

    async def why_not_lockable(self, connection: "AsyncConnection") -> "Diagnosis | None":
        """Return None: the lock is on a file, and does not depend on sessions."""
        del connection
        return None

    def lock(self, dbapi_connection: Any) -> "MigrationLock":
        """Return a lock on a file next to the database's."""
        from orchestrator.databases.sqlite.lock import FileLock

        return FileLock(dbapi_connection)

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """Return a `SQLiteSession`."""
        from orchestrator.databases.sqlite.session import SQLiteSession

        return SQLiteSession(dbapi_connection, driver_connection)

    def default_schema(self, dbapi_connection: Any) -> str | None:
        """Return None: there is one schema for each file."""
        del dbapi_connection
        return None

    def schema_of(self, dbapi_connection: Any, table: str) -> str | None:
        """Return None: there is one schema for each file."""
        del dbapi_connection, table
        return None

    def local_settings_kept(self, dbapi_connection: Any) -> AbstractContextManager[None]:
        """Do nothing: settings belong to the connection."""
        del dbapi_connection
        return nullcontext()

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """Return nothing: the library runs in this process, invisible to other connections."""
        from orchestrator.databases.observation import Observation

        del connection, connection_id
        return Observation()

    async def show_life(self, connection: "AsyncConnection", connection_ids: "Sequence[int]") -> None:
        """Do nothing: the lock ends with the process."""
        del connection, connection_ids

    def cancel_sql(self, connection_id: int) -> str:
        """Return nothing: the statement runs in this process and ends with it."""
        del connection_id
        return ""


async def _opened(*arguments: Any, **options: Any) -> Any:
    """Return a connection; if the file cannot be opened, raise that when the driver's thread has ended.

    After an error aiosqlite 0.22's thread answers a second time, and nothing waits for it: the loop may be closed then.
    """
    import aiosqlite

    connection = aiosqlite.connect(*arguments, **options)
    thread: Any = getattr(connection, "_thread", connection)  # before aiosqlite 0.22, the connection is a thread
    thread.daemon = True  # as SQLAlchemy does: a disk that hangs must not keep the process
    try:
        return await connection
    except Exception:
        thread.join(_THREAD_SECONDS)
        raise


BACKEND = SQLite()

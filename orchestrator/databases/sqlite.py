"""SQLite: the embedded default. The lock is a file's, held by the process: statement and lock end with it alike."""

import os
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from orchestrator.databases import Holder, MigrationLock, row, rows
from orchestrator.databases.diagnosis import (
    BUSY,
    OTHER,
    RIGHTS,
    Cause,
    Diagnosis,
    Verdict,
    innermost_message,
    unknown,
)

if TYPE_CHECKING:
    import ssl

    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

_NO_FILE = Cause(Verdict.REFUSE, "unknown_database", "The directory of the database file must exist and be writable.")
_NO_DATABASE = Cause(Verdict.REFUSE, "protocol", "The file is something else, or damaged: name another, or restore it.")
# SQLite's driver tells them apart by text only before Python 3.11, and aiosqlite passes the text on.
_CAUSES = {
    "locked": BUSY,
    "busy": BUSY,
    "readonly": RIGHTS,
    "unable to open": _NO_FILE,
    "not a database": _NO_DATABASE,
    "malformed": _NO_DATABASE,
}


BUSY_SECONDS = 0.25


class SQLite:
    """The backend."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """There is no network. Who waits for a lock is the loop: the driver's five seconds could not be cancelled."""
        del tls
        return {"timeout": BUSY_SECONDS}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """The library's version."""
        del dialect
        return "sqlite", sqlite3.sqlite_version

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By the error's text."""
        message = innermost_message(error)
        code = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
        for text, cause in _CAUSES.items():
            if text in message:
                return cause.found(code, message)
        if isinstance(error, TimeoutError):
            return BUSY.found(code, "the file did not answer in time")
        return OTHER.found(code, message) if hasattr(error, "orig") else unknown(error)

    def is_missing_table(self, error: BaseException) -> bool:
        """The error's text again."""
        return "no such table" in innermost_message(error)

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Ask for the write lock, then for a write, which a file that may only be read refuses; take it back."""
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        await connection.exec_driver_sql("PRAGMA user_version = 0")
        await connection.rollback()

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """A lock on a file beside the database's."""
        return _FileLock(dbapi_connection)

    def cancel_sql(self, connection_id: int) -> str:
        """Nothing to cancel: the statement runs in this process and ends with it."""
        del connection_id
        return ""


class _FileLock:
    pause_seconds = 0.05

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        path = next(path for _, name, path in rows(dbapi_connection, "PRAGMA database_list") if name == "main")
        self.name = f"{path}.migrate.lock"
        self._file: IO[str] | None = None

    def prepare(self, *, ddl_lock_timeout_seconds: float) -> None:
        row(self._connection, f"PRAGMA busy_timeout = {int(ddl_lock_timeout_seconds * 1000)}")

    def connection_id(self) -> int:
        return 0

    def try_acquire(self) -> bool:
        import fcntl

        file = Path(self.name).open("a+", encoding="utf-8")  # noqa: SIM115  # it stays open as long as the lock is held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n{datetime.now(UTC).isoformat()}\n")
        file.flush()
        self._file = file
        return True

    def holder(self) -> Holder:
        try:
            name, since = Path(self.name).read_text(encoding="utf-8").splitlines()
            return Holder(name, seconds=(datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
        except (OSError, ValueError):
            return Holder()

    def release(self) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


BACKEND = SQLite()

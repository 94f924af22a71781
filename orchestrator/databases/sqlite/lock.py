"""The migration lock of SQLite: a lock on a file, held by the process, so that statement and lock end together."""

import math
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from orchestrator.databases import REST_SECONDS, Activity, Holder, row, rows

_LENGTH = 2048  # bytes of the file; constant, so that it is never shorter while another process reads it


class FileLock:
    """Implements `MigrationLock` with a file."""

    pause_seconds = 0.05
    fresh_seconds = 0.0
    tells = True
    rest_seconds = math.inf
    shows_life = False

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        path = next(path for _, name, path in rows(dbapi_connection, "PRAGMA database_list") if name == "main")
        # The path is absolute, with links resolved. A database in memory has no path, and belongs to this process
        # alone.
        self.name = f"{path}.migrate.lock" if path else os.devnull
        self._signature = f"process {os.getpid()} on {socket.gethostname()}"
        self._file: IO[bytes] | None = None

    def prepare(
        self, *, ddl_lock_timeout_seconds: float, rest_seconds: float = REST_SECONDS, shows_life: bool = False
    ) -> None:
        """Set how long a statement waits for another transaction."""
        del rest_seconds, shows_life  # the lock ends with the process
        row(self._connection, f"PRAGMA busy_timeout = {int(ddl_lock_timeout_seconds * 1000)}")

    def connection_id(self) -> int:
        """Return 0: connections have no id."""
        return 0

    def try_acquire(self) -> bool:
        """Try once."""
        import fcntl  # not on Windows

        file = os.fdopen(os.open(self.name, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        if not self.is_held():  # the file was removed between the two steps
            self.release()
            return False
        self.tell("")
        return True

    def turn(self) -> None:
        """Return None: it would leave a second file."""

    def is_held(self) -> bool:
        """Return False if the lock file was deleted or replaced."""
        try:
            found = Path(self.name).stat()
        except OSError:
            return False
        return self._file is not None and os.path.samestat(found, os.fstat(self._file.fileno()))

    def held_by(self) -> int | None:
        """Return 0 if another process holds the lock; connections have no id."""
        return 0 if self.holder().name else None

    def holder(self) -> Holder:
        """Return the holder, as it has described itself in the file.

        It is alive, because the lock ends with the process.
        """
        try:
            name, since, statement = Path(self.name).read_text(encoding="utf-8").rstrip(" ").split("\n", 2)
            seconds = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
        except (OSError, ValueError):
            return Holder()
        return Holder(name, statement, seconds, Activity.RUNNING if statement else Activity.IDLE)

    def end(self, holder: Holder) -> bool:
        """Return False: the lock ends with its process."""
        del holder
        return False

    def end_sql(self, holder: Holder) -> str:
        """Return nothing: there are no sessions."""
        del holder
        return ""

    def waiters(self) -> Sequence[Holder]:
        """Return none: a process that waits for a file's lock leaves no trace."""
        return ()

    def tell(self, statement: str) -> None:
        """Write the statement into the file, in one call and padded to a constant length."""
        self._sign(f"{self._signature}\n{datetime.now(UTC).isoformat()}\n{statement[:300]}")

    def release(self) -> None:
        """Release the lock."""
        if self.is_held():
            self._sign("")
        if self._file is not None:
            self._file.close()
            self._file = None

    def _sign(self, text: str) -> None:
        if self._file is not None:
            os.pwrite(self._file.fileno(), text.encode("utf-8", "replace").ljust(_LENGTH), 0)

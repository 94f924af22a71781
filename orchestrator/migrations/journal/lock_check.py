"""Checks that the migration lock is still held, before each statement of a revision that changes something."""

import re
import time
from typing import Protocol

from orchestrator.migrations.journal.dbapi_proxy import Call
from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.journal.steps import StatementResult

# After these statements, an answer stays valid for a moment: a bulk load must not ask for each row.
_PLAIN = re.compile(
    r"\s*(?:insert|update|delete|replace|create|alter|drop|truncate|rename|comment|grant|revoke"
    r"|select|with|show|explain|savepoint|release|rollback|commit)\b(?!.*lock)",
    re.IGNORECASE | re.DOTALL,
)
# The query would change ROW_COUNT() and GET DIAGNOSTICS, and must not run before SET TRANSACTION.
_NOT_BEFORE = re.compile(
    r"\s*(?:select|show|explain|pragma|set|savepoint|release|rollback|commit|begin|start)\b"
    r"|.*\b(?:row_count|found_rows|diagnostics)\b",
    re.IGNORECASE | re.DOTALL,
)


class LockLostError(Exception):
    """The lock was lost in the middle of a revision."""

    error_type = "lock_lost"
    hint = (
        "Another replica may have started to migrate. Look for a statement of this revision that "
        "releases locks, or find out what ended the session (an administrator, a failover, a pool in "
        "between). Then start again."
    )


class RestedTooLongError(Exception):
    """The server ended the session because the revision ran no statement for too long."""

    error_type = "session_ended"
    hint = (
        "Set ORCHESTRATOR_LOCK_TIMEOUT_SECONDS to more than the revision computes between two statements: nine tenths "
        "of it is how long the session may run none. Or let the revision do less between two statements."
    )

    def __init__(self, rested_seconds: float, limit_seconds: float) -> None:
        super().__init__(
            f"the revision ran no statement for {rested_seconds:.0f} s, and its session was ended: the limit is "
            f"{limit_seconds:.0f} s"
        )


class Guard(Protocol):
    """The migration lock of a connection, as `LockGuard` has it.

    Attributes:
        fresh_seconds: as in `MigrationLock`.
        tells: as in `MigrationLock`.
        held_at: when the database last reported that it is held, by time.monotonic().
        rests_since: since when no statement has run, by time.monotonic(); None while one runs.
    """

    fresh_seconds: float
    tells: bool
    held_at: float
    rests_since: float | None

    @property
    def rest_seconds(self) -> float:
        """Return how long the session may run no statement before it may be ended."""

    def is_gone(self) -> bool:
        """Return whether the database reports the lock as lost."""

    def is_lost(self) -> bool:
        """Return whether the lock or its connection is lost."""

    def tell(self, statement: str) -> None:
        """Publish the running statement for waiting replicas."""


class LockCheck:
    """Runs no statement that changes something after the lock is lost.

    Attributes:
        guard: the lock.
        needed: false while Alembic stamps the version: without its stamp the applied work would be repeated.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard, self.needed = guard, True
        self._held_at = guard.held_at

    def run(self, call: Call) -> StatementResult:
        """Run a statement on the driver's cursor, after checking the lock.

        Raises:
            MigrationAborted: with LockLostError.
        """
        sql, cursor, guard = call.sql, call.cursor, self.guard
        stale = time.monotonic() - self._held_at >= guard.fresh_seconds
        if self.needed and stale and not _NOT_BEFORE.match(sql):
            self._check()
        guard.rests_since = None
        if guard.tells:
            guard.tell(sql)
        try:
            returned = call.execute()
            lastrowid = getattr(cursor, "lastrowid", None)
            return StatementResult(cursor.description, cursor.rowcount, lastrowid, returned=returned)
        finally:
            guard.rests_since = time.monotonic()
            if guard.tells:
                guard.tell("")
            if not _PLAIN.match(sql):
                self.distrust()

    def distrust(self) -> None:
        """Check the lock before the next statement: it may have been released meanwhile."""
        self._held_at = float("-inf")

    def explain(self, error: Exception, rested_seconds: float) -> None:
        """Explain an error of a statement, or of a query of the journal before it.

        Raises:
            MigrationAborted: with RestedTooLongError, if the session was ended because it had run nothing for so long.
        """
        if rested_seconds >= self.guard.rest_seconds and self.guard.is_lost():
            raise MigrationAborted(RestedTooLongError(rested_seconds, self.guard.rest_seconds)) from error

    def _check(self) -> None:
        if self.guard.is_gone():
            raise MigrationAborted(LockLostError("this process lost the migration lock in the middle of the revision"))
        self._held_at = time.monotonic()

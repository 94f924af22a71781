"""Checks that the migration lock is still held, before each statement of a revision that changes something."""

import re
import time
from typing import Any

from orchestrator.migrations.journal.dbapi_proxy import Carrier, Run
from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.upgrade.lock_guard import LockGuard

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


class VerifiedCarrier:
    """Runs no statement that changes something after the lock is lost."""

    def __init__(self, carrier: Carrier, guard: LockGuard) -> None:
        self._carrier, self._guard = carrier, guard
        self._verified_at, self._needed = float("-inf"), True
        self.commit, self.rollback, self.used_elsewhere = carrier.commit, carrier.rollback, carrier.used_elsewhere

    def execute(self, sql: Any, parameters: Any, run: Run) -> StatementResult:
        """Run a statement. Check the lock first if the statement really runs, and is not answered from the journal.

        Raises:
            MigrationAborted: with LockLostError or RestedTooLongError.
        """
        rested = self._guard.rested_seconds
        try:
            return self._carrier.execute(sql, parameters, lambda: self._run(str(sql), run))
        except Exception as error:
            if rested >= self._guard.rest_seconds and self._guard.is_lost():
                raise MigrationAborted(RestedTooLongError(rested, self._guard.rest_seconds)) from error
            raise

    def stop(self) -> None:
        """Stop checking: only Alembic's stamp is left, and without it the applied work would be repeated."""
        self._needed = False

    def _run(self, sql: str, run: Run) -> StatementResult:
        stale = time.monotonic() - self._verified_at >= self._guard.fresh_seconds
        if self._needed and stale and not _NOT_BEFORE.match(sql):
            if self._guard.is_gone():
                raise MigrationAborted(
                    LockLostError("this process lost the migration lock in the middle of the revision")
                )
            self._verified_at = time.monotonic()
        self._guard.tell(sql)
        try:
            return run()
        finally:
            self._guard.tell("")
            if not _PLAIN.match(sql):
                self._verified_at = float("-inf")

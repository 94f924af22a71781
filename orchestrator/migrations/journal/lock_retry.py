"""Retries a statement that gave up waiting for a lock: with backoff and jitter, within a budget, until a stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.backoff import Backoff
from orchestrator.databases.observation import Observation
from orchestrator.events import Emit, RevisionRetryScheduled
from orchestrator.runtime.stop import Stop, StopAsked

FIRST_SECONDS, LONGEST_SECONDS = 0.2, 10.0


class MigrationAborted(BaseException):
    """The revision must not continue, even if it catches this; `cause` has the reason for the caller."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass
class LockRetry:
    """The budget for a statement that repeatedly reaches ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS."""

    budget_seconds: float
    emit: Emit
    stop: Stop
    blocker: Callable[[], Observation]
    _statement: tuple[str, int] = ("", 0)
    _began: float = 0.0
    _attempts: int = 0
    _backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_SECONDS, LONGEST_SECONDS))

    def wait(self, revision: str, statement_index: int) -> bool:
        """Report the retry, then pause; return False if the budget is spent.

        Raises:
            MigrationAborted: a stop was requested.
        """
        if (revision, statement_index) != self._statement:
            self._statement, self._attempts, self._began = (revision, statement_index), 0, time.monotonic()
            self._backoff.reset()
        left = self.budget_seconds - (time.monotonic() - self._began)
        if left <= 0:
            return False
        self._attempts += 1
        pause = min(left, self._backoff.next())
        seen = self.blocker()
        self.emit(
            RevisionRetryScheduled(
                revision=revision,
                statement_index=statement_index,
                attempt=self._attempts,
                retry_in_seconds=round(pause, 3),
                blocked_by=seen.blocked_by,
                blocked_by_state=seen.blocked_by_state,
                blocked_by_statement=seen.blocked_by_statement,
                blocked_seconds=seen.blocked_seconds,
            )
        )
        if self.stop.requested.wait(pause):
            raise MigrationAborted(StopAsked())
        return True

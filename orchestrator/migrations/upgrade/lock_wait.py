"""The wait for the migration lock: tries, reports the holder, and ends when the holder makes no progress."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orchestrator.databases import Holder, MigrationLock
from orchestrator.errors import LockTimeout, StartupError
from orchestrator.events import Emit, LockWaiting
from orchestrator.migrations.upgrade.resting import HolderSilence, rest_seconds
from orchestrator.migrations.upgrade.wait_budget import WaitBudget
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.settings.model import Settings


class LockWait:
    """One wait for a lock.

    Attributes:
        record: returns a text that changes whenever the holder's journal does.
    """

    def __init__(
        self, lock: MigrationLock, settings: Settings, stop: Stop, emit: Emit, record: Callable[[], str] = str
    ) -> None:
        self._lock, self._stop, self._emit, self._record = lock, stop, emit, record
        self._heartbeat_seconds = settings.heartbeat_seconds
        self._began = self._next_look = self._next_report = time.monotonic()
        self._budget = WaitBudget(
            stuck_seconds=settings.lock_timeout_seconds,
            total_seconds=settings.lock_total_timeout_seconds,
            now=self._began,
        )
        self._holder, self._silence = Holder(), HolderSilence(lock, rest_seconds(settings))

    def until(self, is_shared: Callable[[], bool]) -> bool:
        """Poll until the lock is acquired; return False if another connection of this run has it and shares it.

        Raises:
            StartupError: with LockTimeout, which names the holder and why it counts as stuck.
            StopAsked: a stop was requested during the wait.
        """
        while not self._lock.try_acquire():
            if is_shared():
                return False
            if self._stop.requested.wait(self._lock.pause_seconds):
                raise StopAsked
            self._look(time.monotonic())
        return True

    def _look(self, now: float) -> None:
        if now >= min(self._next_look, self._next_report):
            self._next_look = now + self._budget.pause_seconds
            self._holder = self._lock.holder()
            self._budget.look(self._holder, self._record(), now)
            self._silence.look(self._holder, now)
        if reason := self._budget.spent(now):
            raise StartupError(self._timeout(reason, now))
        if now >= self._next_report:
            self._next_report = now + self._heartbeat_seconds
            self._emit(LockWaiting(**self._situation(now)))

    def _timeout(self, reason: str, now: float) -> LockTimeout:
        message = f"another migration holds it, and {reason}"
        failure = LockTimeout(error_type="lock_timeout", error_message=message, **self._situation(now))
        return replace(failure, hint=self._silence.hint(self._holder) or failure.hint)

    def _situation(self, now: float) -> dict[str, Any]:
        """Return who holds the lock, and how long we have waited for it."""
        return {
            "lock_name": self._lock.name,
            "holder": self._holder.name,
            "holder_statement": self._holder.statement,
            "holder_seconds": round(self._holder.seconds, 3),
            "holder_progressing": self._budget.progressing,
            "waited_seconds": round(now - self._began, 3),
        }

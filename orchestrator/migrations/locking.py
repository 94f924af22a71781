"""Waiting for the migration lock: within a budget, naming the holder, and giving way to a stop."""

import time
from typing import Any

from orchestrator.databases import MigrationLock
from orchestrator.errors import LockTimeout, StartupError
from orchestrator.events import Emit, LockAcquired, LockReleased, LockWaiting
from orchestrator.stop import Stop, StopAsked


class HeldLock:
    """The migration lock, from when it is asked for until it is released."""

    def __init__(self, lock: MigrationLock, emit: Emit) -> None:
        self._lock, self._emit = lock, emit
        self._acquired_at: float | None = None

    def acquire(self, *, budget_seconds: float, heartbeat_seconds: float, stop: Stop) -> None:
        """Poll until the lock is ours.

        Raises:
            StartupError: with LockTimeout, which names the holder.
            StopAsked: a stop was asked for meanwhile.
        """
        began = time.monotonic()
        next_report = began
        while not self._lock.try_acquire():
            if stop.requested.wait(self._lock.pause_seconds):
                raise StopAsked
            now = time.monotonic()
            if now - began >= budget_seconds:
                raise StartupError(self._timeout(now - began))
            if now >= next_report:
                next_report = now + heartbeat_seconds
                self._report(now - began)
        self._acquired_at = time.monotonic()
        waited = self._acquired_at - began
        self._emit(LockAcquired(lock_name=self._lock.name, waited_seconds=round(waited, 3)))

    def release(self) -> None:
        """Give it back, once."""
        if self._acquired_at is not None:
            held, self._acquired_at = time.monotonic() - self._acquired_at, None
            self._lock.release()
            self._emit(LockReleased(lock_name=self._lock.name, held_seconds=round(held, 3)))

    def _report(self, waited: float) -> None:
        self._emit(LockWaiting(**self._situation(waited)))

    def _timeout(self, waited: float) -> LockTimeout:
        message = f"another migration holds {self._lock.name}"
        return LockTimeout(error_type="lock_timeout", error_message=message, **self._situation(waited))

    def _situation(self, waited: float) -> dict[str, Any]:
        """Who has the lock, and how long we have been waiting for it."""
        holder = self._lock.holder()
        return {
            "lock_name": self._lock.name,
            "holder": holder.name,
            "holder_statement": holder.statement,
            "holder_seconds": round(holder.seconds, 3),
            "waited_seconds": round(waited, 3),
        }

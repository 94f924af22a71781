"""Waiting for the migration lock: within a budget, naming the holder, and giving way to a stop."""

import logging
import time
from typing import Any

from orchestrator.databases import MigrationLock
from orchestrator.databases.diagnosis import innermost_message
from orchestrator.errors import LockTimeout, MigrationFailed, MigrationHalfApplied, StartupError
from orchestrator.events import Emit, LockAcquired, LockReleased, LockWaiting
from orchestrator.stop import Stop, StopAsked

_LOST = (
    "Nothing was begun without it. Look for what ended the session (an administrator, a failover, the server's own "
    "wait_timeout, a pool in between) or for a revision that releases locks, and start again."
)

_logger = logging.getLogger(__name__)


class LockGuard:
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

    def lost(self, *, half_applied: bool) -> MigrationFailed | MigrationHalfApplied | None:
        """The failure to end with when the lock is not ours any more, or its connection is lost; None when it is ours.

        Args:
            half_applied: whether something was done that stays, although the work around it is not committed.
        """
        try:
            if self._lock.is_held():
                return None
            cause = "it was released, or this is another session"
        except Exception as error:  # noqa: BLE001  # whatever the driver says of a connection that is gone
            cause = innermost_message(error)
        return (MigrationHalfApplied if half_applied else MigrationFailed)(
            error_type="lock_lost",
            error_message=f"the migration lock {self._lock.name} is not ours any more: {cause}",
            hint="" if half_applied else _LOST,
            revision="",
            statement_index=0,
            statement="",
            statements_done=0,
        )

    def release(self) -> None:
        """Give it back, once; who has lost the connection has done so already."""
        if self._acquired_at is None:
            return
        held, self._acquired_at = time.monotonic() - self._acquired_at, None
        try:
            self._lock.release()
        except Exception as error:  # noqa: BLE001  # the work is done, and is looked after by others
            _logger.warning("The connection was lost before the lock was released: %s", innermost_message(error))
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

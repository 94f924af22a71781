"""Continues a migration that the database interrupted, as the next start of the process would, within a limit."""

import time
from dataclasses import replace
from typing import Any

from orchestrator.backoff import Backoff
from orchestrator.databases.diagnosis import BUSY
from orchestrator.databases.interruption import Interrupted
from orchestrator.databases.pauses import FIRST_SECONDS, LONGEST_SECONDS
from orchestrator.errors import StartupError
from orchestrator.events import DatabaseRetryScheduled, Emit, MigrationInterrupted

IN_VAIN = 3  # interruptions in a row at the same place: then waiting does not help
_PLACE = {"context": "", "revision": "", "statement_index": 0, "statement": "", "statements_done": 0}
_SAME_PLACE = (
    "The database went away {} times at this place: look in its log whether this statement ends the server or the "
    "session (memory, max_allowed_packet, wait_timeout, an administrator). The next start continues, or says what is "
    "left."
)


class Interruptions:
    """The interruptions of a start.

    Args:
        emit: reports them.
        patience_seconds: how long to wait for a server without a free connection.
    """

    def __init__(self, emit: Emit, patience_seconds: float) -> None:
        self._emit, self._patience_seconds = emit, patience_seconds
        self._backoff, self._full_since, self._refusals = Backoff(FIRST_SECONDS, LONGEST_SECONDS), 0.0, 0
        self._count = self._in_vain = 0
        self._place: tuple[Any, ...] = ()

    def note(self, error: Interrupted) -> float:
        """Say that the run was interrupted, and will continue; return after how many seconds.

        Raises:
            StartupError: it was interrupted at the same place again and again, or the server was full for too long.
        """
        if error.diagnosis.error_type == BUSY.error_type:
            return self._full(error)
        told: dict[str, Any] = {name: getattr(error.failure, name, empty) for name, empty in _PLACE.items()}
        place = tuple(told.values())
        self._in_vain = self._in_vain + 1 if place == self._place else 1
        self._place, self._count = place, self._count + 1
        if self._in_vain >= IN_VAIN:
            raise StartupError(replace(error.failure, hint=_SAME_PLACE.format(IN_VAIN))) from error
        cause = {name: value for name, value in error.diagnosis.fields().items() if name != "hint"}
        self._emit(MigrationInterrupted(**told, **cause, interruptions=self._count))
        return 0.0

    def _full(self, error: Interrupted) -> float:
        """Pause, with no connection open: a replica that keeps one while it needs another may block all of them."""
        now = time.monotonic()
        self._full_since, self._refusals = self._full_since or now, self._refusals + 1
        waited, pause = now - self._full_since, self._backoff.next()
        if waited > self._patience_seconds:
            raise StartupError(error.failure) from error
        told: dict[str, Any] = {name: value for name, value in error.diagnosis.fields().items() if name != "hint"}
        times: dict[str, Any] = {"retry_in_seconds": round(pause, 3), "waited_seconds": round(waited, 3)}
        self._emit(DatabaseRetryScheduled(attempt=self._refusals, **times, **told))
        return pause

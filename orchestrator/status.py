"""The start as the port shows it. It is derived from the events, so it always agrees with the log."""

import functools
from collections.abc import Callable
from typing import Any, Literal

from orchestrator import errors, events
from orchestrator.events import Event

_OF_STATEMENT = (
    "statement_index",
    "statement",
    "statement_seconds",
    "statement_state",
    "progress_percent",
    "blocked_by",
    "blocked_seconds",
)


class Status:
    """Where the start is. `observe` takes every event; `snapshot` is the body of `/startupz`."""

    def __init__(
        self, detail: Literal["public", "full"], elapsed_seconds: Callable[[], float], clean: Callable[[Any], Any]
    ) -> None:
        self.state = "waiting"
        self._detail, self._elapsed_seconds, self._clean = detail, elapsed_seconds, clean
        self._phase = "preflight"
        self._done, self._to_do = 0, 0
        self._revision = ""
        self._statement: dict[str, Any] | None = None
        self._error: dict[str, Any] | None = None

    def snapshot(self) -> dict[str, Any]:
        """Return the start as JSON. `public` omits revisions, SQL and error messages: they may name hosts or tables."""
        told: dict[str, Any] = {
            "state": self.state,
            "phase": self._phase,
            "revisions_done": self._done,
            "revisions_to_do": self._to_do,
            "progress_percent": int((100 * self._done + self._percent) / self._to_do) if self._to_do else None,
            "elapsed_seconds": round(self._elapsed_seconds(), 1),
            "last_error": self._error and self._error["error_type"],
        }
        if self._detail == "full":
            told |= {"revision": self._revision or None, "statement": self._statement, "last_error": self._error}
        return told

    @property
    def _percent(self) -> float:
        """Return the progress of the running revision in percent, as its statement reports it; 0 if unknown."""
        return (self._statement and self._statement["progress_percent"]) or 0.0

    @functools.singledispatchmethod
    def observe(self, event: Event) -> None:
        """Update the status by `event`; kinds without a handler change nothing."""

    @observe.register
    def _(self, event: events.StateChanged) -> None:
        self.state = self._phase = event.state

    @observe.register
    def _(self, _event: events.ProcessStarted) -> None:
        self._phase = "waiting_for_database"

    @observe.register
    def _(self, event: events.DatabaseRetryScheduled | errors.Failure) -> None:
        told = event.fields(self._clean)
        self._error = {name: told[name] for name in ("error_type", "error_code", "error_message")}

    @observe.register
    def _(self, _event: events.DatabaseReady) -> None:
        self._phase, self._error = "database_ready", None

    @observe.register
    def _(self, _event: events.LockWaiting) -> None:
        self._phase = "waiting_for_lock"

    @observe.register
    def _(self, event: events.MigrationsPlanned) -> None:
        self._to_do = event.pending_count

    @observe.register
    def _(self, event: events.RevisionStarted) -> None:
        self._phase, self._revision, self._to_do = "applying_revision", event.revision, event.pending_count

    @observe.register
    def _(self, event: events.RevisionProgress) -> None:
        told = event.fields(self._clean)
        self._statement = {name: told[name] for name in _OF_STATEMENT}

    @observe.register
    def _(self, event: events.RevisionApplied) -> None:
        self._done, self._statement = event.index, None

    @observe.register
    def _(self, _event: events.MigrationsCompleted | events.MigrationsCurrent | errors.DatabaseAheadTolerated) -> None:
        self._phase, self._revision, self._done = "starting_app", "", self._to_do

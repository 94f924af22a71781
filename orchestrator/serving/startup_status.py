"""The start as the port shows it. It is derived from the events, so it always agrees with the log."""

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

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


_Waits = Literal["database", "service", "migration_lock", "table_lock"]


class _Wait(NamedTuple):
    """Something that the start waits for: its kind, its name, and the time when the waiting began."""

    kind: _Waits
    detail: str
    since_seconds: float


class StartupStatus:
    """Where the start is. `observe` takes every event; `snapshot` is the body of `/startupz`.

    Attributes:
        phase: what the start does within its state, in one word.
    """

    def __init__(
        self, detail: Literal["public", "full"], elapsed_seconds: Callable[[], float], clean: Callable[[Any], Any]
    ) -> None:
        self.state = "waiting"
        self._detail, self._elapsed_seconds, self._clean = detail, elapsed_seconds, clean
        self.phase, self._step = "preflight", "database"
        self._done, self._to_do = 0, 0
        self._revision = ""
        self._pending: list[str] = []
        self._statement: dict[str, Any] | None = None
        self._statement_seen_seconds = 0.0
        self._error: dict[str, Any] | None = None
        self._wait: _Wait | None = None

    def snapshot(self) -> dict[str, Any]:
        """Return the start as JSON. `public` omits revisions, SQL and error messages: they may name hosts or tables."""
        elapsed, wait = self._elapsed_seconds(), self._wait
        told: dict[str, Any] = {
            "state": self.state,
            "phase": self.phase,
            "step": self._step,
            "revisions_done": self._done,
            "revisions_to_do": self._to_do,
            "progress_percent": self._progress_percent,
            "elapsed_seconds": round(elapsed, 1),
            "waiting_for": wait and wait.kind,
            "waiting_seconds": wait and round(elapsed - wait.since_seconds, 1),
            "last_error": self._error and self._error["error_type"],
        }
        if self._detail == "full":
            told |= {
                "revision": self._revision or None,
                "revisions": self._revisions(),
                "statement": self._statement_now(elapsed),
                "waiting_for_detail": wait and wait.detail,
                "last_error": self._error,
            }
        return told

    @property
    def _progress_percent(self) -> int | None:
        if self._to_do:
            return int((100 * self._done + self._percent) / self._to_do)
        return 100 if self._done else None

    @property
    def _percent(self) -> float:
        """Return the progress of the running revision in percent, as its statement reports it; 0 if unknown."""
        return (self._statement and self._statement["progress_percent"]) or 0.0

    def _revisions(self) -> list[dict[str, str]]:
        states = ["done" if index < self._done else "to_do" for index in range(len(self._pending))]
        return [
            {"revision": each, "state": "running" if each == self._revision and state == "to_do" else state}
            for each, state in zip(self._pending, states, strict=True)
        ]

    def _statement_now(self, elapsed: float) -> dict[str, Any] | None:
        """Return the running statement, which has run on since another connection saw it."""
        if self._statement is None:
            return None
        seconds = self._statement["statement_seconds"] + elapsed - self._statement_seen_seconds
        return {**self._statement, "statement_seconds": round(seconds, 1)}

    def _wait_for(self, kind: _Waits, detail: str = "") -> None:
        since = self._wait.since_seconds if self._wait and self._wait.kind == kind else self._elapsed_seconds()
        self._wait = _Wait(kind, self._clean(detail), since)

    @functools.singledispatchmethod
    def observe(self, event: Event) -> None:
        """Update the status by `event`; kinds without a handler change nothing."""

    @observe.register(events.StateChanged)
    def _(self, event: events.StateChanged) -> None:
        self.state = self.phase = event.state

    @observe.register(events.ProcessStarted)
    def _(self, _event: events.ProcessStarted) -> None:
        self.phase = "waiting_for_database"
        self._wait_for("database")

    @observe.register(events.DatabaseRetryScheduled | errors.Failure)
    def _(self, event: events.DatabaseRetryScheduled | errors.Failure) -> None:
        told = event.fields(self._clean)
        self._error = {name: told.get(name, "") for name in ("error_type", "error_code", "error_message", "hint")}

    @observe.register(events.DependencyRetryScheduled)
    def _(self, event: events.DependencyRetryScheduled) -> None:
        self._wait_for("service", event.dependency)

    @observe.register(events.DependencyReady | events.LockAcquired)
    def _(self, _event: events.DependencyReady | events.LockAcquired) -> None:
        self._wait = None

    @observe.register(events.DatabaseReady)
    def _(self, _event: events.DatabaseReady) -> None:
        self.phase, self._error, self._wait = "database_ready", None, None

    @observe.register(events.LockWaiting)
    def _(self, event: events.LockWaiting) -> None:
        self.phase = "waiting_for_lock"
        self._wait_for("migration_lock", event.holder)

    @observe.register(events.MigrationsPlanned)
    def _(self, event: events.MigrationsPlanned) -> None:
        self._step, self._to_do, self._pending = "migration", event.pending_count, event.pending

    @observe.register(events.RevisionStarted)
    def _(self, event: events.RevisionStarted) -> None:
        self.phase, self._revision, self._to_do = "applying_revision", event.revision, event.pending_count

    @observe.register(events.RevisionRetryScheduled)
    def _(self, event: events.RevisionRetryScheduled) -> None:
        self._wait_for("table_lock", event.blocked_by)

    @observe.register(events.RevisionProgress)
    def _(self, event: events.RevisionProgress) -> None:
        told = event.fields(self._clean)
        self._statement = {name: told[name] for name in _OF_STATEMENT}
        self._statement_seen_seconds = self._elapsed_seconds()
        if event.blocked_by:
            self._wait_for("table_lock", event.blocked_by)
        else:
            self._wait = None

    @observe.register(events.RevisionApplied)
    def _(self, event: events.RevisionApplied) -> None:
        self._done, self._statement, self._wait = event.index, None, None

    @observe.register(events.MigrationsCompleted | events.MigrationsCurrent | errors.DatabaseAheadTolerated)
    def _(self, _event: events.MigrationsCompleted | events.MigrationsCurrent | errors.DatabaseAheadTolerated) -> None:
        self.phase, self._step, self._revision = "starting_app", "app", ""
        self._done, self._to_do, self._wait = self._to_do or self._done, 0, None

    @observe.register(events.HookStarted)
    def _(self, _event: events.HookStarted) -> None:
        self.phase, self._wait = "running_hook", None

    @observe.register(events.HookCompleted)
    def _(self, _event: events.HookCompleted) -> None:
        self.phase = "starting_app" if self._step == "app" else self.state

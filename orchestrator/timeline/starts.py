"""The facts of each start, for lines in any order: Logs Insights returns the last line first.

For each kind of event only the first and last time are kept, and the few fields that are drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from orchestrator.runtime.lifecycle import State
from orchestrator.timeline.reading import Line
from orchestrator.timeline.words import number, plain

MAX_STARTS = 500
MAX_REVISION_FACTS = 20_000  # in all starts together

FAILURES = {kind.name: kind for kind in CATALOGUE.values() if issubclass(kind, Failure)}
_OF_FAILURES = ("error_message", "hint")
_OF_REVISIONS = ("description", "index", "pending_count")
KEPT: dict[str, tuple[str, ...]] = {
    # The events that are drawn, each with its fields.
    "process_started": (),
    "state_changed": (),
    "database_retry_scheduled": ("attempt", "error_type", "error_message"),
    "database_ready": ("dialect", "server_version"),
    "app_loaded": ("app", "duration_seconds"),
    "migrations_completed": (),
    "lock_waiting": ("holder", "holder_statement", "waited_seconds"),
    "lock_acquired": ("waited_seconds",),
    "revision_started": _OF_REVISIONS,
    "revision_progress": ("blocked_by", "blocked_by_state"),
    "revision_retry_scheduled": ("attempt", "blocked_by", "blocked_by_state"),
    "revision_resumed": ("statements_skipped", "interrupted_at"),
    "revision_applied": (*_OF_REVISIONS, "statements", "duration_seconds"),
    "server_started": (),
    "command_started": ("command",),
    "process_stopped": (),
    **dict.fromkeys(FAILURES, _OF_FAILURES),
    "lock_timeout": (*_OF_FAILURES, "waited_seconds"),
    "startup_failed": (*_OF_FAILURES, "exit_code"),
}
del KEPT["database_ahead"]  # as a warning it ends nothing; as a failure, `startup_failed` has the same facts
_TOLD_APART_BY = {
    name: "state" if name == "state_changed" else "revision"
    for name in KEPT
    if name.startswith(("revision_", "state_changed"))
}


@dataclass
class Fact:
    """One kind of event of a start: its first and last time, and its last fields."""

    first: float
    last: float
    fields: dict[str, str | float]

    def text(self, name: str) -> str:
        """Return a text field; empty if it is missing."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """Return a number field."""
        value = self.fields.get(name)
        return value if isinstance(value, float) else None

    def whole(self, name: str) -> int:
        """Return a field that counts something; 0 if it is missing."""
        return int(self.number(name) or 0)


@dataclass
class Start:
    """One process, as its lines describe it.

    Attributes:
        began: When it began, in seconds since 1970.
        seen_until: The last line, in seconds after `began`, like all times of the facts.
        facts: By event, and by revision or state if there is one.
    """

    boot_id: str
    service: str
    version: str
    task_id: str
    began: float
    seen_from: float
    seen_until: float
    facts: dict[tuple[str, str], Fact] = field(default_factory=dict)

    def fact(self, event: str, what: str = "") -> Fact | None:
        """Return the facts of an event; None if it did not occur."""
        return self.facts.get((event, what))

    def all(self, event: str) -> Iterator[tuple[str, Fact]]:
        """Return the facts of an event, each with its revision or state."""
        return ((what, fact) for (name, what), fact in self.facts.items() if name == event)


class Starts:
    """The starts of a log."""

    def __init__(self) -> None:
        self.by_boot_id: dict[str, Start] = {}
        self.left_out = 0
        self.revisions_left_out = 0
        self._revision_facts = 0

    def add(self, line: Line) -> None:
        """Add a line; adding it a second time changes nothing."""
        start = self.by_boot_id.get(line.boot_id)
        if start is None:
            if len(self.by_boot_id) >= MAX_STARTS:
                self.left_out += line.event == "process_started"
                return
            start = self.by_boot_id[line.boot_id] = _start(line)
        _widen(start, line)
        if line.event in KEPT:
            self._learn(start, line)

    def _learn(self, start: Start, line: Line) -> None:
        what = plain(line.fields.get(_TOLD_APART_BY.get(line.event, "")))
        fact = start.facts.get((line.event, what))
        if fact is None:
            if not self._has_room(line.event, what):
                return
            fact = start.facts[line.event, what] = Fact(line.elapsed_seconds, -1.0, {})
        _refine(fact, line)

    def _has_room(self, event: str, what: str) -> bool:
        """Return whether one more fact may be kept: states are few, but revisions unlimited."""
        if not event.startswith("revision_"):
            return event != "state_changed" or what in set(State)
        self._revision_facts += 1
        full = self._revision_facts > MAX_REVISION_FACTS
        self.revisions_left_out += full and event == "revision_applied"
        return not full


def _start(line: Line) -> Start:
    service, version, task_id = (plain(line.fields.get(name), 64) for name in ("service", "version", "task_id"))
    at = line.elapsed_seconds
    return Start(plain(line.boot_id), service, version, task_id, line.began, seen_from=at, seen_until=at)


def _widen(start: Start, line: Line) -> None:
    if line.elapsed_seconds < start.seen_from:
        start.seen_from, start.began = line.elapsed_seconds, line.began
    start.seen_until = max(start.seen_until, line.elapsed_seconds)
    if not start.task_id:  # the first lines may be older than the answer of the metadata endpoint
        start.task_id = plain(line.fields.get("task_id"), 64)


def _refine(fact: Fact, line: Line) -> None:
    """Update a fact by a later line; an empty field keeps its value, such as the holder of the lock a moment before."""
    fact.first = min(fact.first, line.elapsed_seconds)
    later = line.elapsed_seconds >= fact.last
    fact.last = max(fact.last, line.elapsed_seconds)
    for name in KEPT[line.event]:
        value = line.fields.get(name)
        clean = plain(value) if isinstance(value, str) else number(value)
        if clean is not None and clean != "" and (later or name not in fact.fields):
            fact.fields[name] = clean

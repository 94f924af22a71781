"""The phases of a start, in sequence, from its beginning to its end.

Each event of the catalogue that begins something is a mark; a phase lasts from its mark to the next one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.timeline.details import about, app_load, failure, name_of
from orchestrator.timeline.phases import End, Kind, Phase, Story
from orchestrator.timeline.starts import FAILURES, Start

_CONTENDED_SECONDS = 0.1  # a lock that is free is taken in a few milliseconds


class _Mark(NamedTuple):
    """The beginning of a phase. Marks with the same time are ordered by rank."""

    at: float
    rank: tuple[int, float]
    kind: Kind
    revision: str = ""


def story(start: Start) -> Story:
    """Return the phases and the outcome of a start."""
    end, ended = _end(start)
    marks = sorted((mark for mark in _marks(start) if mark.at <= ended), key=lambda mark: (mark.at, mark.rank))
    bounds = [*(mark.at for mark in marks[1:]), ended]
    phases = [_phase(start, mark, max(mark.at, until)) for mark, until in zip(marks, bounds, strict=True)]
    served = start.fact("server_started")
    return Story(
        start=start,
        phases=tuple(_merged(phases, open_end=end is End.OPEN)),
        app_load=app_load(start),
        end=end,
        ended=ended,
        failure=failure(start) if end is End.FAILED else None,
        serving_after=served.first if served else None,
    )


# ---------------------------------------------------------------- where phases begin


# The phase that each event begins, in the order of a start: several events may have the same millisecond.
_BEGINNINGS = (
    ("process_started", "", 1, Kind.WAITING),
    ("database_ready", "", 2, Kind.APP),
    ("state_changed", "migrating", 3, Kind.MIGRATING),
    ("lock_acquired", "", 5, Kind.MIGRATING),
    ("migrations_completed", "", 7, Kind.APP),
    ("state_changed", "serving", 8, Kind.SERVING),
    ("server_started", "", 8, Kind.SERVING),
    ("state_changed", "draining", 9, Kind.DRAINING),
)
_LOCK_RANK, _REVISION_RANK = 4, 6


def _marks(start: Start) -> Iterator[_Mark]:
    yield _Mark(0.0, (0, 0), Kind.PROCESS)
    for event, what, rank, kind in _BEGINNINGS:
        if fact := start.fact(event, what):
            yield _Mark(fact.first, (rank, 0), kind)
    yield from _lock_marks(start)
    for revision, fact in start.all("revision_started"):
        yield _Mark(fact.first, (_REVISION_RANK, 2 * fact.whole("index")), Kind.REVISION, revision)
    for revision, fact in start.all("revision_applied"):
        rank = 2 * fact.whole("index")
        if not start.fact("revision_started", revision):  # its line is not in the log
            began = max(0.0, fact.last - (fact.number("duration_seconds") or 0.0))
            yield _Mark(began, (_REVISION_RANK, rank), Kind.REVISION, revision)
        yield _Mark(fact.last, (_REVISION_RANK, rank + 1), Kind.MIGRATING)


def _lock_marks(start: Start) -> Iterator[_Mark]:
    """Return a mark for the first attempt to take the lock, if another process held it."""
    told = [fact for name in ("lock_waiting", "lock_timeout", "lock_acquired") if (fact := start.fact(name))]
    if not told:
        return
    began = min(fact.last - (fact.number("waited_seconds") or 0.0) for fact in told)
    if start.fact("lock_waiting") or max(fact.last for fact in told) - began >= _CONTENDED_SECONDS:
        yield _Mark(max(0.0, began), (_LOCK_RANK, 0), Kind.LOCK)


def _end(start: Start) -> tuple[End, float]:
    """Return how and when the start ended; the last line if no event shows that."""
    for event, what, end in (
        ("startup_failed", "", End.FAILED),
        ("command_started", "", End.REPLACED),
        ("process_stopped", "", End.STOPPED),
        ("state_changed", "failed", End.FAILED),
        ("state_changed", "stopped", End.STOPPED),
    ):
        if fact := start.fact(event, what):
            return end, fact.last
    if fact := next(filter(None, map(start.fact, FAILURES)), None):
        return End.FAILED, fact.last
    return End.OPEN, start.seen_until


# ---------------------------------------------------------------- from mark to mark


def _phase(start: Start, mark: _Mark, until: float) -> Phase:
    name, short = name_of(mark.kind, mark.revision)
    return Phase(mark.kind, mark.at, until, name, short, tuple(about(start, mark.kind, mark.revision)))


def _merged(phases: list[Phase], *, open_end: bool) -> Iterator[Phase]:
    """Merge neighbours of the same kind, unless they are revisions, and drop phases of length 0; keep at least one."""
    last: Phase | None = None
    for phase in phases:
        needed = phase is phases[-1] and (open_end or last is None)
        if phase.kind is not Kind.REVISION and phase.seconds <= 0 and not needed:
            continue
        if last and last.kind is phase.kind is not Kind.REVISION:
            last = Phase(last.kind, last.began, phase.ended, last.name, last.short, last.details)
            continue
        if last:
            yield last
        last = phase
    if last:
        yield last

"""The details of a phase beside its times, one sentence each, and those of a failure."""

from collections.abc import Iterator

from orchestrator.timeline.phases import Failure, Kind, Phase
from orchestrator.timeline.starts import FAILURES, Fact, Start
from orchestrator.timeline.words import count

_SHORT = {
    Kind.WAITING: "database",
    Kind.LOCK: "lock",
    Kind.APP: "app",
    Kind.MIGRATING: "migrates",
    Kind.SERVING: "serves",
    Kind.DRAINING: "drains",
}
_NOTHING = Fact(0.0, 0.0, {})


def name_of(kind: Kind, revision: str) -> tuple[str, str]:
    """Return the name of a phase, and its short form for narrow places."""
    return (revision, revision) if kind is Kind.REVISION else (kind.value, _SHORT.get(kind, ""))


def about(start: Start, kind: Kind, revision: str) -> Iterator[str]:
    """Return the details of a phase."""
    if kind is Kind.WAITING:
        yield from _about_waiting(start)
    elif kind is Kind.LOCK:
        yield from _about_lock(start.fact("lock_waiting") or _NOTHING)
    elif kind is Kind.REVISION:
        yield from _about_revision(start, revision)


def _about_waiting(start: Start) -> Iterator[str]:
    if retry := start.fact("database_retry_scheduled"):
        cause = retry.text("error_message") or retry.text("error_type")
        yield f"{count(retry.whole('attempt'), 'attempt')} failed; the last: {cause}"
    if ready := start.fact("database_ready"):
        yield f"{ready.text('dialect')} {ready.text('server_version')} answered".strip()


def _about_lock(waiting: Fact) -> Iterator[str]:
    if holder := waiting.text("holder"):
        yield f"held by {holder}"
    if statement := waiting.text("holder_statement"):
        yield f"which ran {statement}"


def _about_revision(start: Start, revision: str) -> Iterator[str]:
    applied = start.fact("revision_applied", revision)
    fact = applied or start.fact("revision_started", revision) or _NOTHING
    yield f"revision {fact.whole('index')} of {fact.whole('pending_count')}: {fact.text('description')}".rstrip(": ")
    if applied:
        yield count(applied.whole("statements"), "statement")
    if resumed := start.fact("revision_resumed", revision):
        skipped = count(resumed.whole("statements_skipped"), "statement")
        yield f"resumed behind {skipped}, interrupted at {resumed.text('interrupted_at')}"
    if retry := start.fact("revision_retry_scheduled", revision):
        yield f"gave way {count(retry.whole('attempt'), 'time')}, blocked by {_whom(retry)}"
    if (progress := start.fact("revision_progress", revision)) and progress.text("blocked_by"):
        yield f"blocked by {_whom(progress)}"
    if not applied:
        yield "its end is not in this log"


def _whom(fact: Fact) -> str:
    who, doing = fact.text("blocked_by"), fact.text("blocked_by_state")
    return f"{who} ({doing})" if who and doing else who or "a session that the database does not name"


def app_load(start: Start) -> Phase | None:
    """Return the import of the app, which runs in parallel to the phases."""
    loaded = start.fact("app_loaded")
    if not loaded:
        return None
    seconds = min(loaded.number("duration_seconds") or 0.0, loaded.first)
    return Phase(Kind.IMPORT, loaded.first - seconds, loaded.first, f"import of {loaded.text('app') or 'the app'}")


def failure(start: Start) -> Failure:
    """Return the cause from `startup_failed`; if the log ends earlier, from the failure event before it."""
    summed_up = start.fact("startup_failed")
    name, cause = next(
        ((name, fact) for name in FAILURES if name != "startup_failed" and (fact := start.fact(name))),
        ("startup_failed", None),
    )
    told = summed_up or cause or _NOTHING
    code = told.number("exit_code")
    if code is None:
        code = FAILURES[name].exits_with
    elif cause is None:
        name = next((each for each, kind in FAILURES.items() if kind.exits_with == code), name)
    return Failure(int(code), name, told.text("error_message") or "the log does not show why", told.text("hint"))

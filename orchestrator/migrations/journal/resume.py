"""Decides whether an interrupted revision may be resumed, by its log and by the current state of the database."""

from dataclasses import replace

from orchestrator.databases.statements import LEFTOVER, UNKNOWN, VIEW, Kind, RecordedSession
from orchestrator.migrations.journal.schema import JOURNAL
from orchestrator.migrations.journal.steps import Outcome, Record, Step
from orchestrator.migrations.journal.store import Journal


class NotResumable(Exception):  # noqa: N818  # a judgement
    """Nothing proves that the revision can continue where it stopped; the message names what is missing.

    Attributes:
        record: its journal record.
    """

    record: Record | None = None


def judged(
    revision: str, journal: Journal, session: RecordedSession, *, allowed: bool, budget_seconds: float
) -> Record:
    """Return what to replay of an unfinished revision; empty if it has left nothing.

    `allowed`: ORCHESTRATOR_WHEN_HALF_APPLIED is `resume`; `budget_seconds`: how long dropping a leftover may wait.

    Raises:
        NotResumable: nothing proves that it can be resumed; nothing was changed.
    """
    record = journal.record(revision)
    while record.steps and record.steps[-1].outcome is Outcome.FAILED:
        record.steps.pop()  # it changed nothing and may have caused the failure, so it is run again
    record = _looked_at(record, session)
    if not record.left_something:
        journal.forget(revision)
        return Record()
    try:
        _check_circumstances(record, session, allowed=allowed)
        _check_tables(record.steps, session)
        with session.lock_limit(budget_seconds):
            return _settled(record, session)
    except NotResumable as refused:
        refused.record = record
        raise


def remains(revision: str, journal: Journal, session: RecordedSession) -> Record:
    """Return what an unfinished revision has left in the database, resumable or not."""
    return _looked_at(journal.record(revision), session)


def _looked_at(record: Record, session: RecordedSession) -> Record:
    """Judge a pending definition by the catalogue: applied if all its objects changed, not applied if none did."""
    step = record.steps[-1] if record.steps and record.server == session.server() else None
    if not (step and step.outcome is Outcome.PENDING and step.kind is Kind.DEFINITION):
        return record
    now = {name: session.look(name) for name in step.before}
    changed = {now[name] != before for name, before in step.before.items() if now[name] or before}
    if {LEFTOVER, UNKNOWN} & {*now.values()} or len(changed) > 1:
        return record
    if changed == {True}:
        step.outcome, step.after = Outcome.DONE, now
        return record
    return replace(record, steps=record.steps[:-1])


def _settled(record: Record, session: RecordedSession) -> Record:
    """Drop what an interrupted definition left, so that its outcome is certain."""
    step = record.steps[-1]
    if step.outcome is not Outcome.PENDING:
        return record
    cleared = [session.clear(name) for name in step.before]
    record = _looked_at(record, session) if any(cleared) else record
    if record.steps and record.steps[-1].outcome is Outcome.PENDING:
        raise NotResumable("nothing tells whether all of its pending statement was carried out")
    return record


def _check_circumstances(record: Record, session: RecordedSession, *, allowed: bool) -> None:
    if not record.steps:
        raise NotResumable(
            f"its process ended before it was applied, and it did work that no rollback undoes: {record.reason}"
        )
    if record.steps[-1].outcome is Outcome.PENDING and record.steps[-1].kind is Kind.OPAQUE:
        raise NotResumable(f"nothing tells whether its pending statement was carried out: {record.reason}")
    if record.reason:
        raise NotResumable(record.reason)
    if not allowed:
        raise NotResumable("ORCHESTRATOR_WHEN_HALF_APPLIED is fail")
    if reason := session.why_not_resumable():
        raise NotResumable(reason)
    if record.server != session.server():
        raise NotResumable(
            f"the server was {record.server} and is {session.server()} now: definitions cannot be compared"
        )


def _check_tables(steps: list[Step], session: RecordedSession) -> None:
    """Check that its tables are as it left them, without a repair by hand or a restored backup."""
    pending = steps[-1].before if steps[-1].outcome is Outcome.PENDING else {}
    left = {name: definition for step in steps for name, definition in step.after.items()}
    for name, definition in left.items():
        if name not in pending and _is_theirs(name) and not _as_left(session.look(name), definition):
            raise NotResumable(f"{name} is not as the revision left it: it was changed since")


def _is_theirs(name: str) -> bool:
    """Return whether it is a table other than the journal's, which is created again if it is dropped."""
    return name.startswith("TABLE ") and JOURNAL not in name


def _as_left(now: str, then: str) -> bool:
    return now == then or (now.startswith(VIEW) and then.startswith(VIEW))

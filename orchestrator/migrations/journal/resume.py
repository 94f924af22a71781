"""Whether an interrupted revision may go on, judged by its record and by what is in the database now."""

from collections.abc import Mapping, Sequence

from orchestrator.databases.statements import Kind, RecordedSession
from orchestrator.migrations.journal.refusal import NotResumable
from orchestrator.migrations.journal.renaming import carried_out
from orchestrator.migrations.journal.statement_log import Outcome, StatementLog, Step
from orchestrator.migrations.journal.store import Journal, SessionSnapshot


def judged(
    revision: str, journal: Journal, session: RecordedSession, *, allowed: bool, budget_seconds: float
) -> tuple[StatementLog, str]:
    """What to replay of an unfinished revision, and when it was interrupted; an empty history when nothing is left.

    Raises:
        NotResumable: nothing proves that it can go on; nothing was changed.
    """
    circumstances, steps, interrupted_at = journal.steps(revision)
    while steps and steps[-1].outcome is Outcome.FAILED:
        steps.pop()  # it did nothing and may be what the revision failed of, so it is run again
    if not any(step.changes for step in steps):
        journal.forget(revision)
        return StatementLog(), ""
    history = StatementLog.of(steps)
    try:
        _check_circumstances(circumstances, session, allowed=allowed)
        _check_definitions(steps, session)
        if steps[-1].outcome is Outcome.PENDING:
            with session.lock_limit(budget_seconds):
                _settle(history, session)
    except NotResumable as refused:
        refused.history = StatementLog.of(steps)
        raise
    return history, interrupted_at


def remains(revision: str, journal: Journal, session: RecordedSession) -> StatementLog:
    """What is in the database of an unfinished revision, going on with it or not."""
    _, steps, _ = journal.steps(revision)
    before = steps[-1].before if steps and steps[-1].outcome is Outcome.PENDING else {}
    if before and all(session.look(name) == definition for name, definition in before.items()):
        steps.pop()
    return StatementLog.of(steps)


def _check_circumstances(then: SessionSnapshot, session: RecordedSession, *, allowed: bool) -> None:
    if not allowed:
        raise NotResumable("ORCHESTRATOR_WHEN_HALF_APPLIED is fail")
    if reason := session.why_not_resumable():
        raise NotResumable(reason)
    if then.server != session.server():
        raise NotResumable(
            f"the server was {then.server} and is {session.server()} now: definitions cannot be compared"
        )
    if then.bound:
        raise NotResumable(f"it needs what ended with its session: {', '.join(then.bound)}")


def _check_definitions(steps: list[Step], session: RecordedSession) -> None:
    """Nobody else may have changed what it has defined: a repair by hand, a restored backup."""
    pending = steps[-1].before if steps[-1].outcome is Outcome.PENDING else {}
    left = {name: definition for step in steps for name, definition in step.after.items()}
    for name, definition in left.items():
        if name not in pending and session.look(name) != definition:
            raise NotResumable(f"{name} is not as the revision left it: somebody has changed it since")


def _settle(history: StatementLog, session: RecordedSession) -> None:
    """Whether the statement that was running is done, by what it was to define."""
    step = history.steps[-1]
    if step.kind is Kind.OPAQUE:
        raise NotResumable("nothing tells whether its pending statement was carried out")
    for name in step.before:
        session.clear(name)
    now = {name: session.look(name) for name in step.before}
    if _carried_out(session.read(step.statement).moves, step.before, now):
        step.outcome, step.after = Outcome.DONE, now
        history.changed(step)
    else:
        history.steps.pop()
        history.durable = history.skipped = len(history.steps)


def _carried_out(moves: Sequence[tuple[str, str]], before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    if moves:
        done = carried_out(moves, before, now)
    else:
        changed = {now[name] != before[name] for name in before if now[name] or before[name]}
        done = changed == {True} if len(changed) < 2 else None  # noqa: PLR2004  # both answers
    if done is None:
        raise NotResumable("nothing tells whether all of its pending statement was carried out")
    return done

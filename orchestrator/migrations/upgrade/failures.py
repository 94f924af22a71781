"""Chooses the failure event of a failed run and its content, by what the run left in the database."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from orchestrator.address.drivers import missing_driver
from orchestrator.databases.diagnosis import POOLER, RIGHTS, STORAGE, Diagnosis, innermost_message
from orchestrator.databases.interruption import is_of_database
from orchestrator.errors import (
    DatabaseRefused,
    Failure,
    MigrationFailed,
    MigrationHalfApplied,
    MigrationStopped,
    MigrationTreeInvalid,
)
from orchestrator.migrations.journal.resume import NotResumable
from orchestrator.migrations.journal.schema import JOURNAL
from orchestrator.migrations.journal.source import left_after
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.steps import Outcome
from orchestrator.runtime.exhaustion import HINT, is_exhaustion
from orchestrator.runtime.stop import StopAsked
from orchestrator.runtime.twins import hint_for_twins

LISTED, LISTED_LENGTH, STATEMENT_LENGTH = 50, 200, 2000

_NO_REVISION = (
    "No revision had begun. Read the traceback in `exception`, correct env.py or what it connects to, and start again."
)
_WRONG_OPTION = "No revision had begun: correct this option in the address that env.py connects to, and start again."
_NO_CONNECTION = "No revision had begun: the database did not let env.py work. {}"
_BLOCKED = (
    "Another session held the table for longer than ORCHESTRATOR_DDL_RETRY_SECONDS. End that session, or wait for its "
    "end. Then start again. The `revision_retry_scheduled` events name it."
)
_GOES_ON = (
    "The statements that ran are on record, and the next start continues after them. If the same statement fails "
    "again, fix the revision from that statement on; do not change what comes before it."
)
_EXISTS = (
    "Another program made the table: create_all, another tool, or a migration whose version table was lost. If the "
    "database has all that revision {revision} does, run `alembic stamp {revision}`. Otherwise drop or rename the "
    "table. Then start again."
)

_ELSEWHERE = (
    "Fix the revision and deploy again: it will run from its first statement. Before it failed, {}: see first whether "
    "that may be done twice."
)
_MARKED = (
    "The database has rolled back the rest of the revision. Check whether the work named in `error_message` took "
    "effect, and undo it if it did. Then delete the rows of the revision from orchestrator_journal_statements, and "
    "start again: it will run from its first statement."
)
_LOST_STAMPS = (
    "The changes that were applied before in {} stay, but env.py commits its version only together with the others: "
    "the next start continues after them."
)


_NOT_COMMITTED = (
    "env.py executes something before context.configure() and does not commit it, so Alembic does not commit either. "
    "Commit it, or execute it inside of context.begin_transaction()."
)
_SWALLOWED = "Correct what this error says, and let env.py raise such errors: it continued as if nothing had failed."


class FailureContext(NamedTuple):
    """Where a run failed.

    Attributes:
        revision: the revision that failed; empty before the first one.
        state: the state of its run.
        diagnosis: the backend's, of the error.
        cancelled: the statement was cancelled because a stop was requested.
        existing_table: the statement was to create a table that exists.
    """

    revision: str
    state: RevisionState | None
    diagnosis: Diagnosis | None
    cancelled: bool
    existing_table: bool = False


def failure_of(error: BaseException, scene: FailureContext) -> Failure:
    """Return the failure event for `error`."""
    if not scene.revision and scene.diagnosis and scene.diagnosis.error_type == POOLER.error_type:
        return _refused(scene.diagnosis)
    if not scene.revision and (hint := missing_driver(error)):
        return MigrationTreeInvalid(error_type="driver_missing", error_message=innermost_message(error), hint=hint)
    state = scene.state if scene.revision else None
    half = state is not None and state.log.left_something
    diagnosis = scene.diagnosis if is_of_database(error) else None
    told: dict[str, Any] = {
        "error_type": _type_of(error),
        "error_code": diagnosis.error_code if diagnosis else "",
        "error_message": diagnosis.error_message if diagnosis else innermost_message(error),
        "revision": scene.revision,
        "statement_index": state.done + 1 if state and state.running else 0,
        "statement": state.running[:STATEMENT_LENGTH] if state else "",
        "statements_done": state.done if state else 0,
    }
    if scene.revision and (scene.cancelled or isinstance(error, StopAsked)):
        message = f"revision {scene.revision} did not end within the shutdown budget"
        told["error_message"] = message if isinstance(error, StopAsked) else f"{message}: {told['error_message']}"
        return MigrationStopped(**told)
    hint = (
        HINT if is_exhaustion(error) else getattr(error, "hint", "") or hint_for_twins(error) or _hint(diagnosis, scene)
    )
    if half and state:
        return MigrationHalfApplied(**{**told, **_left(state, error, hint)})
    return MigrationFailed(**told, hint=hint or _elsewhere(state))


def _type_of(error: BaseException) -> str:
    if is_exhaustion(error):
        return "limit"
    named: str = getattr(error, "error_type", type(error).__name__)
    return "not_resumable" if isinstance(error, NotResumable) else named


def _refused(diagnosis: Diagnosis) -> DatabaseRefused:
    """Return the failure for a pooler that shares our session: it is not the revision's fault, and none has begun."""
    return DatabaseRefused(**diagnosis.fields(), attempts=1, waited_seconds=0.0)


def not_durable(context: str, heads: str, swallowed: Diagnosis | None, *, half_applied: bool) -> Failure:
    """The failure when every revision ran, and the database is not where they lead.

    Args:
        context: which of several databases it is.
        heads: where the database is.
        swallowed: the last error of the database, which env.py has not raised.
        half_applied: whether the revisions have left something that nothing rolls back.
    """
    after = f"; the last error that env.py met and did not raise: {swallowed.error_message}" if swallowed else ""
    return (MigrationHalfApplied if half_applied else MigrationFailed)(
        context=context,
        error_type="not_committed",
        error_code=swallowed.error_code if swallowed else "",
        error_message=f"every revision ran, but the database is at {heads}{after}",
        hint=_SWALLOWED if swallowed else _NOT_COMMITTED,
        **_NOWHERE,
    )


def nothing_migrated(swallowed: Diagnosis) -> Failure:
    """The failure when env.py met an error, did not raise it, and ended before it called run_migrations()."""
    return MigrationFailed(
        error_type="not_migrated",
        error_code=swallowed.error_code,
        error_message="env.py ended before it called run_migrations(); the last error that it met and did not raise: "
        + swallowed.error_message,
        hint=_SWALLOWED,
        **_NOWHERE,
    )


_NOWHERE: dict[str, Any] = {"revision": "", "statement_index": 0, "statement": "", "statements_done": 0}


def with_wrong_option(failure: Failure, wrong: str) -> Failure:
    """Return the failure with what is wrong in the address that env.py connects to; the same one if nothing is."""
    if not wrong:
        return failure
    return replace(failure, error_message=f"{wrong} (the driver says: {failure.error_message})", hint=_WRONG_OPTION)


def with_lost_stamps(failure: Failure, contexts: Sequence[str]) -> Failure:
    """Return the failure extended by these contexts, whose applied changes no rollback undoes."""
    if not contexts or not isinstance(failure, MigrationFailed):
        return failure
    told = {each.name: getattr(failure, each.name) for each in fields(failure)}
    return MigrationHalfApplied(**{**told, "hint": f"{_LOST_STAMPS.format(', '.join(contexts))} {failure.hint}"})


def _left(state: RevisionState, error: BaseException, hint: str) -> dict[str, Any]:
    """Return what is applied and what is not, as far as it is known."""
    durable = [step for step in state.log.steps[: state.log.durable] if step.changes]
    pending = [step for step in state.log.steps if step.outcome is Outcome.PENDING]
    refused = isinstance(error, NotResumable)
    return {
        "applied": [step.statement[:LISTED_LENGTH] for step in durable if step.outcome is Outcome.DONE][:LISTED],
        "pending_statement": pending[-1].statement[:STATEMENT_LENGTH] if pending else "",
        "statements_done": state.log.statements_done if refused else state.done,
        "left": [each[:LISTED_LENGTH] for each in _source_left(state)][:LISTED],
        "hint": _repair(state) if refused else f"{hint} {_GOES_ON}".strip(),
    }


def _repair(state: RevisionState) -> str:
    """Return what to do by hand, with the names of this journal."""
    advice = MigrationHalfApplied.cure if state.log.steps else _MARKED
    return advice.replace(JOURNAL, state.log.journal_name)


def _source_left(state: RevisionState) -> list[str]:
    steps = state.log.steps
    return left_after(state.about.path, steps[-1].line) if steps and state.same_script else []


def _elsewhere(state: RevisionState | None) -> str:
    """Return the work outside the connection that stays, although nothing of it is left in this database."""
    return _ELSEWHERE.format(state.log.reason) if state and state.log.has_side_effects else ""


_SPECIFIC = {each.error_type for each in (RIGHTS, POOLER, STORAGE)}


def _hint(diagnosis: Diagnosis | None, scene: FailureContext) -> str:
    """Return the hint for rights, a pooler, a full disk or a locked table; empty means the failure's own hint."""
    if diagnosis and diagnosis.error_type in _SPECIFIC:
        return diagnosis.hint
    if scene.state and scene.state.gave_up:
        return _BLOCKED
    if scene.revision:
        first = scene.state and not scene.state.done
        return _EXISTS.format(revision=scene.revision) if first and scene.existing_table else ""
    return _NO_CONNECTION.format(diagnosis.hint) if diagnosis and diagnosis.hint else _NO_REVISION

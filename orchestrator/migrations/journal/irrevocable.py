"""Statements that no rollback undoes: definitions, which the catalogue confirms, and statements that prove nothing."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.databases.statements import UNKNOWN, Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.elsewhere import Elsewhere
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.steps import Outcome, StatementResult, Step
from orchestrator.migrations.journal.waits import LockWaits

_UNSEEN = "its login may not see the definition of what it changed"


class Irrevocable:
    """Journals that a statement begins, then runs it; its result is checked before the next statement.

    Attributes:
        unsettled: checks the result of the last statement; None if that is checked.
    """

    def __init__(self, state: RevisionState, waits: LockWaits, elsewhere: Elsewhere) -> None:
        self.unsettled: Callable[[], Mapping[str, str] | None] | None = None
        self._state, self._log, self._session = state, state.log, state.session
        self._waits, self._elsewhere = waits, elsewhere

    def execute(
        self, statement: Statement, step: Step, run: Run, seen: Mapping[str, str] | None = None
    ) -> StatementResult:
        """Run a statement by its kind; `seen`: as `settle` returned it right before."""
        if statement.kind is Kind.DEFINITION:
            return self._definition(statement, step, run, seen)
        return self.opaque(statement, step, run, "it ran a statement whose effect cannot be proven")

    def settle(self) -> Mapping[str, str] | None:
        """Check the result of the last statement, if that is still open; return what its definition looks like now.

        Not right after the statement: its rows must be fetched first, and ROW_COUNT() must still describe it.
        """
        unsettled, self.unsettled = self.unsettled, None
        return unsettled() if unsettled else None

    # ------------------------------------------------------------ definitions

    def _definition(
        self, statement: Statement, step: Step, run: Run, seen: Mapping[str, str] | None
    ) -> StatementResult:
        """Journal the definition, then run it.

        Nothing is asked twice in a row: what the check of the definition right before this one has `seen` is still
        so. If all statements before are durable, the transaction holds nothing but our rows, and needs no mark. A
        change of rows that asks for ROW_COUNT() comes before that check, and is not durable.
        """
        known = seen or {}
        step.before = {name: known[name] if name in known else self._session.look(name) for name in statement.objects}
        if UNKNOWN in step.before.values():
            return self.opaque(statement, step, run, _UNSEEN)
        self._log.add(step, write=True)
        only_our_rows = seen is not None and self._log.durable == step.index - 1
        mark = None if only_our_rows else self._session.mark()
        try:
            result = self._again_and_again(statement, step, run)
        except Exception:
            self._broke_off(step, mark)
            raise
        self._log.done(step, result, durable=True)
        self.unsettled = lambda: self._look_after(step)
        return result

    def _look_after(self, step: Step) -> Mapping[str, str]:
        step.after = {name: self._session.look(name) for name in step.before}
        self._log.unsaved.add(step.index)
        if UNKNOWN in step.after.values():
            step.after = {}
            self._log.unprovable(f"{_UNSEEN}: {step.statement[:200]}")
        return step.after

    def _broke_off(self, step: Step, mark: Any) -> None:
        """Check whether the failed statement left changes, and whether the statements before it are committed."""
        try:
            committed = self._session.autocommit() or not self._session.same_transaction(mark)
            # It was refused before the implicit commit, so it cannot have left changes.
            left = committed and {name: self._session.look(name) for name in step.before} != step.before
            if not left:
                step.outcome = Outcome.FAILED
                self._log.unsaved.add(step.index)
            if committed:
                self._log.committed()
                self._log.save()
                self._elsewhere.commit()
        except Exception:  # noqa: BLE001  # the connection is gone, or the transaction is broken
            self._unknown()
        self._log.unprovable("a statement failed, and the revision went on")

    # ------------------------------------------------------------ statements that prove nothing

    def opaque(self, statement: Statement, step: Step, run: Run, why: str) -> StatementResult:
        """Run a statement that proves nothing; if its end is not journalled, the revision is not resumed."""
        log, session = self._log, self._session
        step.kind, step.digest = Kind.OPAQUE, ""
        log.unprovable(f"{why}: {step.statement[:200]}", side_effect=True)
        in_transaction = not session.autocommit()
        log.add(step, write=in_transaction or not log.refused_for_good)
        if not in_transaction:
            log.committed()
        elif statement.outside or (log.left_something and session.commits_definitions):
            self._elsewhere.before_opaque()
        mark = session.mark() if in_transaction else None
        try:
            result = run() if self._may_do_a_part(statement) else self._again_and_again(statement, step, run)
        except Exception as error:
            # After an error PostgreSQL answers nothing in its transaction; MySQL does, unless the connection is lost.
            with contextlib.suppress(*(() if session.commits_definitions else (Exception,))):
                self._settle_failed(step, error, mark, in_transaction=in_transaction)
            raise
        log.done(step, result)
        self.unsettled = lambda: self._settle_opaque(mark, in_transaction=in_transaction)
        return result

    def _may_do_a_part(self, statement: Statement) -> bool:
        """Return whether an error may leave something done, so that it must not be run again: rows of MyISAM stay."""
        rows_stay = statement.outside and self._session.commits_definitions and not statement.objects
        return statement.compound or self._state.several or rows_stay

    def _settle_failed(self, step: Step, error: Exception, mark: Any, *, in_transaction: bool) -> None:
        """Ask for the step's row after a deadlock: a lost transaction looks like one that was committed."""
        if in_transaction and self._session.lost_transaction(error) and not self._log.is_on_record(step):
            self._log.rolled_back()
        else:
            self._settle_opaque(mark, in_transaction=in_transaction)

    def _settle_opaque(self, mark: Any, *, in_transaction: bool) -> None:
        try:
            committed = not (in_transaction and self._session.same_transaction(mark))
            self._session.autocommit(again=True)
        except Exception:
            self._unknown()
            raise
        if committed:
            self._log.committed()

    # ------------------------------------------------------------ both

    def _again_and_again(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """Run a statement; again as long as it met a lock of another session and did nothing.

        A deadlock undoes the whole transaction, so nothing may be in it: a definition has committed what was before it.
        """
        patient, seconds = statement.long_lock_wait_ok, self._waits.budget_seconds
        with self._session.lock_limit(seconds) if patient else contextlib.nullcontext():
            while True:
                try:
                    return run()
                except Exception as error:
                    alone = step.kind is Kind.DEFINITION or step.index <= self._log.durable
                    if not self._waits.may_run_again(statement, error, alone=alone):
                        raise

    def _unknown(self) -> None:
        """Report possibly committed work as committed."""
        if self._session.commits_definitions or self._session.autocommit():
            self._log.committed()

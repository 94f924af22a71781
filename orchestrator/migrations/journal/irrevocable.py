"""Statements that no rollback undoes: definitions, which the catalogue confirms, and statements that prove nothing."""

from typing import TYPE_CHECKING, Any

from orchestrator.databases.statements import UNKNOWN, Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.elsewhere import Elsewhere
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.revision_run import RevisionRun
from orchestrator.migrations.journal.steps import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable

_UNSEEN = "its login may not see the definition of what it changed"


class Irrevocable:
    """Journals that a statement begins, then runs it; its result is checked before the next statement."""

    def __init__(self, run: RevisionRun, elsewhere: Elsewhere) -> None:
        self._run, self._elsewhere = run, elsewhere
        self._unsettled: Callable[[], None] | None = None

    def execute(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """Run a statement by its kind."""
        if statement.kind is Kind.DEFINITION:
            return self._definition(statement, step, run)
        return self.opaque(statement, step, run, "it ran a statement whose effect cannot be proven")

    def settle(self) -> bool:
        """Check the result of the last statement, if that is still open.

        Not right after the statement: its rows must be fetched first, and ROW_COUNT() must still describe it.
        """
        unsettled, self._unsettled = self._unsettled, None
        if unsettled:
            unsettled()
        return unsettled is not None

    def opaque(self, statement: Statement, step: Step, run: Run, why: str) -> StatementResult:
        """Run a statement that proves nothing; if its end is not journalled, the revision is not resumed."""
        this = self._run
        step.kind, step.digest = Kind.OPAQUE, ""
        this.log.unprovable(f"{why}: {step.statement[:200]}", side_effect=True)
        in_transaction = not this.waits.autocommit
        this.log.add(step)
        if in_transaction or not this.log.refused_for_good:
            this.log.save()
        if not in_transaction:
            this.log.committed()
        elif statement.outside or (this.log.left_something and this.session.commits_definitions):
            self._elsewhere.before_outside()
        mark = this.session.mark() if in_transaction else None
        try:
            result = this.waits.run_definition(run, statement) if not statement.compound else run()
        except Exception:
            self._settle_opaque(mark, in_transaction=in_transaction)
            raise
        this.log.done(step, result)
        self._unsettled = lambda: self._settle_opaque(mark, in_transaction=in_transaction)
        return result

    def _settle_opaque(self, mark: Any, *, in_transaction: bool) -> None:
        this = self._run
        try:
            committed = not (in_transaction and this.session.same_transaction(mark))
            this.session.autocommit(again=True)
        except Exception:
            self._unknown()
            raise
        if committed:
            this.log.committed()

    def _definition(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        this = self._run
        step.before = {name: this.session.look(name) for name in statement.objects}
        if UNKNOWN in step.before.values():
            return self.opaque(statement, step, run, _UNSEEN)
        this.log.add(step)
        this.log.save()
        mark = this.session.mark()
        try:
            result = this.waits.run_definition(run, statement)
        except Exception:
            self._broke_off(step, mark)
            raise
        this.log.done(step, result)
        this.log.committed()
        self._unsettled = lambda: self._look_after(step)
        return result

    def _look_after(self, step: Step) -> None:
        step.after = {name: self._run.session.look(name) for name in step.before}
        self._run.log.changed(step)
        if UNKNOWN in step.after.values():
            step.after = {}
            self._run.log.unprovable(f"{_UNSEEN}: {step.statement[:200]}")

    def _broke_off(self, step: Step, mark: Any) -> None:
        """Check whether the failed statement left changes, and whether the statements before it are committed."""
        this = self._run
        try:
            committed = this.waits.autocommit or not this.session.same_transaction(mark)
            # It was refused before the implicit commit, so it cannot have left changes.
            left = committed and {name: this.session.look(name) for name in step.before} != step.before
            if not left:
                step.outcome = Outcome.FAILED
                this.log.changed(step)
            if committed:
                this.log.committed()
                this.log.save()
                self._elsewhere.commit()
        except Exception:  # noqa: BLE001  # the connection is gone, or the transaction is broken
            self._unknown()
        this.log.unprovable("a statement failed, and the revision went on")

    def _unknown(self) -> None:
        """Report possibly committed work as committed."""
        if self._run.session.commits_definitions or self._run.waits.autocommit:
            self._run.log.committed()

"""Statements in autocommit mode: each is durable at once."""

from orchestrator.databases.statements import Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.irrevocable import Irrevocable
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.steps import StatementResult, Step
from orchestrator.migrations.journal.transactional import Transactional
from orchestrator.migrations.journal.waits import LockWaits


class Autocommit:
    """Runs statements in autocommit mode, in a transaction with their journal row if that makes no difference."""

    def __init__(
        self, state: RevisionState, waits: LockWaits, irrevocable: Irrevocable, transactional: Transactional
    ) -> None:
        self._state, self._log, self._session = state, state.log, state.session
        self._waits, self._irrevocable, self._transactional = waits, irrevocable, transactional

    def execute(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """Run a statement; journal it before it runs if nothing can be proven about it."""
        provable = statement.kind in (Kind.WRITE, Kind.SETTING) and not statement.compound
        if not (provable and self._session.records_in_autocommit):
            return self._irrevocable.opaque(statement, step, run, "it ran a statement in autocommit mode")
        return self._in_own_transaction(statement, step, run)

    def _in_own_transaction(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        while True:
            self._session.begin()
            try:
                result = run()
            except Exception as error:
                self._session.ask("ROLLBACK")
                if self._session.refuses_transactions(error):
                    why = "it ran a statement that no transaction can hold"
                    return self._irrevocable.opaque(statement, step, run, why)
                if self._waits.others_fault(error) and self._waits.wait():
                    continue
                self._transactional.failed(error)
                raise
            break
        if result.description is not None:
            self._state.has_read(step)
        self._log.done(step, result)
        self._log.save()
        self._session.ask("COMMIT")
        self._log.committed()
        return result

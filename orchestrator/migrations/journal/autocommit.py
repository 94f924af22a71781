"""Statements in autocommit mode: each is durable at once."""

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.irrevocable import Irrevocable
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.revision_run import RevisionRun
from orchestrator.migrations.journal.steps import Step
from orchestrator.migrations.journal.transactional import Transactional


class Autocommit:
    """Runs statements in autocommit mode, in a transaction with their journal row if that makes no difference."""

    def __init__(self, run: RevisionRun, irrevocable: Irrevocable, transactional: Transactional) -> None:
        self._run, self._irrevocable, self._transactional = run, irrevocable, transactional

    def execute(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """Run a statement; journal it before it runs if nothing can be proven about it."""
        provable = statement.kind in (Kind.WRITE, Kind.SETTING) and not statement.compound
        if not (provable and self._run.session.records_in_autocommit):
            return self._irrevocable.opaque(statement, step, run, "it ran a statement in autocommit mode")
        return self._in_own_transaction(statement, step, run)

    def _in_own_transaction(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        this = self._run
        while True:
            this.session.begin()
            try:
                result = run()
            except Exception as error:
                ask(this.real, "ROLLBACK")
                if this.session.refuses_transactions(error):
                    why = "it ran a statement that no transaction can hold"
                    return self._irrevocable.opaque(statement, step, run, why)
                if this.waits.others_fault(error) and this.waits.wait():
                    continue
                self._transactional.failed(error)
                raise
            break
        this.note_answer(statement, result, step)
        this.log.add(step)
        this.log.done(step, result)
        this.log.save()
        ask(this.real, "COMMIT")
        this.log.committed()
        return result

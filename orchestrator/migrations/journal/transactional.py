"""Statements in an open transaction: journalled in it, so that both are durable together or not at all."""

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.revision_run import RevisionRun
from orchestrator.migrations.journal.steps import Step


class Transactional:
    """Runs statements in the open transaction.

    Attributes:
        lost: whether the last statement's error rolled back the whole transaction, or made it unusable.
        has_savepoint: whether the revision has set one, which a commit would release.
    """

    def __init__(self, run: RevisionRun) -> None:
        self.lost = self.has_savepoint = False
        self._run = run
        self._savepoint = False

    def execute(self, statement: Statement, sql: str, step: Step, run: Run) -> StatementResult:
        """Run a statement and note it; its row is written at the next commit."""
        this = self._run
        try:
            self.open(statement, sql)
            result = this.waits.run(run)
        except Exception as error:
            self.failed(error)
            raise
        self.lost = False
        if statement.changes_user:
            this.log.unprovable("it changed its user")
        if statement.kind is not Kind.READ:
            this.log.add(step)
            this.log.done(step, result)
        return result

    def open(self, statement: Statement, sql: str) -> None:
        """Write the revision's row before its first change and before its savepoints."""
        this = self._run
        if this.waits.autocommit:
            return
        retries = this.log.can_start_over and (statement.kind is not Kind.SETTING or statement.changes_user)
        if this.session.savepoint and retries and not self._savepoint:
            this.log.begin()
            ask(this.real, "SAVEPOINT orchestrator")
            self._savepoint = True
        self.has_savepoint = self.has_savepoint or statement.kind is Kind.SAVEPOINT
        if statement.kind in (Kind.WRITE, Kind.OPAQUE, Kind.SAVEPOINT):
            this.waits.run(lambda: this.session.before_write(sql))
            this.log.begin()

    def release(self) -> None:
        """The revision cannot start over any more, and some functions refuse to run behind a savepoint."""
        if self._savepoint and not self.has_savepoint:
            ask(self._run.real, "RELEASE SAVEPOINT orchestrator")
            self._savepoint = False

    def failed(self, error: Exception) -> None:
        """Note an error: the revision may catch it and take another path."""
        this = self._run
        this.log.unprovable("a statement failed, and the revision went on")
        self.lost = this.session.lost_transaction(error)
        if self.lost and not this.session.savepoint:
            this.log.rolled_back()

    def ended(self) -> None:
        """Note that the transaction has ended."""
        self._savepoint = self.has_savepoint = False

    def undo(self, error: Exception) -> bool:
        """Undo the rest of a transaction that another session's lock broke; return False if that is not sufficient."""
        this = self._run
        lost = self.lost or this.session.lost_transaction(error)
        undone = self._savepoint or not this.session.savepoint
        if not (lost and undone and this.log.can_start_over) or this.waits.autocommit:
            return False
        self.lost = False
        ask(this.real, "ROLLBACK TO SAVEPOINT orchestrator" if self._savepoint else "ROLLBACK")
        return True

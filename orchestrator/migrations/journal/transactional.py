"""Statements in an open transaction: journalled in it, so that both are durable together or not at all."""

from collections.abc import Callable

from orchestrator.databases.statements import Kind, Statement
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.steps import StatementResult, Step
from orchestrator.migrations.journal.waits import LockWaits


class Transactional:
    """Runs statements in the open transaction.

    Attributes:
        lost: whether the last statement's error rolled back the whole transaction, made it unusable, or came after the
            first of several sets of parameters.
        has_savepoint: whether the revision has set one, which a commit would release.
    """

    def __init__(self, state: RevisionState, waits: LockWaits) -> None:
        self.lost = self.has_savepoint = False
        self._state, self._log, self._session, self._waits = state, state.log, state.session, waits
        self._savepoint = False

    def execute(self, statement: Statement, sql: str, step: Step, run: Run) -> StatementResult:
        """Run a statement and note it; its row is written at the next commit."""
        try:
            self.open(statement, sql)
            result = run() if self._state.several else self._waits.run(run)
        except Exception as error:
            self.failed(error)
            raise
        self.lost = False
        if statement.changes_user:
            self._log.unprovable("it changed its user")
        if statement.kind is not Kind.READ:
            self._log.done(step, result)
        return result

    def open(self, statement: Statement, sql: str) -> None:
        """Write the revision's row before its first change and before its savepoints."""
        retries = self._log.can_start_over and (statement.kind is not Kind.SETTING or statement.changes_user)
        if self._session.savepoint and retries and not self._savepoint:
            self._log.begin()
            self._session.ask("SAVEPOINT orchestrator")
            self._savepoint = True
        self.has_savepoint = self.has_savepoint or statement.kind is Kind.SAVEPOINT
        if statement.kind in (Kind.WRITE, Kind.OPAQUE, Kind.SAVEPOINT):
            if self._session.begins_late:
                self._waits.run(lambda: self._session.before_write(sql))
            self._log.begin()

    def release(self) -> None:
        """The revision cannot start over any more, and some functions refuse to run behind a savepoint."""
        if self._savepoint and not self.has_savepoint:
            self._session.ask("RELEASE SAVEPOINT orchestrator")
            self._savepoint = False

    def failed(self, error: Exception) -> None:
        """Note an error: the revision may catch it and take another path."""
        self._log.unprovable("a statement failed, and the revision went on")
        self.lost = self._session.lost_transaction(error)
        if self.lost and not self._session.savepoint:
            self._log.rolled_back()
        self.lost = self.lost or (self._state.several and self._session.met_lock_limit(error))

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit; everything in the log is durable then."""
        self._waits.run(commit)
        self.ended()
        self._log.committed()

    def ended(self) -> None:
        """Note that the transaction has ended."""
        self._savepoint = self.has_savepoint = False

    def undo(self, error: Exception) -> bool:
        """Undo the rest of a transaction that another session's lock broke; return False if that is not sufficient."""
        lost = self.lost or self._session.lost_transaction(error)
        undone = self._savepoint or not self._session.savepoint
        if not (lost and undone and self._log.can_start_over) or self._session.autocommit():
            return False
        self.lost = False
        self._session.ask("ROLLBACK TO SAVEPOINT orchestrator" if self._savepoint else "ROLLBACK")
        return True

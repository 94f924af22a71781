"""Runs a revision's statements so that the journal always shows which of them are durable.

A statement's journal row becomes durable in the same transaction as its effects. If the statement ends the transaction
(DDL on MySQL), its row is written before it as pending, and becomes durable by the same implicit commit.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, RecordedSession, Statement
from orchestrator.migrations.journal.autocommit import Autocommit
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.durable_mark import DurableMark
from orchestrator.migrations.journal.elsewhere import Elsewhere
from orchestrator.migrations.journal.irrevocable import Irrevocable
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.rerun import RepeatableUpgrade
from orchestrator.migrations.journal.results import StatementResult, digest_of
from orchestrator.migrations.journal.resume import NotResumable
from orchestrator.migrations.journal.revision_run import RevisionRun
from orchestrator.migrations.journal.source import running_line
from orchestrator.migrations.journal.state import Phase, RevisionState
from orchestrator.migrations.journal.statement_log import ChangedError, StatementLog
from orchestrator.migrations.journal.steps import Step
from orchestrator.migrations.journal.store import STATEMENT_LENGTH, RevisionInfo
from orchestrator.migrations.journal.transactional import Transactional
from orchestrator.migrations.journal.waits import LockWaits


class Executor:
    """One revision on one connection; implements `dbapi_proxy.Carrier`.

    Attributes:
        done: how many statements succeeded, including reads and replayed ones.
        running: SQL of the running or failed statement; empty between two.
        since: when it began, by time.monotonic().
        log: the statement log.
        same_script: whether the log belongs to the current version of the script.
        about: the revision, and who applies it.
    """

    def __init__(  # noqa: PLR0913  # what one revision needs
        self,
        about: RevisionInfo,
        log: StatementLog,
        *,
        session: RecordedSession,
        retry: LockRetry,
        recorded_checksum: str,
        real: Any,
        mark: DurableMark,
    ) -> None:
        self.about, self.log = about, log
        self.done, self.running, self.since = 0, "", 0.0
        self.same_script = recorded_checksum == about.checksum
        self._session, self._real = session, real
        self._state = RevisionState()
        self._waits = LockWaits(about.revision, retry, session, self._state)
        self._run = RevisionRun(real, session, log, self._waits)
        self._transactional = Transactional(self._run)
        self._elsewhere = Elsewhere(self._run, self._transactional, mark, lambda: self._commit(real.commit))
        self._irrevocable = Irrevocable(self._run, self._elsewhere)
        self._autocommit = Autocommit(self._run, self._irrevocable, self._transactional)
        self._ran_live = False
        self._count: Callable[[str, Any], None]

    @property
    def gave_up(self) -> bool:
        """Return whether another session held a lock for longer than the budget."""
        return self._waits.gave_up

    # ------------------------------------------------------------ the revision

    def run(self, upgrade: RepeatableUpgrade) -> None:
        """Run a revision's `upgrade`; again from the top if a lock of another session undid what is not durable.

        Raises:
            MigrationAborted: it cannot be resumed, or a stop was requested.
        """
        self._count = upgrade.count
        while True:
            self._state.phase = Phase.REPLAYING if self.log.replaying else Phase.RUNNING
            try:
                upgrade()
            except Exception as error:
                self._state.check()
                if not (self._transactional.undo(error) and self._waits.wait()):
                    self._elsewhere.failed(error)
                    raise
                self._start_over()
            else:
                break
        self._state.check()
        if self.log.replaying:
            raise self.refuse("it ended before the last statement on record")
        self._irrevocable.settle()
        self._state.phase = Phase.STAMPING
        if self._waits.autocommit:
            self._session.begin()  # for Alembic's stamp and the end of the log

    def finish(self, seconds: float) -> None:
        """Finish the log in the transaction in which the version is stamped."""
        self.log.finish(self.done, seconds)
        if self._waits.autocommit:
            ask(self._real, "COMMIT")

    def refuse(self, reason: str) -> MigrationAborted:
        """Return the exception to raise; from now on no statement runs, even if the revision catches it."""
        return self._state.abort(MigrationAborted(NotResumable(reason)))

    def used_elsewhere(self, what: str) -> None:
        """Journal a change that no rollback undoes before it happens: by another connection, a process, a thread.

        Raises:
            MigrationAborted: statements are being skipped, and the change would be made a second time.
        """
        if self._elsewhere.busy:
            return  # that is the record's own connection
        self._state.check()
        if self._state.phase is Phase.REPLAYING:
            raise self.refuse(f"{what}, of which nothing is on record")
        if self._state.phase is Phase.RUNNING:
            self._elsewhere.note(what)

    # ------------------------------------------------------------ the carrier of its connection

    def execute(self, sql: str, parameters: Any, run: Run) -> StatementResult:
        """Run a statement, or return the numbers in the journal."""
        self._state.check()
        self._count(sql, parameters)
        statement = self._session.read(sql)
        if not statement.needs_session and self._irrevocable.settle():
            statement = self._session.read(sql)  # its table may be known only now as one without transactions
        self.running, self.since, self._waits.statement_index = sql, time.monotonic(), self.done + 1
        if self._state.phase is Phase.STAMPING:
            result = self._waits.run(run)
            self.done += 1
        else:
            result = self._execute(statement, sql, parameters, run)
        self.running = ""
        return result

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit the changes together with the log."""
        self._irrevocable.settle()
        if self._state.phase is Phase.RUNNING:
            self.log.save()
        self._commit(commit)

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back the changes and the log."""
        with contextlib.suppress(Exception):  # if the connection is gone, the rollback raises
            self._irrevocable.settle()
        rollback()
        self._transactional.ended()
        if self._state.phase is not Phase.REPLAYING:
            self.log.rolled_back()

    # ------------------------------------------------------------ statements

    def _execute(self, statement: Statement, sql: str, parameters: Any, run: Run) -> StatementResult:
        if statement.kind is Kind.SAVEPOINT:
            return self._savepoint(statement, sql, run)
        if statement.outside and self._session.began_for_definitions():
            self.commit(self._real.commit)
        if statement.kind is Kind.ENVIRONMENT:
            return run()
        if statement.kind in (Kind.COMMIT, Kind.ROLLBACK):
            return self._end_transaction(statement.kind, run)
        if self._state.phase is Phase.REPLAYING:
            result = self._replay(statement, sql, parameters, run)
        else:
            result = self._live(statement, sql, parameters, run)
        self.done += 1
        return result

    def _live(self, statement: Statement, sql: str, parameters: Any, run: Run) -> StatementResult:
        if self.log.skipped and statement.needs_session and not self._ran_live:
            raise self.refuse(f"its next statement needs the session that is gone: {self._shown(sql)}")
        self._ran_live = True
        if not statement.needs_session:
            self.log.limit_memory()
        self._elsewhere.before(statement, sql)
        step = self._step(statement, sql, parameters)
        try:
            result = self._by_its_kind(statement, sql, step, run)
        finally:
            if statement.drops:
                self.log.may_drop_tables()
        self._run.note_answer(statement, result, step)
        return result

    def _by_its_kind(self, statement: Statement, sql: str, step: Step, run: Run) -> StatementResult:
        if statement.kind in (Kind.DEFINITION, Kind.OPAQUE):
            return self._irrevocable.execute(statement, step, run)
        if self._waits.autocommit:
            return self._autocommit.execute(statement, step, run)
        return self._transactional.execute(statement, sql, step, run)

    def _step(self, statement: Statement, sql: str, parameters: Any) -> Step:
        text = sql if statement.kind is Kind.DEFINITION else self._session.without_literals(sql)
        digest, line = digest_of(sql, parameters), running_line(self.about.path)
        return Step(0, statement.kind, text[:STATEMENT_LENGTH], digest=digest, line=line)

    def _replay(self, statement: Statement, sql: str, parameters: Any, run: Run) -> StatementResult:
        try:
            step = self.log.next(digest_of(sql, parameters))
        except ChangedError as changed:
            raise self.refuse(f"its statement {changed} is not the one that was run: {self._shown(sql)}") from None
        result = run() if statement.kind is Kind.SETTING else step.result
        if not self.log.replaying:
            self._caught_up()
        return result

    def _shown(self, sql: str) -> str:
        return self._session.without_literals(sql)[:200]

    def _caught_up(self) -> None:
        """Check, before the next statement runs, that the session is as it was."""
        self._state.phase = Phase.RUNNING
        if difference := self.log.state_differs():
            raise self.refuse(f"its session is not as it was: {difference}")

    def _savepoint(self, statement: Statement, sql: str, run: Run) -> StatementResult:
        if self._state.phase is Phase.RUNNING and not statement.undoes:
            self._transactional.open(statement, sql)
        result = run()
        if statement.undoes:
            self.log.unwritten()
            self.log.unprovable("it rolled back to a savepoint")
        return result

    def _end_transaction(self, kind: Kind, run: Run) -> StatementResult:
        """Run a COMMIT or ROLLBACK statement."""
        results: list[StatementResult] = []
        (self.commit if kind is Kind.COMMIT else self.rollback)(lambda: results.append(run()))
        return results[0]

    def _commit(self, commit: Callable[[], None]) -> None:
        self._waits.run(commit)
        self._transactional.ended()
        self.log.committed()

    def _start_over(self) -> None:
        self.log.start_over()
        self.done, self.running, self._ran_live = 0, "", False

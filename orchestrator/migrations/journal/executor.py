"""Carrying out a revision's statements, so that what is durable of them is on record at every moment.

The record of a statement becomes durable in the same transaction as what the statement did. Where a statement ends the
transaction (DDL on MySQL), its record is written before it as pending, and by the same implicit commit becomes durable
together with everything before it.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, RecordedSession, Statement
from orchestrator.migrations.journal.checkpoint import Record
from orchestrator.migrations.journal.dbapi_proxy import Run
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.refusal import NotResumable
from orchestrator.migrations.journal.results import ResultTooLarge, StatementResult, digest_of
from orchestrator.migrations.journal.source import running_line
from orchestrator.migrations.journal.statement_log import ChangedError, Outcome, StatementLog, Step
from orchestrator.migrations.journal.store import Journal, RevisionInfo

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Executor:
    """One revision on one connection. It is a `recording.Carrier`.

    Attributes:
        done: statements that succeeded, those on record included; not what is only about the session or a transaction.
        running: SQL of the one that runs, or that failed; empty between two.
        since: when it began, by time.monotonic().
        gave_up: another session held a lock for longer than the budget.
        history: what is on record.
        same_script: the record was made of the script as it is now.
        about: the revision, and who applies it.
    """

    def __init__(  # noqa: PLR0913  # what one revision needs
        self,
        about: RevisionInfo,
        history: StatementLog,
        *,
        session: RecordedSession,
        journal: Journal,
        patience: LockRetry,
        autocommit: Callable[[], bool],
        error: Callable[[str], Exception],
        recorded_checksum: str,
        real: Any,
    ) -> None:
        self.about, self.revision, self.history = about, about.revision, history
        self.done, self.running, self.since = 0, "", 0.0
        self.gave_up = False
        self.same_script = recorded_checksum == about.checksum
        self._session, self._patience = session, patience
        self._autocommit, self._error, self._real = autocommit, error, real
        self._record = Record(about, history, session, journal)
        self._interruption: MigrationAborted | None = None
        self._recording = True
        self._savepoint = False
        self._lost = False  # by the statement before, whose savepoints are gone as well: nobody can roll back to them
        self._unsettled = False  # a procedure was called, and nobody knows yet whether it has committed
        self._keyed = False  # LAST_INSERT_ID() is what a statement of this session left

    # ------------------------------------------------------------ the revision

    def run(self, upgrade: Callable[[], None]) -> None:
        """Run a revision's `upgrade`, again from the top when another session's lock undid what is not durable.

        Raises:
            Interruption: it cannot be resumed, or a stop was asked for.
        """
        while True:
            try:
                upgrade()
            except Exception as error:
                if self._interruption:
                    raise self._interruption from error
                if not self._start_over(error):
                    raise
            else:
                break
        if self._interruption:
            raise self._interruption
        if self.history.replaying:
            raise self.refuse("it ended before the last statement on record")
        self._recording = False
        if self._autocommit():
            self._session.begin()  # for Alembic's stamp and the end of the record

    def finish(self, seconds: float) -> None:
        """The version is stamped: the revision is done, in the same transaction."""
        self._record.finish(self.done, seconds)
        if self._autocommit():
            ask(self._real, "COMMIT")

    # ------------------------------------------------------------ the carrier of its connection

    def execute(self, sql: str, parameters: Any, run: Run) -> StatementResult:
        """Run a statement, or give the answer that is on record."""
        if self._interruption:
            raise self._interruption
        if self._unsettled:
            self._settle()
        self.running, self.since = sql, time.monotonic()
        answer = self._carry_out(sql, parameters, run) if self._recording else self._counted(self._patiently(run))
        self.running = ""
        return answer

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit what was done with its record."""
        if self._unsettled:
            self._settle()
        if self._recording and not self.history.replaying:
            self._record.save()
        self._patiently(commit)
        self._ended()
        self.history.committed()

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back what was done and its record; the revision has seen the answers, so they are written again."""
        if self._unsettled:
            self._settle()
        rollback()
        self._ended()
        self._record.rolled_back()

    # ------------------------------------------------------------ statements

    def _carry_out(self, sql: str, parameters: Any, run: Run) -> StatementResult:
        statement = self._session.read(sql)
        if statement.kind is Kind.SAVEPOINT:
            self._open(statement, sql)
        if statement.kind in (Kind.PASSING, Kind.SAVEPOINT):
            answer = run()
            if statement.undoes:
                self._record.unwritten()
            return answer
        self._lost = False
        if statement.kind in (Kind.COMMIT, Kind.ROLLBACK):
            return self._end(statement.kind, run)
        if self.history.replaying:
            return self._counted(self._replay(digest_of(sql, parameters), statement, run))
        if self.history.skipped and statement.needs_session and not self._keyed:
            raise self.refuse(f"its next statement needs the session that is gone: {sql[:200]}")
        return self._counted(
            self._live(
                statement,
                Step(0, statement.kind, sql, Outcome.DONE, parameters, line=running_line(self.about.path)),
                run,
            )
        )

    def _counted(self, answer: StatementResult) -> StatementResult:
        self.done += 1
        return answer

    def _end(self, kind: Kind, run: Run) -> StatementResult:
        """A COMMIT or ROLLBACK in words."""
        answers: list[StatementResult] = []
        (self.commit if kind is Kind.COMMIT else self.rollback)(lambda: answers.append(run()))
        return answers[0]

    def _replay(self, digest: str, statement: Statement, run: Run) -> StatementResult:
        try:
            step = self.history.next(digest)
        except ChangedError as changed:
            raise self.refuse(f"its statement {changed} is another one than that which was run") from None
        if step.outcome in (Outcome.FAILED, Outcome.PENDING):  # pending: of an error that may have left something
            raise self._error(step.answer)
        self._record.bind(statement)
        if step.kind is Kind.SESSION:
            return run()
        try:
            return StatementResult.of(step.answer) if step.answer else StatementResult()
        except ResultTooLarge as digest_kept:
            answer = run()
            if answer.digest() != str(digest_kept):
                raise self.refuse(f"its statement {step.index} reads something else than before") from None
            return answer

    def _live(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        if statement.kind in (Kind.DEFINITION, Kind.OPAQUE):
            return self._irrevocably(statement, step, run)
        if statement.kind is Kind.WRITE and self._autocommit():
            return (self._blindly if statement.compound else self._in_own_transaction)(statement, step, run)
        if statement.outside and self._session.began_for_definitions():
            self.commit(self._real.commit)
        try:
            self._open(statement, step.statement)
            answer = self._patiently(run)
        except Exception as error:
            self._failed(step, error)
            raise
        self._succeeded(statement, step, answer)
        self.history.add(step)
        return answer

    def _open(self, statement: Statement, sql: str) -> None:
        """What is ours in a transaction stands before what is the revision's, and before its savepoints as well."""
        if self._autocommit():
            return
        if self._session.savepoint and not self._savepoint:
            self._record.begin()
            ask(self._real, "SAVEPOINT orchestrator")
            self._savepoint = True
        if statement.kind in (Kind.WRITE, Kind.SAVEPOINT):
            self._patiently(lambda: self._session.before_write(sql))
            self._record.begin()

    def _irrevocably(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """What ends the transaction, or is in none: first the record that it begins, then the statement."""
        step.outcome = Outcome.PENDING
        step.before = {name: self._record.definition(name) for name in statement.objects}
        self.history.add(step)
        self._record.save()
        if statement.outside:
            ask(self._real, "COMMIT")  # nothing would roll it back together with its record
        try:
            answer = self._definitely(run, statement)
        except Exception as error:
            self._broke_off(statement, step, error)
            raise
        self._record.defined(statement)
        self._succeeded(statement, step, answer)
        if statement.kind is Kind.DEFINITION:
            self.history.committed()
        elif statement.compound:
            self._unsettled = True
        else:
            self._settle(outside=statement.outside)
        return answer

    def _settle(self, *, outside: bool = False) -> None:
        """Note what became of the transaction; not before the next statement, as that one may have further results."""
        self._unsettled = False
        try:
            committed = outside or self._autocommit() or not self._session.in_transaction()
        except Exception:
            self._nobody_knows()
            raise
        if committed:
            self.history.committed()
            self._record.save()
            ask(self._real, "COMMIT")

    def _blindly(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """In autocommit mode: what may have transactions of its own."""
        return self._irrevocably(replace(statement, kind=Kind.OPAQUE), replace(step, kind=Kind.OPAQUE), run)

    def _definitely(self, run: Run, statement: Statement) -> StatementResult:
        if statement.compound:
            return run()
        with self._session.lock_limit(self._patience.budget_seconds) if statement.gentle else contextlib.nullcontext():
            return self._patiently(run, statement)

    def _in_own_transaction(self, statement: Statement, step: Step, run: Run) -> StatementResult:
        """In autocommit mode: the statement and its record, together."""
        while True:
            self._session.begin()
            try:
                answer = run()
            except Exception as error:
                ask(self._real, "ROLLBACK")
                if self._session.refuses_transactions(error):
                    return self._blindly(statement, step, run)
                if self._others_fault(error) and self._wait():
                    continue
                self._failed(step, error)
                raise
            break
        self._succeeded(statement, step, answer)
        self.history.add(step)
        self._record.save()
        ask(self._real, "COMMIT")
        self.history.committed()
        return answer

    def _patiently(self, run: Callable[[], T], statement: Statement | None = None) -> T:
        """Again, when it gave up waiting for a lock and so did nothing."""
        while True:
            try:
                return run()
            except Exception as error:
                alone = not self._session.savepoint or self._autocommit()
                met = self._others_fault(error) if statement else self._session.met_lock_limit(error)
                if not (alone and met):
                    raise
                # What is gentle has waited for as long as the budget is.
                self.gave_up = bool(statement and statement.gentle and self._session.met_lock_limit(error))
                if not self._cleared(statement) or self.gave_up or not self._wait():
                    raise

    def _cleared(self, statement: Statement | None) -> bool:
        """Whether nothing is left of what was broken off; a ruin may be in use, too."""
        try:
            for name in statement.objects if statement else ():
                self._session.clear(name)
        except Exception as error:  # noqa: BLE001  # nobody wants to know it besides the error that there is
            _logger.debug("A ruin stays: %s", error)
            return False
        return True

    def _start_over(self, error: Exception) -> bool:
        """After an error that undid the whole transaction, or makes it unusable, though nothing is wrong with it."""
        lost = self._lost or self._session.lost_transaction(error)
        bound = self._record.bound and not self._session.savepoint  # there it is undone, too
        if not lost or bound or self._autocommit() or (self._session.savepoint and not self._savepoint):
            return False
        ask(self._real, "ROLLBACK TO SAVEPOINT orchestrator" if self._savepoint else "ROLLBACK")
        if not self._wait():
            return False
        self._record.start_over()
        self.done, self.running, self._keyed, self._lost = 0, "", False, False
        return True

    # ------------------------------------------------------------ smaller things

    def _others_fault(self, error: Exception) -> bool:
        """Whether a statement with a transaction to itself may be run again."""
        return self._session.met_lock_limit(error) or self._session.lost_transaction(error)

    def _wait(self) -> bool:
        try:
            self.gave_up = not self._patience.wait(self.revision, self.done + 1)
        except MigrationAborted as stopped:
            self._interruption = stopped
            raise
        return not self.gave_up

    def refuse(self, reason: str) -> MigrationAborted:
        """From now on nothing is run any more, whatever the revision catches."""
        self._interruption = MigrationAborted(NotResumable(reason))
        return self._interruption

    def _succeeded(self, statement: Statement, step: Step, answer: StatementResult) -> None:
        step.ended(Outcome.DONE, answer)
        self._keyed = self._keyed or bool(answer.lastrowid)
        self._record.bind(statement)
        if step.index:
            self.history.changed(step)

    def _failed(self, step: Step, error: Exception) -> None:
        """The revision may get over it, so it is part of the record."""
        step.ended(Outcome.FAILED, error)
        self.history.add(step)
        self._lost = self._session.lost_transaction(error)
        if self._lost and not self._session.savepoint:
            self._record.rolled_back()

    def _broke_off(self, statement: Statement, step: Step, error: Exception) -> None:
        """Whether it left something, and whether what was before it is committed, is asked; else nobody knows."""
        try:
            committed = self._autocommit() or (self._session.commits_definitions and not self._session.in_transaction())
            left = {name: self._session.look(name) for name in statement.objects} != step.before
        except Exception:  # noqa: BLE001  # the connection is gone, or the transaction is broken
            self._nobody_knows()
            return
        nothing_done = statement.kind is Kind.DEFINITION and not left
        step.ended(Outcome.FAILED if nothing_done else Outcome.PENDING, error)
        self.history.changed(step)
        self._record.redefined(statement.objects)
        if committed:
            self.history.committed()
            self._record.save()
            ask(self._real, "COMMIT")

    def _nobody_knows(self) -> None:
        """The connection is gone: what may be in the database for good is told as being there."""
        if self._session.commits_definitions or self._autocommit():
            self.history.committed()

    def _ended(self) -> None:
        self._savepoint = False

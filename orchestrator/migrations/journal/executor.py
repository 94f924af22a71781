"""Runs a revision's statements so that the journal always shows which of them are durable.

A statement's journal row becomes durable in the same transaction as its effects. If the statement ends the transaction
(DDL on MySQL), its row is written before it as pending, and becomes durable by the same implicit commit.
"""

import contextlib
import functools
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.databases.statements import SHORT, Kind, Statement
from orchestrator.migrations.journal.autocommit import Autocommit
from orchestrator.migrations.journal.dbapi_proxy import Call, Run
from orchestrator.migrations.journal.durable_mark import DurableMark
from orchestrator.migrations.journal.elsewhere import Elsewhere
from orchestrator.migrations.journal.irrevocable import Irrevocable
from orchestrator.migrations.journal.lock_check import LockCheck
from orchestrator.migrations.journal.running_line import RunningLine
from orchestrator.migrations.journal.state import Phase, RevisionState
from orchestrator.migrations.journal.statement_log import ChangedError
from orchestrator.migrations.journal.steps import StatementResult, Step
from orchestrator.migrations.journal.transactional import Transactional
from orchestrator.migrations.journal.waits import LockWaits

# Reads may depend on concurrent changes, and SQLAlchemy numbers its savepoints.
_CHANGES_NOTHING = re.compile(
    r"\s*(?:select|show|explain|pragma|set|savepoint|release|rollback|commit|begin|start)\b", re.IGNORECASE
)
_ROWS = re.compile(r"\s*((?:insert|update|delete|replace)\s+\S+(?:\s+\S+)?)", re.IGNORECASE)


class Executor:
    """The statements of one revision; implements `dbapi_proxy.Carrier`.

    Attributes:
        transactional: runs statements in the open transaction.
        irrevocable: runs those that no rollback undoes.
        elsewhere: notes what is done beside the connection.
    """

    def __init__(self, state: RevisionState, lock: LockCheck, waits: LockWaits, mark: DurableMark) -> None:
        self._state, self._log, self._session = state, state.log, state.session
        self._lock, self._waits = lock, waits
        self.transactional = Transactional(state, waits)
        self.elsewhere = Elsewhere(state, self.transactional, mark)
        self.irrevocable = Irrevocable(state, waits, self.elsewhere)
        self._autocommit = Autocommit(state, waits, self.irrevocable, self.transactional)
        self._line = RunningLine(state.about.path)
        self._ran_live = False
        self._seen: Mapping[str, str] | None = None  # by the check of the definition right before this statement

    # ------------------------------------------------------------ the carrier of its connection

    def execute(self, call: Call) -> StatementResult:
        """Run a statement, or return the numbers in the journal.

        Raises:
            MigrationAborted: the revision was aborted, or is now.
            Exception: the driver's.
        """
        if self._state.aborted:
            raise self._state.aborted
        self._count(call)
        now, rests_since = time.monotonic(), self._lock.guard.rests_since
        try:
            return self._carry_out(call)
        except Exception as error:
            self._lock.explain(error, now - (rests_since or now))
            raise

    def commit(self, commit: Callable[[], None]) -> None:
        """Commit the changes together with the log."""
        self.irrevocable.settle()
        if self._state.phase is Phase.RUNNING:
            self._log.save()
        self.transactional.commit(commit)

    def rollback(self, rollback: Callable[[], None]) -> None:
        """Roll back the changes and the log."""
        with contextlib.suppress(Exception):  # if the connection is gone, the rollback raises
            self.irrevocable.settle()
        rollback()
        self.transactional.ended()
        if self._state.phase is not Phase.REPLAYING:
            self._log.rolled_back()

    def used_elsewhere(self, what: str) -> None:
        """Journal a change that no rollback undoes before it happens: by another connection, a process, a thread.

        Raises:
            MigrationAborted: statements are being skipped, and the change would be made a second time.
        """
        if self.elsewhere.busy:
            return  # that is the record's own connection
        state = self._state
        if state.aborted:
            raise state.aborted
        self._lock.distrust()
        if state.phase is Phase.REPLAYING:
            raise state.refuse(f"{what}, of which nothing is on record")
        if state.phase is Phase.RUNNING:
            self.elsewhere.note(what)

    def start_over(self) -> None:
        """Begin again from the top."""
        self._log.start_over()
        self._state.done, self._state.running, self._ran_live = 0, "", False
        self._line.forget()

    def ended(self) -> None:
        """Check the last statement's result: `upgrade` has returned."""
        self._line.forget()
        self.irrevocable.settle()

    # ------------------------------------------------------------ statements

    def _carry_out(self, call: Call) -> StatementResult:
        """Classify a statement, after the result of the one before it is checked, and run it."""
        state, statement = self._state, self._session.read(call.sql)
        self._seen = None
        if self.irrevocable.unsettled and not statement.needs_session:
            self._seen = self.irrevocable.settle()
            statement = self._session.read(call.sql)  # its table may be known only now as one without transactions
        state.running, state.since, state.index = call.sql, time.monotonic(), state.done + 1
        state.several, run = call.several, functools.partial(self._lock.run, call)
        if state.phase is Phase.STAMPING:
            result = self._waits.run(run)
            state.done += 1
        else:
            result = self._execute(statement, call, run)
        state.running = ""
        return result

    def _count(self, call: Call) -> None:
        """Count a statement that changes something: another run of `upgrade` must contain it.

        Changes of rows are counted by their table, because there may be a million.
        """
        rows = _ROWS.match(call.sql)
        if not rows and _CHANGES_NOTHING.match(call.sql):
            return
        kind = rows[1] if rows else call.sql
        key = kind, len(call.parameters) if isinstance(call.parameters, list) else 1
        ran = self._state.ran
        if key not in ran:
            self._state.texts.setdefault(key, call.sql[:200])
        ran[key] += 1

    def _execute(self, statement: Statement, call: Call, run: Run) -> StatementResult:
        if statement.kind is Kind.SAVEPOINT:
            return self._savepoint(statement, call.sql, run)
        if statement.outside and self._session.began_for_definitions():
            self.elsewhere.commit()
        if statement.kind is Kind.ENVIRONMENT:
            return run()
        if statement.kind in (Kind.COMMIT, Kind.ROLLBACK):
            return self._end_transaction(statement.kind, run)
        if self._state.phase is Phase.REPLAYING:
            result = self._replay(statement, call, run)
        else:
            result = self._live(statement, call, run)
        self._state.done += 1
        return result

    def _live(self, statement: Statement, call: Call, run: Run) -> StatementResult:
        """Run a statement for the first time: prepare the journal, give it to its strategy, and note a read."""
        log, kind = self._log, statement.kind
        if log.skipped and statement.needs_session and not self._ran_live:
            raise self._state.refuse(f"its next statement needs the session that is gone: {self._shown(call.sql)}")
        self._ran_live = True
        if log.is_large and not statement.needs_session:
            log.limit_memory()
        if statement.outside and kind in (Kind.READ, Kind.WRITE):
            self.elsewhere.before_row_change(call.sql)
        step = self._step(kind, call)
        try:
            if kind in (Kind.DEFINITION, Kind.OPAQUE):
                result = self.irrevocable.execute(statement, step, run, self._seen)
            elif self._session.autocommit():
                result = self._autocommit.execute(statement, step, run)
            else:
                result = self.transactional.execute(statement, call.sql, step, run)
        finally:
            if statement.drops:
                log.may_drop(statement.objects)
        if kind is Kind.READ or result.description is not None:
            self._state.has_read(step)
        return result

    def _step(self, kind: Kind, call: Call) -> Step:
        sql, mask = call.sql, None if kind is Kind.DEFINITION else self._session.without_literals
        step = Step(0, kind, sql, digest=digest_of(sql, call.parameters), line=self._line.now(), mask=mask)
        if len(sql) > SHORT:
            step.shorten()
        return step

    def _replay(self, statement: Statement, call: Call, run: Run) -> StatementResult:
        """Skip a statement that the journal has, and return its numbers; a setting is made again."""
        try:
            step = self._log.next(digest_of(call.sql, call.parameters))
        except ChangedError as changed:
            reason = f"its statement {changed} is not the one that was run: {self._shown(call.sql)}"
            raise self._state.refuse(reason) from None
        result = run() if statement.kind is Kind.SETTING else step.result
        if not self._log.replaying:
            self._caught_up()
        return result

    def _shown(self, sql: str) -> str:
        return self._session.without_literals(sql)[:200]

    def _caught_up(self) -> None:
        """Check, before the next statement runs, that the session is as it was."""
        self._state.enter(Phase.RUNNING)
        if difference := self._log.state_differs():
            raise self._state.refuse(f"its session is not as it was: {difference}")

    def _savepoint(self, statement: Statement, sql: str, run: Run) -> StatementResult:
        if self._state.phase is Phase.RUNNING and not statement.undoes and not self._session.autocommit():
            self.transactional.open(statement, sql)
        result = run()
        if statement.undoes:
            self._log.unwritten()
            self._log.unprovable("it rolled back to a savepoint")
        return result

    def _end_transaction(self, kind: Kind, run: Run) -> StatementResult:
        """Run a COMMIT or ROLLBACK statement."""
        results: list[StatementResult] = []
        (self.commit if kind is Kind.COMMIT else self.rollback)(lambda: results.append(run()))
        return results[0]


def digest_of(sql: str, parameters: Any) -> str:
    """Return a hash of a statement and its parameters."""
    return hashlib.sha256(f"{sql}\0{parameters!r}".encode("utf-8", "surrogatepass")).hexdigest()

"""Lock waits: runs a statement again that gave up waiting and so did nothing."""

import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

from orchestrator.databases.statements import RecordedSession, Statement
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.state import RevisionState

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class LockWaits:
    """The lock waits of a revision.

    Attributes:
        gave_up: whether another session held a lock for longer than the budget.
        statement_index: the number of the running statement, from 1.
    """

    def __init__(self, revision: str, retry: LockRetry, session: RecordedSession, state: RevisionState) -> None:
        self.gave_up = False
        self.statement_index = 1
        self._revision, self._retry, self._session, self._state = revision, retry, session, state

    @property
    def autocommit(self) -> bool:
        """Return whether the next statement commits by itself."""
        return self._session.autocommit()

    def run(self, run: Callable[[], T]) -> T:
        """Run a statement in a transaction; again as long as the lock wait undid only the statement."""
        while True:
            try:
                return run()
            except Exception as error:
                alone = not self._session.savepoint or self.autocommit
                if not (alone and self._session.met_lock_limit(error)):
                    raise
                self.gave_up = False
                if not self.wait():
                    raise

    def run_definition(self, run: Callable[[], T], statement: Statement) -> T:
        """Run a statement without a transaction; again as long as it did nothing, or its leftover can be dropped."""
        patient = statement.long_lock_wait_ok
        limit = self._session.lock_limit(self._retry.budget_seconds) if patient else contextlib.nullcontext()
        with limit:
            while True:
                try:
                    return run()
                except Exception as error:
                    alone = not self._session.savepoint or self.autocommit
                    if not (alone and self.others_fault(error)):
                        raise
                    # A statement with a long lock wait has already waited for the whole budget.
                    self.gave_up = patient and self._session.met_lock_limit(error)
                    if not self._cleared(statement) or self.gave_up or not self.wait():
                        raise

    def others_fault(self, error: Exception) -> bool:
        """Return whether a statement in a separate transaction may be run again."""
        return self._session.met_lock_limit(error) or self._session.lost_transaction(error)

    def wait(self) -> bool:
        """Pause before another try; return False if the budget is spent.

        Raises:
            MigrationAborted: a stop was requested.
        """
        try:
            self.gave_up = not self._retry.wait(self._revision, self.statement_index)
        except MigrationAborted as stopped:
            raise self._state.abort(stopped) from None
        return not self.gave_up

    def _cleared(self, statement: Statement) -> bool:
        try:
            for name in statement.objects:
                self._session.clear(name)
        except Exception as error:  # noqa: BLE001  # the statement's own error says more
            _logger.debug("A leftover stays: %s", error)
            return False
        return True

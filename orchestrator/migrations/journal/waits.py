"""Lock waits: runs a statement again that gave up waiting and so did nothing."""

import logging
from collections.abc import Callable
from typing import TypeVar

from orchestrator.databases.statements import Statement
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.state import RevisionState

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class LockWaits:
    """The lock waits of a revision.

    Attributes:
        budget_seconds: how long one statement may be tried.
    """

    def __init__(self, state: RevisionState, retry: LockRetry) -> None:
        self.budget_seconds = retry.budget_seconds
        self._state, self._session, self._retry = state, state.session, retry

    def run(self, run: Callable[[], T]) -> T:
        """Run a statement in a transaction; again as long as the lock wait undid only the statement."""
        while True:
            try:
                return run()
            except Exception as error:
                if not (self._undid_only_it() and self._session.met_lock_limit(error)):
                    raise
                self._state.gave_up = False
                if not self.wait():
                    raise

    def may_run_again(self, statement: Statement, error: Exception, *, alone: bool) -> bool:
        """Return, after a pause, whether a statement did nothing, or its leftover was dropped.

        `alone`: nothing that a deadlock would undo is in its transaction.
        """
        theirs = self.others_fault(error) if alone else self._session.met_lock_limit(error)
        if not (self._undid_only_it() and theirs):
            return False
        # A statement with a long lock wait has already waited for the whole budget.
        self._state.gave_up = statement.long_lock_wait_ok and self._session.met_lock_limit(error)
        return self._cleared(statement) and not self._state.gave_up and self.wait()

    def others_fault(self, error: Exception) -> bool:
        """Return whether a statement in a separate transaction may be run again."""
        return self._session.met_lock_limit(error) or self._session.lost_transaction(error)

    def wait(self) -> bool:
        """Pause before another try; return False if the budget is spent.

        Raises:
            MigrationAborted: a stop was requested.
        """
        state = self._state
        try:
            state.gave_up = not self._retry.wait(state.about.revision, state.index)
        except MigrationAborted as stopped:
            raise state.abort(stopped) from None
        return not state.gave_up

    def _undid_only_it(self) -> bool:
        return not self._session.savepoint or self._session.autocommit()

    def _cleared(self, statement: Statement) -> bool:
        try:
            for name in statement.objects:
                self._session.clear(name)
        except Exception as error:  # noqa: BLE001  # the statement's own error says more
            _logger.debug("A leftover stays: %s", error)
            return False
        return True

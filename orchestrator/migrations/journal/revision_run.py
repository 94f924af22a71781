"""Runs one revision: its `upgrade`, again from the top if another session undid its transaction, and then its stamp."""

from orchestrator.migrations.journal.durable_mark import DurableMark
from orchestrator.migrations.journal.executor import Executor
from orchestrator.migrations.journal.lock_check import LockCheck
from orchestrator.migrations.journal.lock_retry import LockRetry
from orchestrator.migrations.journal.rerun import RepeatableUpgrade
from orchestrator.migrations.journal.state import Phase, RevisionState
from orchestrator.migrations.journal.waits import LockWaits


class RevisionRun:
    """One run of a revision.

    Attributes:
        executor: runs its statements.
    """

    def __init__(
        self, state: RevisionState, upgrade: RepeatableUpgrade, lock: LockCheck, retry: LockRetry, mark: DurableMark
    ) -> None:
        self._state, self._upgrade, self._lock = state, upgrade, lock
        self._waits = LockWaits(state, retry)
        self.executor = Executor(state, lock, self._waits, mark)

    def upgrade(self) -> None:
        """Run the revision's `upgrade`, until its statements have run and are on record.

        Raises:
            MigrationAborted: it cannot be resumed, or a stop was requested.
        """
        state, executor = self._state, self.executor
        while True:
            state.enter(Phase.REPLAYING if state.log.replaying else Phase.RUNNING)
            try:
                self._upgrade()
            except Exception as error:
                if state.aborted:
                    raise state.aborted from error
                if not (executor.transactional.undo(error) and self._waits.wait()):
                    executor.elsewhere.failed(error)
                    raise
                executor.start_over()
            else:
                break
        if state.aborted:
            raise state.aborted
        if state.log.replaying:
            raise state.refuse("it ended before the last statement on record")
        executor.ended()
        state.enter(Phase.STAMPING)
        self._lock.needed = False
        if state.session.autocommit():
            state.session.begin()  # for Alembic's stamp and the end of the log

    def finish(self, seconds: float) -> None:
        """Finish the log in the transaction in which the version is stamped."""
        self._state.log.finish(self._state.done, seconds)
        if self._state.session.autocommit():
            self._state.session.ask("COMMIT")

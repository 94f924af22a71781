"""What no rollback of the revision undoes: it is on record before it happens."""

import contextlib
import threading

from sqlalchemy.exc import MissingGreenlet

from orchestrator.migrations.journal.durable_mark import DurableMark
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.transactional import Transactional


class Elsewhere:
    """Makes the reason durable that a revision cannot be resumed."""

    def __init__(self, state: RevisionState, transactional: Transactional, mark: DurableMark) -> None:
        self._log, self._session, self._real = state.log, state.session, state.real
        self._transactional, self._mark = transactional, mark
        self._thread = threading.get_ident()

    @property
    def busy(self) -> bool:
        """Whether the mark is being written, on another connection, and perhaps in a thread."""
        return self._mark.busy

    def note(self, what: str) -> None:
        """Something is about to be done beside the migrating connection."""
        log = self._log
        log.unprovable(what, side_effect=True)
        if log.refused_for_good or self._mark.write(what) or threading.get_ident() != self._thread:
            return
        with contextlib.suppress(MissingGreenlet):  # an asynchronous driver does not answer in its event loop
            log.save(always=True)  # so that it is durable as soon as something of this transaction is
            if log.left_something and not self._transactional.has_savepoint:
                self.commit()

    def before_row_change(self, sql: str) -> None:
        """Prepare for a statement that a rollback does not undo although the transaction stays open."""
        shown = self._session.without_literals(sql)[:200]
        self.note(f"it ran a statement that its transaction does not hold: {shown}")
        self._transactional.release()

    def before_opaque(self) -> None:
        """A statement is about to run that this transaction may not hold: it is on record before.

        By a commit, unless that would keep rows that the revision, or a deadlock, may still roll back.
        """
        log, may_commit = self._log, not self._transactional.has_savepoint
        holds_changes = any(step.changes for step in log.steps[log.durable : -1])
        if may_commit and not holds_changes:
            self.commit()
        elif not log.refused_for_good:
            if self._mark.write(log.reason):
                log.stays = True
            elif may_commit:
                self.commit()

    def commit(self) -> None:
        """Commit what is on record."""
        self._transactional.commit(self._real.commit)

    def failed(self, error: Exception) -> None:
        """Remove the mark if nothing stays in this database.

        The next start then runs the revision again, like plain Alembic. A lost connection does not count as a failure:
        nothing would be repaired, and the revision would run again at once.
        """
        if not (self._log.left_something or getattr(error, "connection_invalidated", False)):
            self._mark.remove()

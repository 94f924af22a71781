"""The state of a running revision: one phase, and one function that changes it."""

import enum

from orchestrator.migrations.journal.lock_retry import MigrationAborted


class Phase(enum.Enum):
    """The phase of a revision."""

    REPLAYING = "replaying"  # its statements are journalled: they are compared, but not run
    RUNNING = "running"  # its statements are run and journalled
    STAMPING = "stamping"  # `upgrade()` has returned: Alembic stamps the version
    ABORTED = "aborted"  # no statement runs any more, even if the revision catches the exception


_NEXT = {
    Phase.REPLAYING: {Phase.REPLAYING, Phase.RUNNING, Phase.ABORTED},
    Phase.RUNNING: {Phase.REPLAYING, Phase.RUNNING, Phase.STAMPING, Phase.ABORTED},
    Phase.STAMPING: {Phase.ABORTED},
    Phase.ABORTED: {Phase.ABORTED},
}


class RevisionState:
    """The phase of a revision, and the exception that aborted it."""

    def __init__(self) -> None:
        self.phase = Phase.RUNNING
        self._aborted: MigrationAborted | None = None

    def enter(self, phase: Phase) -> None:
        """Change to another phase."""
        assert phase in _NEXT[self.phase], f"{self.phase} -> {phase}"  # noqa: S101  # a mistake in our own code
        self.phase = phase

    def abort(self, cause: MigrationAborted) -> MigrationAborted:
        """Run no further statement; return the exception to raise."""
        self.enter(Phase.ABORTED)
        self._aborted = self._aborted or cause
        return self._aborted

    def check(self) -> None:
        """Raise the exception that aborted the revision, if any.

        Raises:
            MigrationAborted: the revision was aborted.
        """
        if self._aborted:
            raise self._aborted

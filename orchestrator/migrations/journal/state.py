"""The state of one revision while it runs: one phase, and one way to change it."""

import enum

from orchestrator.migrations.journal.lock_retry import MigrationAborted


class Phase(enum.Enum):
    """What a revision does now."""

    REPLAYING = "replaying"  # its statements are on record: they are compared and not run
    RUNNING = "running"  # its statements are run and recorded
    STAMPING = "stamping"  # `upgrade()` has returned: Alembic stamps the version
    ABORTED = "aborted"  # nothing is run any more, whatever the revision catches


_NEXT = {
    Phase.REPLAYING: {Phase.REPLAYING, Phase.RUNNING, Phase.ABORTED},
    Phase.RUNNING: {Phase.REPLAYING, Phase.RUNNING, Phase.STAMPING, Phase.ABORTED},
    Phase.STAMPING: {Phase.ABORTED},
    Phase.ABORTED: {Phase.ABORTED},
}


class RevisionState:
    """The phase of one revision, and what aborted it."""

    def __init__(self) -> None:
        self.phase = Phase.RUNNING
        self._aborted: MigrationAborted | None = None

    def enter(self, phase: Phase) -> None:
        """Go to another phase."""
        assert phase in _NEXT[self.phase], f"{self.phase} -> {phase}"  # noqa: S101  # a mistake in our own code
        self.phase = phase

    def abort(self, cause: MigrationAborted) -> MigrationAborted:
        """Run nothing any more; return what is to be raised."""
        self.enter(Phase.ABORTED)
        self._aborted = self._aborted or cause
        return self._aborted

    def check(self) -> None:
        """Raise what aborted the revision.

        Raises:
            MigrationAborted: something did.
        """
        if self._aborted:
            raise self._aborted

"""The state of a running revision."""

import enum

from orchestrator.migrations.journal.lock_retry import MigrationAborted


class Phase(enum.Enum):
    """The phase of a revision."""

    REPLAYING = "replaying"  # its statements are journalled: they are compared, but not run
    RUNNING = "running"  # its statements are run and journalled
    STAMPING = "stamping"  # `upgrade()` has returned: Alembic stamps the version
    ABORTED = "aborted"  # no statement runs any more, even if the revision catches the exception


class RevisionState:
    """The phase of a revision, and the exception that aborted it.

    Attributes:
        phase: what it does now.
    """

    def __init__(self) -> None:
        self.phase = Phase.RUNNING
        self._aborted: MigrationAborted | None = None

    def abort(self, cause: MigrationAborted) -> MigrationAborted:
        """Run no further statement; return the exception to raise."""
        self.phase = Phase.ABORTED
        self._aborted = self._aborted or cause
        return self._aborted

    def check(self) -> None:
        """Raise the exception that aborted the revision, if any.

        Raises:
            MigrationAborted: the revision was aborted.
        """
        if self._aborted:
            raise self._aborted

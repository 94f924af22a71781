"""The state of a running revision: the parts of the executor share it, and the failure event is made from it."""

import enum
from collections import Counter
from typing import Any

from orchestrator.databases.statements import RecordedSession
from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.journal.resume import NotResumable
from orchestrator.migrations.journal.statement_log import StatementLog
from orchestrator.migrations.journal.steps import Step
from orchestrator.migrations.journal.store import RevisionInfo


class Phase(enum.Enum):
    """The phase of a revision."""

    REPLAYING = "replaying"  # its statements are journalled: they are compared, but not run
    RUNNING = "running"  # its statements are run and journalled
    STAMPING = "stamping"  # `upgrade()` has returned: Alembic stamps the version
    ABORTED = "aborted"  # no statement runs any more, even if the revision catches the exception


class RevisionState:
    """One revision on one connection.

    Attributes:
        about: the revision, and who applies it.
        log: its statements.
        session: the session of its connection.
        real: the driver's connection.
        same_script: whether the log belongs to the current version of the script.
        phase: what it does now; set by `enter` and `abort`.
        aborted: the exception that aborted it.
        done: how many statements succeeded, including reads and replayed ones.
        index: the number of the running statement, or of the last one, from 1.
        running: SQL of the running or failed statement; empty between two.
        since: when it began, by time.monotonic().
        several: whether it is run for several sets of parameters, so that an error may leave the first ones.
        ran: how often each statement that changes something was run, since `upgrade` began, and with how many rows.
        texts: the beginning of the first statement of each kind in `ran`.
        gave_up: whether another session held a lock for longer than the budget.
    """

    def __init__(
        self, about: RevisionInfo, log: StatementLog, session: RecordedSession, real: Any, *, same_script: bool
    ) -> None:
        self.about, self.log, self.session, self.real = about, log, session, real
        self.same_script = same_script
        self.phase = Phase.RUNNING
        self.aborted: MigrationAborted | None = None
        self.done, self.index, self.running, self.since = 0, 1, "", 0.0
        self.ran: Counter[tuple[str, int]] = Counter()
        self.texts: dict[tuple[str, int], str] = {}
        self.several = self.gave_up = False

    def enter(self, phase: Phase) -> None:
        """Begin a phase.

        Raises:
            MigrationAborted: the revision was aborted.
        """
        if self.aborted:
            raise self.aborted
        self.phase = phase

    def abort(self, cause: MigrationAborted) -> MigrationAborted:
        """Run no further statement, even if the revision catches the exception; return the exception to raise."""
        self.phase = Phase.ABORTED
        self.aborted = self.aborted or cause
        return self.aborted

    def refuse(self, reason: str) -> MigrationAborted:
        """Return the exception to raise if the revision cannot be resumed."""
        return self.abort(MigrationAborted(NotResumable(reason)))

    def has_read(self, step: Step) -> None:
        """Note that the revision reads: the result may decide its next steps, and is not stored."""
        where = f" (line {abs(step.line)})" if step.line else ""
        self.log.unprovable(f"it read from the database{where}: {step.statement[:200]}")

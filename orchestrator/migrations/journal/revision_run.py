"""The state that the parts of the executor share: a revision on a connection."""

from dataclasses import dataclass
from typing import Any

from orchestrator.databases.statements import Kind, RecordedSession, Statement
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.statement_log import StatementLog
from orchestrator.migrations.journal.steps import Step
from orchestrator.migrations.journal.waits import LockWaits


@dataclass(frozen=True)
class RevisionRun:
    """A revision on a connection.

    Attributes:
        real: the driver's connection.
    """

    real: Any
    session: RecordedSession
    log: StatementLog
    waits: LockWaits

    def note_answer(self, statement: Statement, result: StatementResult, step: Step) -> None:
        """Note that the revision reads: the result may decide its next steps, and is not stored."""
        if statement.kind is Kind.READ or result.description is not None:
            where = f" (line {abs(step.line)})" if step.line else ""
            self.log.unprovable(f"it read from the database{where}: {step.statement[:200]}")

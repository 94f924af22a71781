"""A carrier that runs everything and notes it."""

from typing import Any

from orchestrator.migrations.journal.dbapi_proxy import Call
from orchestrator.migrations.journal.steps import StatementResult


class Carrier:
    """Runs everything, and notes it.

    Attributes:
        seen: Statements with their parameters, `COMMIT` and `ROLLBACK`, and actions outside the connection.
        answer: The result to return without running the statement; None: run it.
    """

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.answer: StatementResult | None = None

    def execute(self, call: Call) -> StatementResult:
        """Run it, or give the answer."""
        self.seen.append((call.sql, call.parameters))
        if self.answer:
            return self.answer
        returned, cursor = call.execute(), call.cursor
        return StatementResult(
            cursor.description, cursor.rowcount, getattr(cursor, "lastrowid", None), returned=returned
        )

    def commit(self, commit: Any) -> None:
        """Commit."""
        self.seen.append("COMMIT")
        commit()

    def rollback(self, rollback: Any) -> None:
        """Roll back."""
        self.seen.append("ROLLBACK")
        rollback()

    def used_elsewhere(self, what: str) -> None:
        """Note it."""
        self.seen.append(what)

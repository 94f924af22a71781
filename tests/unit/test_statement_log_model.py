"""The record of a revision against a journal that is written, committed and rolled back: what is committed is whole."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.statement_log import Outcome, StatementLog, Step

Rows = dict[int, tuple[str, Outcome, str]]


class Revision(RuleBasedStateMachine):
    """A revision on a server that commits DDL, as its recorder uses the record.

    Attributes:
        tables: What is in the database of its statements, in the transaction and for good.
        journal: The rows of the journal, in the transaction and for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history = StatementLog()
        self.tables: set[str] = set()
        self.durable_tables: set[str] = set()
        self.journal: Rows = {}
        self.durable_journal: Rows = {}
        self.number = 0

    @precondition(lambda self: not self.history.replaying)
    @rule(
        kind=st.sampled_from([Kind.READ, Kind.WRITE, Kind.SESSION]),
        outcome=st.sampled_from([Outcome.DONE, Outcome.FAILED]),
    )
    def run(self, kind: Kind, outcome: Outcome) -> None:
        """A statement that stays in the transaction."""
        step = self._next(kind, outcome)
        self.history.add(step)
        if kind is Kind.WRITE and outcome is Outcome.DONE:
            self.tables.add(step.statement)

    @precondition(lambda self: not self.history.replaying)
    @rule(ends=st.sampled_from(["done", "failed", "refused"]))
    def define(self, ends: str) -> None:
        """DDL: the record before it is committed by it, unless it is refused for its syntax."""
        step = self._next(Kind.DEFINITION, Outcome.PENDING)
        self.history.add(step)
        self.checkpoint()
        if ends != "refused":
            self._commit()
        step.ended(Outcome.DONE if ends == "done" else Outcome.FAILED, StatementResult())
        self.history.changed(step)
        if ends == "done":
            self.durable_tables.add(step.statement)
            self.tables.add(step.statement)
        if ends != "refused":
            self.history.committed()

    @rule()
    def checkpoint(self) -> None:
        """Write what is not written yet, in the transaction."""
        self.journal.update(
            {step.index: (step.statement, step.outcome, step.answer) for step in self.history.unsaved()}
        )

    @precondition(lambda self: not self.history.replaying)
    @rule()
    def commit(self) -> None:
        """By hand, or at the end."""
        self.checkpoint()
        self._commit()
        self.history.committed()

    @rule()
    def roll_back(self) -> None:
        """By hand, or for a deadlock that the revision gets over."""
        self._undo()
        self.history.unwritten()
        self.history.rolled_back()

    @rule()
    def start_over(self) -> None:
        """After a deadlock that it does not get over."""
        self._undo()
        self.history.unwritten()
        self.history.start_over()

    @precondition(lambda self: self.history.replaying)
    @rule()
    def replay(self) -> None:
        """It takes the same path."""
        expected = next(step for step in self.history.steps if step.index == self._replayed() + 1)
        assert self.history.next(expected.digest) is expected

    @precondition(lambda self: not self.history.replaying)
    @rule()
    def look(self) -> None:
        """What is committed is on record as it is, and nothing else."""
        self.commit()
        assert self.durable_journal == {
            step.index: (step.statement, step.outcome, step.answer) for step in self.history.steps
        }
        assert self.durable_tables == {step.statement for step in self.history.steps if step.changes}

    @invariant()
    def what_is_left_is_told(self) -> None:
        """Never that nothing is left when something is."""
        assert self.history.left_something or not self.durable_tables

    def _next(self, kind: Kind, outcome: Outcome) -> Step:
        self.number += 1
        return Step(0, kind, f"statement {self.number}", outcome, result=StatementResult(rowcount=self.number))

    def _commit(self) -> None:
        self.durable_journal, self.durable_tables = dict(self.journal), set(self.tables)

    def _undo(self) -> None:
        self.journal, self.tables = dict(self.durable_journal), set(self.durable_tables)

    def _replayed(self) -> int:
        return self.history._position  # noqa: SLF001 - nobody else has to know


TestRevision = Revision.TestCase

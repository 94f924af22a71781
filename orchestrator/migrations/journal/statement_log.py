"""What one revision has done, statement by statement, and how far that is durable."""

import enum
import functools
from dataclasses import dataclass, field
from typing import Any

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.results import StatementResult, digest_of, kept_error

FEW = 100  # rows or sets of parameters that may be held in memory

_CHANGING = (Kind.WRITE, Kind.DEFINITION, Kind.OPAQUE)  # no set: in Python 3.11 the hash of an enum is slow


class Outcome(enum.Enum):
    """What became of a statement."""

    PENDING = "pending"  # it was begun, and its end is not known
    DONE = "done"
    FAILED = "failed"  # with an error that the revision got over, and nothing done
    UNDONE = "undone"  # rolled back later; the revision saw its answer all the same


@dataclass
class Step:
    """One statement of a revision.

    What it takes to write it down is worked out when it is written down, which for most statements is never.

    Attributes:
        index: which one of its revision, from 1.
        statement: its text.
        parameters: its parameters, until they are known by their digest.
        result: what it answered, or the error that it met, until it is known as text.
        line: of the revision's script; 0 when it is not known.
        before: for a definition, a hash of each object before it; empty text: it did not exist.
        after: the same after it, as soon as that was looked at.
    """

    index: int
    kind: Kind
    statement: str
    outcome: Outcome
    parameters: Any = None
    result: StatementResult | Exception | None = None
    line: int = 0
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    @classmethod
    def recorded(cls, digest: str, answer: str, **known: Any) -> "Step":
        """A step as the journal kept it."""
        step = cls(**known)
        vars(step).update(digest=digest, answer=answer)
        return step

    @functools.cached_property
    def digest(self) -> str:
        """A hash of its text and its parameters."""
        return digest_of(self.statement, self.parameters)

    @functools.cached_property
    def answer(self) -> str:
        """What it answered, or the error that it met, as text."""
        if isinstance(self.result, Exception):
            return kept_error(self.result)
        return self.result.kept() if self.result else ""

    def ended(self, outcome: Outcome, result: StatementResult | Exception) -> None:
        """What became of it."""
        self.outcome, self.result = outcome, result
        vars(self).pop("answer", None)  # as it was written while it was pending

    def lighten(self) -> None:
        """Let go of what is large."""
        if isinstance(self.parameters, list) and len(self.parameters) > FEW:
            self.parameters = self.digest and ()
        if isinstance(self.result, StatementResult) and len(self.result.rows) > FEW:
            self.result = None if self.answer else self.result

    @property
    def changes(self) -> bool:
        """Whether it has, or may have, left something in the database."""
        return self.kind in _CHANGING and self.outcome in (Outcome.PENDING, Outcome.DONE)


class ChangedError(Exception):
    """The revision does not run the statement that is recorded."""


@dataclass
class StatementLog:
    """The steps of one revision: those of a run that was interrupted, which are replayed, and the new ones after them.

    Attributes:
        durable: how many of them are in the database for good.
        skipped: how many of them an earlier run, or attempt, had done.
    """

    steps: list[Step] = field(default_factory=list)
    durable: int = 0
    skipped: int = 0
    _position: int = 0
    _unsaved: set[int] = field(default_factory=set)
    _written: set[int] = field(default_factory=set)  # since the last commit

    @classmethod
    def of(cls, steps: list[Step]) -> "StatementLog":
        """What an earlier run left behind."""
        return cls(steps, durable=len(steps), skipped=len(steps))

    @property
    def replaying(self) -> bool:
        """Whether there is still a recorded statement to come."""
        return self._position < len(self.steps)

    @property
    def left_something(self) -> bool:
        """Whether something of it is, or may be, in the database for good."""
        return any(step.changes for step in self.steps[: self.durable])

    def next(self, digest: str) -> Step:
        """The recorded step for the statement that the revision is about to run.

        Raises:
            ChangedError: it is another statement.
        """
        step = self.steps[self._position]
        if step.digest != digest:
            raise ChangedError(step.index)
        self._position += 1
        return step

    def add(self, step: Step) -> None:
        """Go on by one step."""
        step.index = len(self.steps) + 1
        self.steps.append(step)
        self._position += 1
        step.lighten()
        self.changed(step)

    def changed(self, step: Step) -> None:
        """Its record has to be written again."""
        self._unsaved.add(step.index)

    def unsaved(self) -> list[Step]:
        """What the next checkpoint has to write; it is written, in the open transaction, when this returns."""
        unsaved, self._unsaved = self._unsaved, set()
        self._written |= unsaved
        return [self.steps[index - 1] for index in sorted(unsaved)]

    def committed(self) -> None:
        """Everything so far is durable."""
        self.durable = len(self.steps)
        self._written.clear()

    def unwritten(self) -> None:
        """What was written since the last commit has to be written again."""
        self._unsaved |= self._written
        self._written.clear()

    def rolled_back(self) -> None:
        """What is not durable is undone, in the journal as well; but the revision has seen the answers."""
        for step in self.steps[self.durable :]:
            self.changed(step)
            if step.kind is Kind.WRITE and step.outcome is Outcome.DONE:
                step.outcome = Outcome.UNDONE

    def start_over(self) -> None:
        """The revision will run again from the top: what is durable is replayed, the rest never happened."""
        del self.steps[self.durable :]
        self.skipped = self.durable
        self._unsaved = {index for index in self._unsaved if index <= self.durable}
        self._position = 0

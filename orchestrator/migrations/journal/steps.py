"""One statement of a revision, as the journal keeps it."""

import enum
from dataclasses import dataclass, field

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.results import StatementResult

_CHANGING = (Kind.WRITE, Kind.DEFINITION, Kind.OPAQUE)  # no set: in Python 3.11 the hash of an enum is slow


class Outcome(enum.Enum):
    """What became of a statement."""

    PENDING = "pending"  # it was begun, and its end is not known
    DONE = "done"
    FAILED = "failed"  # it met an error and changed nothing


@dataclass(slots=True)
class Step:
    """One statement of a revision.

    Attributes:
        index: its number in the revision, from 1; only statements that may change something are counted.
        statement: its text as it may be stored: cut, and without literals.
        digest: a hash of its text and its parameters; empty where it is never compared.
        rowcount: what PEP 249 calls so.
        lastrowid: what PEP 249 calls so, where it is a number.
        line: the line in the revision's `upgrade`; 0 when it is not known.
        before: for a definition, a hash of each object before it; empty text: it did not exist.
        after: the same after it, once that was looked at.
    """

    index: int
    kind: Kind
    statement: str
    outcome: Outcome = Outcome.PENDING
    digest: str = ""
    rowcount: int = -1
    lastrowid: int | None = None
    line: int = 0
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def ended(self, result: StatementResult) -> None:
        """Note that it was carried out."""
        self.outcome, self.rowcount = Outcome.DONE, result.rowcount
        self.lastrowid = result.lastrowid if isinstance(result.lastrowid, int) else None

    @property
    def result(self) -> StatementResult:
        """What it answered."""
        return StatementResult(rowcount=self.rowcount, lastrowid=self.lastrowid, recorded=True)

    @property
    def changes(self) -> bool:
        """Whether it has, or may have, left something in the database."""
        return self.kind in _CHANGING and self.outcome is not Outcome.FAILED


@dataclass(frozen=True)
class Record:
    """What the journal holds of an unfinished revision.

    Attributes:
        server: on which server it was run.
        reason: why it cannot be resumed; empty when it can.
        state: the session's settings at the last statement.
        steps: its statements.
        recorded_at: when the last of them was recorded.
    """

    server: str = ""
    reason: str = ""
    state: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    recorded_at: str = ""

    @property
    def left_something(self) -> bool:
        """Whether something of it is, or may be, in the database."""
        return any(step.changes for step in self.steps)

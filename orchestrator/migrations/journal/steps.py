"""One statement of a revision, as the journal stores it."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.databases.statements import Kind

STATEMENT_LENGTH = 2000  # of a stored statement; its digest covers all of it
_CHANGING = (Kind.WRITE, Kind.DEFINITION, Kind.OPAQUE)  # not a set: in Python 3.11 the hash of an enum is slow


@dataclass(slots=True)
class StatementResult:
    """The state of a PEP 249 cursor after `execute`; its rows stay with the driver, the journal keeps two numbers.

    Attributes:
        description: the columns, if it returned rows.
        recorded: whether the numbers are those of an earlier run, because the statement was skipped.
        returned: the return value of the driver's method.
    """

    description: Sequence[Sequence[Any]] | None = None
    rowcount: int = -1
    lastrowid: Any = None
    recorded: bool = False
    returned: Any = None


class Outcome(enum.Enum):
    """What became of a statement."""

    PENDING = "pending"  # it has begun, and its end is unknown
    DONE = "done"
    FAILED = "failed"  # it failed and changed nothing


@dataclass(slots=True)
class Step:
    """One statement of a revision.

    Attributes:
        index: its number in the revision, from 1; only statements that may change something are counted.
        text: its text; in full and with literals as long as there is a `mask`.
        digest: a hash of its text and its parameters; empty if it is never compared.
        rowcount: as in PEP 249.
        lastrowid: as in PEP 249, if it is a number.
        line: the line in the revision's `upgrade`; 0 if unknown.
        before: for a definition, a hash of each object before it; empty text: it did not exist.
        after: the same after it, once it was checked.
        mask: masks the literals in `text`; not done before they are asked for, because most statements never are.
    """

    index: int
    kind: Kind
    text: str
    outcome: Outcome = Outcome.PENDING
    digest: str = ""
    rowcount: int = -1
    lastrowid: int | None = None
    line: int = 0
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    mask: Callable[[str], str] | None = None

    @property
    def statement(self) -> str:
        """Return its text as it is stored: shortened, and without literals."""
        if self.mask:
            self.text, self.mask = self.mask(self.text), None
        return self.text[:STATEMENT_LENGTH]

    def shorten(self) -> None:
        """Keep no more of a long text than is stored."""
        self.text = self.statement

    @property
    def result(self) -> StatementResult:
        """Return its result."""
        return StatementResult(rowcount=self.rowcount, lastrowid=self.lastrowid, recorded=True)

    @property
    def changes(self) -> bool:
        """Return whether it has, or may have, left changes in the database."""
        return self.kind in _CHANGING and self.outcome is not Outcome.FAILED


@dataclass(frozen=True)
class Record:
    """The journal's record of an unfinished revision.

    Attributes:
        server: the server on which it ran.
        reason: why it cannot be resumed; empty if it can.
        state: the session's settings at the last statement.
        steps: its statements.
        recorded_at: when the last of them was journalled.
        mark: what it did that no rollback undoes, besides its statements; empty if nothing.
        is_news: whether reason and state are to be written, and not only the steps.
    """

    server: str = ""
    reason: str = ""
    state: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    recorded_at: str = ""
    mark: str = ""
    is_news: bool = True

    @property
    def left_something(self) -> bool:
        """Return whether something of it is, or may be, in the database or elsewhere."""
        return bool(self.mark) or any(step.changes for step in self.steps)

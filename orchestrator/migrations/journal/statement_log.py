"""What one revision has done, statement by statement, how far that is durable, and why it cannot be resumed."""

import logging
from collections.abc import Mapping

from orchestrator.databases.statements import Kind, RecordedSession
from orchestrator.migrations.journal.results import StatementResult
from orchestrator.migrations.journal.steps import Outcome, Record, Step
from orchestrator.migrations.journal.store import Journal, RevisionInfo

EMPTY = Record()

_logger = logging.getLogger(__name__)


class ChangedError(Exception):
    """The revision does not run the statement that is recorded."""


class StatementLog:
    """The statements of one revision: those of an interrupted run, which are replayed, and the new ones after them.

    Attributes:
        steps: statements that may change something, in their order.
        durable: how many of them are in the database for good.
        skipped: how many of them an earlier run, or attempt, did.
        statements_done: how many of them succeeded.
        reason: why the revision cannot be resumed behind its next durable statement; empty when it can.
        has_side_effects: something was done that a rollback does not undo, and that the log does not know.
    """

    def __init__(self, about: RevisionInfo, session: RecordedSession, journal: Journal, record: Record = EMPTY) -> None:
        self.steps = list(record.steps)
        self.durable = self.skipped = len(self.steps)
        self.reason = self._durable_reason = record.reason
        self.has_side_effects = False
        self.statements_done = _done(self.steps)
        self._about, self._session, self._journal = about, session, journal
        self._state = self._written_state = record.state
        self._position = 0
        self._unsaved: set[int] = set()
        self._written: set[int] = set()  # since the last commit
        self._state_may_differ = True  # a definition changes no session
        self._begun = False
        self._saved = bool(record.steps)
        self._may_be_dropped = False

    # ------------------------------------------------------------ replaying

    @property
    def replaying(self) -> bool:
        """Whether there is still a recorded statement to come."""
        return self._position < len(self.steps)

    @property
    def left_something(self) -> bool:
        """Whether something of the revision is, or may be, in the database for good."""
        return any(step.changes for step in self.steps[: self.durable])

    def next(self, digest: str) -> Step:
        """Return the recorded step for the statement that the revision is about to run.

        Raises:
            ChangedError: it is another statement.
        """
        step = self.steps[self._position]
        if step.digest != digest:
            raise ChangedError(step.index)
        self._position += 1
        return step

    def state_differs(self) -> str:
        """Restore the session, and return what is still not as it was at the last recorded statement."""
        self._session.restore(self._state)
        return _difference(self._state, self._session.state())

    # ------------------------------------------------------------ running

    @property
    def refused_for_good(self) -> bool:
        """Whether it is on record that the revision cannot be resumed: the rest need not be recorded at once."""
        return bool(self._durable_reason)

    def unprovable(self, reason: str, *, side_effect: bool = False) -> None:
        """Note why the revision cannot be resumed behind the next durable statement; the first reason is kept."""
        self.reason = self.reason or reason
        self.has_side_effects = self.has_side_effects or side_effect

    def may_drop_tables(self) -> None:
        """Look, before the next record, whether the journal itself is still there."""
        self._may_be_dropped = True

    def add(self, step: Step) -> None:
        """Go on by one step."""
        step.index = len(self.steps) + 1
        self._state_may_differ = self._state_may_differ or step.kind is not Kind.DEFINITION
        self.steps.append(step)
        self._position += 1
        self._unsaved.add(step.index)

    def changed(self, step: Step) -> None:
        """Write its record again with the next ones."""
        self._unsaved.add(step.index)

    def begin(self) -> None:
        """Write the revision's own row, before anything that it changes; not earlier, as it begins a transaction."""
        self._find_again()
        if not self._begun:
            self._journal.begin(self._about)
            self._begun = True

    def save(self, *, always: bool = False) -> None:
        """Write what is not on record yet, in the open transaction; `always`: the reason, at least."""
        if not (self._unsaved or always):
            return
        try:
            self._write()
        except Exception as error:
            if not (self.refused_for_good and self._session.commits_definitions):
                raise
            _logger.debug("LOCK TABLES may be in the way of the record, which only a report needs: %s", error)

    def _write(self) -> None:
        self.begin()
        steps = [self.steps[index - 1] for index in sorted(self._unsaved)]
        if self._state_may_differ:
            self._written_state, self._state_may_differ = dict(self._session.state()), False
        record = Record(self._session.server(), self.reason, self._written_state, steps)
        pending = self.steps[-1].statement if self.steps and self.steps[-1].outcome is Outcome.PENDING else ""
        self._saved = True
        self._journal.save(self._about.revision, record, self.statements_done, pending)
        self._written |= self._unsaved
        self._unsaved = set()

    def done(self, step: Step, result: StatementResult) -> None:
        """A statement was carried out."""
        step.ended(result)
        self.statements_done += 1
        if step.index:
            self._unsaved.add(step.index)

    def committed(self) -> None:
        """Everything so far is durable."""
        self.durable = len(self.steps)
        self._durable_reason, self._state = self.reason, self._written_state
        self._written.clear()

    def unwritten(self) -> None:
        """What was written since the last commit may be gone: write it again."""
        self._begun = False
        self._unsaved |= self._written
        self._written.clear()

    def rolled_back(self) -> None:
        """What is not durable is undone, and so is its record; the revision goes on all the same."""
        self.unwritten()
        self._drop_steps()
        self._position = len(self.steps)
        self.unprovable("it rolled back what it had done")

    @property
    def can_start_over(self) -> bool:
        """Whether the revision may run again from the top: nothing but the lost transaction has to be undone."""
        return not (self.has_side_effects or self._durable_reason)

    def start_over(self) -> None:
        """The revision runs again from the top: what is durable is replayed, the rest never happened."""
        self.unwritten()
        self._drop_steps()
        self.skipped = self.durable
        self.reason = self._durable_reason
        self._position = 0

    def finish(self, statements: int, seconds: float) -> None:
        """The revision is applied; its statements are not needed any more."""
        self.begin()
        self._journal.finish(self._about.revision, statements, seconds)
        if self._saved:
            self._journal.forget(self._about.revision)

    def _drop_steps(self) -> None:
        del self.steps[self.durable :]
        self._unsaved = {index for index in self._unsaved if index <= self.durable}
        self.statements_done = _done(self.steps)

    def _find_again(self) -> None:
        """Make the journal again when the revision has dropped it with all other tables."""
        if self._may_be_dropped and not self._journal.exists(self._session):
            self._journal.make_tables()
            self._begun = False
            self._unsaved |= {step.index for step in self.steps}
        self._may_be_dropped = False


def _difference(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first setting that differs, in words."""
    for name in sorted({*then, *now}):
        if then.get(name, "") != now.get(name, ""):
            return f"{name} was {then.get(name, '')!r} and is {now.get(name, '')!r}"
    return ""


def _done(steps: list[Step]) -> int:
    return sum(step.outcome is Outcome.DONE for step in steps)

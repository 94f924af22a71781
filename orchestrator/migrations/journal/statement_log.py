"""The statements of a revision, how many of them are durable, and why it cannot be resumed."""

import logging

from orchestrator.databases.statements import Kind, RecordedSession
from orchestrator.migrations.journal.steps import Outcome, Record, StatementResult, Step
from orchestrator.migrations.journal.store import Journal, RevisionInfo

EMPTY = Record()
_LISTED = 50  # steps that a report lists
_WRITTEN = Step(0, Kind.WRITE, "", Outcome.DONE)  # stands for every step that is only counted

BATCH, VOLUME = 5_000, 1_000_000
"""Steps in memory, and characters of their texts: only more are written before the commit, which may need none."""

_logger = logging.getLogger(__name__)


class ChangedError(Exception):
    """The revision runs another statement than the journalled one."""


class StatementLog:
    """The statements of a revision: those of an interrupted run, which are replayed, then the new ones.

    Attributes:
        steps: statements that may change something, in their order; the journal has more about those that are written.
        durable: how many of them are durable.
        skipped: how many of them an earlier run or attempt has done.
        statements_done: how many of them succeeded.
        reason: why the revision cannot be resumed after its next durable statement; empty if it can.
        stays: whether it has done something in this database that no rollback undoes, with a mark for it.
        has_side_effects: whether it has done something that a rollback does not undo and the log does not contain.
        unsaved: the indexes of the steps to write with the next ones.
        journal_name: how the names of the journal's tables begin.
    """

    def __init__(self, about: RevisionInfo, session: RecordedSession, journal: Journal, record: Record = EMPTY) -> None:
        self.steps = list(record.steps)
        self.durable = self.skipped = len(self.steps)
        self.reason = self._durable_reason = record.reason
        self.has_side_effects, self.stays = False, bool(record.mark)
        self.statements_done, self.journal_name = _done(self.steps), journal.name
        self._about, self._session, self._journal = about, session, journal
        self._state = self._written_state = record.state
        self._position = 0
        self._counted, self._volume = _LISTED, 0  # up to this one, steps are only counted; characters since then
        self.unsaved = {step.index for step in self.steps[-1:]}  # its outcome may be known only since this start
        self._server = session.server()
        self._written: set[int] = set()  # since the last commit
        self._state_may_differ = True  # a definition changes no session
        self._begun = False
        self._head: tuple[str, dict[str, str]] | None = None  # reason and state, as they are written
        self._saved = bool(record.steps)
        self._may_be_dropped = False

    # ------------------------------------------------------------ replaying

    @property
    def replaying(self) -> bool:
        """Return whether a journalled statement is still to be replayed."""
        return self._position < len(self.steps)

    @property
    def left_something(self) -> bool:
        """Return whether something of the revision is, or may be, durable."""
        return self.stays or any(step.changes for step in self.steps[: self.durable])

    def next(self, digest: str) -> Step:
        """Return the journalled step for the statement that the revision is about to run.

        Raises:
            ChangedError: it is another statement.
        """
        step = self.steps[self._position]
        if step.digest != digest:
            raise ChangedError(step.index)
        self._position += 1
        return step

    def state_differs(self) -> str:
        """Restore the session; return what still differs from the session at the last journalled statement."""
        self._session.restore(self._state)
        then, now = self._state, self._session.state()
        for name in sorted({*then, *now}):
            if then.get(name, "") != now.get(name, ""):
                return f"{name} was {then.get(name, '')!r} and is {now.get(name, '')!r}"
        return ""

    # ------------------------------------------------------------ running

    @property
    def refused_for_good(self) -> bool:
        """Return whether the journal already refuses a resume.

        Later rows may then be written lazily.
        """
        return bool(self._durable_reason)

    def unprovable(self, reason: str, *, side_effect: bool = False) -> None:
        """Note why the revision cannot be resumed after the next durable statement; the first reason is kept."""
        self.reason = self.reason or reason
        self.has_side_effects = self.has_side_effects or side_effect

    def may_drop(self, objects: tuple[str, ...]) -> None:
        """Check, before the next write, that the journal still exists, unless a definition names only other objects."""
        self._may_be_dropped |= not objects or any(self.journal_name.lower() in name.lower() for name in objects)

    def add(self, step: Step, *, write: bool = False) -> None:
        """Append a step; `write`: with its row, and with all that are not written yet, before the statement runs."""
        step.index = len(self.steps) + 1
        self._state_may_differ = self._state_may_differ or step.kind is not Kind.DEFINITION
        self.steps.append(step)
        self._position += 1
        self._volume += len(step.text)
        self.unsaved.add(step.index)
        if write:
            self.save()

    def begin(self) -> None:
        """Write the revision's own row before its first change; not earlier, because that begins a transaction."""
        self._find_again()
        if not self._begun:
            self._journal.begin(self._about, self.statements_done)
            self._begun = True

    def save(self, *, always: bool = False) -> None:
        """Write what is not journalled yet, in the open transaction; `always`: at least the reason."""
        if not (self.unsaved or always):
            return
        try:
            self._write()
        except Exception as error:
            if not (self.refused_for_good and self._session.commits_definitions):
                raise
            _logger.debug("LOCK TABLES may be in the way of the record, which only a report needs: %s", error)
        self._count()

    @property
    def is_large(self) -> bool:
        """Return whether the steps that are not written yet take much memory."""
        return len(self.unsaved) >= BATCH or self._volume >= VOLUME

    def limit_memory(self) -> None:
        """Write the steps of a long transaction early, inside it; forget them if no resume needs them."""
        if self.reason:
            self.unsaved = {len(self.steps)}  # the reason is still to be written
            self._count()
        else:
            self.save()

    def _count(self) -> None:
        """Only count steps from now on, except the last one: its result may be added."""
        for index in range(self._counted + 1, len(self.steps)):
            if index not in self.unsaved and self.steps[index - 1].outcome is Outcome.DONE:
                self.steps[index - 1] = _WRITTEN
                self._written.discard(index)
        self._counted, self._volume = max(self._counted, len(self.steps) - 1), 0

    def _write(self) -> None:
        self._find_again()
        steps = [self.steps[index - 1] for index in sorted(self.unsaved)]
        if self._state_may_differ:
            self._written_state, self._state_may_differ = dict(self._session.state()), False
        head = self.reason, self._written_state
        record = Record(self._server, *head, steps, is_news=head != self._head)
        pending = self.steps[-1].statement if self.steps and self.steps[-1].outcome is Outcome.PENDING else ""
        self._saved = True
        begins = None if self._begun else self._about
        self._journal.save(self._about.revision, record, self.statements_done, pending, begins)
        self._begun, self._head = True, head
        self._written, self.unsaved = self._written | self.unsaved, set()

    def done(self, step: Step, result: StatementResult, *, durable: bool = False) -> None:
        """Note that a statement has run, and append it if `add` has not; `durable`: it has committed all of the log."""
        step.outcome, step.rowcount = Outcome.DONE, result.rowcount
        step.lastrowid = result.lastrowid if isinstance(result.lastrowid, int) else None
        self.statements_done += 1
        if not step.index:
            self.add(step)
        self.unsaved.add(step.index)
        if durable:
            self.committed()

    def committed(self) -> None:
        """Note that everything so far is durable."""
        self.durable = len(self.steps)
        self._durable_reason, self._state = self.reason, self._written_state
        self._written.clear()

    def is_on_record(self, step: Step) -> bool:
        """Ask the server for its row: the transaction that wrote it may be lost."""
        return any(row.index == step.index for row in self._journal.record(self._about.revision).steps)

    def unwritten(self) -> None:
        """Write again what was written since the last commit, because it may be lost."""
        self._begun, self._head = False, None
        self.unsaved |= self._written
        self._written.clear()

    def rolled_back(self) -> None:
        """Remove what is not durable, as the database did with the rows. The revision continues."""
        undone = len(self.steps) > self.durable  # SQLAlchemy rolls back after it has asked psycopg for its mode
        self.unwritten()
        self._drop_steps()
        self._position = len(self.steps)
        if undone:
            self.unprovable("it rolled back what it had done")

    @property
    def can_start_over(self) -> bool:
        """Return whether the revision may run again from the top: only the lost transaction must be undone."""
        return not (self.has_side_effects or self._durable_reason)

    def start_over(self) -> None:
        """Begin again from the top: durable statements are replayed, all others are forgotten."""
        self.unwritten()
        self._drop_steps()
        if self._counted > _LISTED:
            self.steps, self._counted = self._journal.record(self._about.revision).steps, _LISTED
        self.skipped = self.durable
        self.reason = self._durable_reason
        self._position = 0

    def finish(self, statements: int, seconds: float) -> None:
        """Mark the revision as applied; its statements are not needed any longer."""
        self.begin()
        self._journal.finish(self._about.revision, statements, seconds)
        if self._saved:
            self._journal.forget(self._about.revision)

    def _drop_steps(self) -> None:
        del self.steps[self.durable :]
        self._counted = min(self._counted, max(_LISTED, self.durable))
        self.unsaved = {index for index in self.unsaved if index <= self.durable}
        self.statements_done = _done(self.steps)

    def _find_again(self) -> None:
        """Create the journal again if the revision has dropped it with all other tables."""
        if self._may_be_dropped and not self._journal.exists(self._session):
            self._journal.make_tables()
            self._begun, self._head = False, None
            self.unsaved |= {step.index for step in self.steps} - {_WRITTEN.index}
            if _WRITTEN in self.steps:
                self.unprovable("it dropped the journal")
        self._may_be_dropped = False


def _done(steps: list[Step]) -> int:
    return sum(step.outcome is Outcome.DONE for step in steps)

"""What is on record of one revision, and what is not yet: the recorder's hand on the journal."""

from collections.abc import Iterable

from orchestrator.databases.statements import RecordedSession, Statement
from orchestrator.migrations.journal.statement_log import Outcome, StatementLog
from orchestrator.migrations.journal.store import STATEMENT_LENGTH, Journal, RevisionInfo, SessionSnapshot

_LOCKED = "locked tables"


class Record:
    """The record of one revision on one connection; everything is written in the transaction that is open.

    Attributes:
        history: its statements.
        bound: what the revision has in its session that another session cannot have.
    """

    def __init__(self, about: RevisionInfo, history: StatementLog, session: RecordedSession, journal: Journal) -> None:
        self.history = history
        self.bound: dict[str, None] = {}
        self._about, self._session, self._journal = about, session, journal
        self._definitions: dict[str, str | None] = {}  # None: changed since it was looked at
        self._circumstances: SessionSnapshot | None = None  # as they are on record
        self._begun = False
        self._saved = bool(history.steps)

    def begin(self) -> None:
        """The revision's own row, before anything that it changes; not earlier, as it begins a transaction."""
        if not self._begun:
            self._journal.begin(self._about)
            self._begun = True

    def save(self) -> None:
        """Write what is not on record yet."""
        if _LOCKED in self.bound:
            return  # no other table may be written now; the LOCK TABLES is on record
        self._look_after()
        unsaved = self.history.unsaved()
        if not unsaved:
            return
        self.begin()
        last = self.history.steps[-1]
        pending = last.statement if last.outcome is Outcome.PENDING else ""
        circumstances = SessionSnapshot(self._session.server(), tuple(self.bound))
        if circumstances != self._circumstances:
            self._circumstances = circumstances
            unsaved.insert(0, circumstances.step())
        done = sum(step.outcome is Outcome.DONE for step in self.history.steps)
        self._saved = True
        self._journal.save(self._about.revision, unsaved, done, pending[:STATEMENT_LENGTH])

    def finish(self, statements: int, seconds: float) -> None:
        """The revision is applied; its statements are not needed any more."""
        self.begin()
        self._journal.finish(self._about.revision, statements, seconds)
        if self._saved:
            self._journal.forget(self._about.revision)

    def unwritten(self) -> None:
        """What was written since the last commit may be gone, and is to be written again."""
        self._begun, self._circumstances = False, None
        self.history.unwritten()

    def rolled_back(self) -> None:
        """What was done since the last commit is gone, the record of it included."""
        self.unwritten()
        self.history.rolled_back()

    def start_over(self) -> None:
        """The same, and the revision runs again from the top."""
        self.unwritten()
        self.history.start_over()

    def bind(self, statement: Statement) -> None:
        """A statement was run: the session has something more now, or less."""
        if statement.binds:
            self.bound[statement.binds] = None
        self.bound.pop(statement.unbinds, None)

    def definition(self, name: str) -> str:
        """How an object is defined now."""
        known = self._definitions.get(name)
        if known is None:
            known = self._definitions[name] = self._session.look(name)
        return known

    def defined(self, statement: Statement) -> None:
        """A definition was run: what it names, and perhaps more, is another now."""
        self.redefined(list(self._definitions) if statement.ripples else statement.objects)

    def redefined(self, names: Iterable[str]) -> None:
        """These have to be looked at again."""
        self._definitions.update(dict.fromkeys(names))

    def _look_after(self) -> None:
        """How the definitions that were changed since the last time are now."""
        stale = [name for name, definition in self._definitions.items() if definition is None]
        for step in reversed(self.history.steps):
            for name in [each for each in stale if each in step.before and step.outcome is not Outcome.FAILED]:
                step.after[name] = self.definition(name)
                self.history.changed(step)
                stale.remove(name)
            if not stale:
                break

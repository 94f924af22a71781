"""Logs of statements, with a session and a journal in memory."""

from typing import Any

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.executor import digest_of
from orchestrator.migrations.journal.statement_log import StatementLog
from orchestrator.migrations.journal.steps import Outcome, Record, StatementResult, Step
from orchestrator.migrations.journal.store import RevisionInfo

ABOUT = RevisionInfo("r1", "/r1.py", (), "", "c", "", "b", "", 0)


class Session:
    """A session that has a setting, and tables."""

    commits_definitions = True

    def __init__(self) -> None:
        self.setting = "1"

    def server(self) -> str:
        """Return its name."""
        return "server"

    def state(self) -> dict[str, str]:
        """Return the setting."""
        return {"setting": self.setting}

    def restore(self, state: dict[str, str]) -> None:
        """Set nothing."""


class Journal:
    """A journal in memory.

    Attributes:
        saved: records, as they were written.
        begun: whether the revision's own row was written with each of them.
        there: whether its tables are.
    """

    name = "journal"

    def __init__(self) -> None:
        self.saved: list[Record] = []
        self.begun: list[bool] = []
        self.there = True

    def begin(self, _about: RevisionInfo, _done: int) -> None:
        """Write the revision's row."""

    def save(self, _revision: str, record: Record, _done: int, _pending: str, begins: RevisionInfo | None) -> None:
        """Write what is new."""
        self.saved.append(record)
        self.begun.append(begins is not None)

    def record(self, _revision: str) -> Record:
        """Return what is written."""
        return Record(steps=[step for record in self.saved for step in record.steps])

    def exists(self, _session: Session) -> bool:
        """Tell whether its tables are there."""
        return self.there

    def make_tables(self) -> None:
        """Make them."""
        self.there = True


def step_of(sql: str, kind: Kind = Kind.WRITE) -> Step:
    """Return a statement that has not run."""
    return Step(0, kind, sql, digest=digest_of(sql, None))


def log_of(*recorded: Step) -> tuple[Any, Any, Any]:
    """Return a log with its session and its journal."""
    session: Any = Session()
    journal: Any = Journal()
    for index, step in enumerate(recorded, start=1):
        step.index, step.outcome = index, Outcome.DONE
    record = Record("server", "", {"setting": "1"}, list(recorded))
    return StatementLog(ABOUT, session, journal, record), session, journal


def add(log: StatementLog, sql: str, kind: Kind = Kind.WRITE) -> Step:
    """Note a statement that has run."""
    step = step_of(sql, kind)
    log.add(step)
    log.done(step, StatementResult(rowcount=1))
    return step

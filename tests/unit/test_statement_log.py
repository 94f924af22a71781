"""The log of a revision: what is durable, what is replayed, and why it is not resumed."""

from typing import Any

import pytest

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal import statement_log
from orchestrator.migrations.journal.executor import digest_of
from orchestrator.migrations.journal.statement_log import ChangedError, StatementLog
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
        saved: Records, as they were written.
        there: Whether its tables are.
    """

    name = "journal"

    def __init__(self) -> None:
        self.saved: list[Record] = []
        self.there = True

    def begin(self, _about: RevisionInfo, _done: int) -> None:
        """Write the revision's row."""

    def save(self, _revision: str, record: Record, _done: int, _pending: str, _begins: RevisionInfo | None) -> None:
        """Write what is new."""
        self.saved.append(record)

    def record(self, _revision: str) -> Record:
        """Return what is written."""
        return Record(steps=[step for record in self.saved for step in record.steps])

    def exists(self, _session: Session) -> bool:
        """Tell whether its tables are there."""
        return self.there

    def make_tables(self) -> None:
        """Make them."""
        self.there = True


def _step(sql: str, kind: Kind = Kind.WRITE) -> Step:
    return Step(0, kind, sql, digest=digest_of(sql, None))


def _log(*recorded: Step) -> tuple[Any, Any, Any]:
    """Return a log with its session and its journal."""
    session: Any = Session()
    journal: Any = Journal()
    for index, step in enumerate(recorded, start=1):
        step.index, step.outcome = index, Outcome.DONE
    record = Record("server", "", {"setting": "1"}, list(recorded))
    return StatementLog(ABOUT, session, journal, record), session, journal


def _add(log: StatementLog, sql: str, kind: Kind = Kind.WRITE) -> Step:
    step = _step(sql, kind)
    log.add(step)
    log.done(step, StatementResult(rowcount=1))
    return step


def test_a_digest_distinguishes_statements_and_parameters() -> None:
    """Where text and parameters meet must not matter."""
    assert len({digest_of("a", None), digest_of("a", ("b",)), digest_of("ab", None), digest_of("a", ("c",))}) == 4


def test_only_what_was_committed_is_left() -> None:
    """A failure before the first commit leaves nothing, and is reported so."""
    log, _, _ = _log()
    _add(log, "insert")
    assert not log.left_something
    log.committed()
    assert log.left_something


def test_settings_and_failures_leave_nothing() -> None:
    """They change nothing, even if their rows are durable."""
    log, _, _ = _log()
    _add(log, "set", Kind.SETTING)
    _add(log, "create", Kind.DEFINITION).outcome = Outcome.FAILED
    log.committed()
    assert not log.left_something


def test_recorded_steps_come_in_their_order_and_no_other() -> None:
    """A revision that takes another path is noticed at the first step."""
    log, _, _ = _log(_step("one"), _step("two"))
    assert log.next(digest_of("one", None)).statement == "one"
    assert log.replaying
    with pytest.raises(ChangedError, match="2"):
        log.next(digest_of("one", None))
    log.next(digest_of("two", None))
    assert not log.replaying


def test_statements_are_written_once_and_again_after_a_rollback() -> None:
    """The record must be as durable as what it is about."""
    log, _, journal = _log()
    _add(log, "one")
    log.save()
    log.save()
    assert [len(record.steps) for record in journal.saved] == [1]
    log.committed()
    _add(log, "two")
    log.save()
    log.rolled_back()
    assert [step.statement for step in log.steps] == ["one"]
    _add(log, "three")
    log.save()
    assert [step.statement for step in journal.saved[-1].steps] == ["three"]
    assert "rolled back" in journal.saved[-1].reason


@pytest.mark.parametrize("reason", ["", "it read from the database"])
@pytest.mark.parametrize(("limit", "value"), [("BATCH", 500), ("VOLUME", 1900)])
def test_the_memory_of_a_long_revision_is_bounded(
    limit: str, value: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million inserts are no reason for an out-of-memory kill; what no resume needs is not even written."""
    monkeypatch.setattr(statement_log, limit, value)
    log, _, journal = _log()
    if reason:
        log.unprovable(reason)
    for number in range(5000):
        if log.is_large:
            log.limit_memory()
        _add(log, str(number))
    assert len({id(step) for step in log.steps}) < 600
    assert log.statements_done == 5000
    written = sum(len(record.steps) for record in journal.saved)
    assert written > 4000 if not reason else written == 0


def test_a_long_revision_that_starts_over_replays_its_durable_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that are only counted are read from the journal again."""
    monkeypatch.setattr(statement_log, "BATCH", 500)
    log, _, journal = _log()
    for number in range(1200):
        if log.is_large:
            log.limit_memory()
        _add(log, str(number))
    log.save()
    log.committed()
    _add(log, "lost")
    log.start_over()
    assert [log.next(digest_of(str(number), None)).index for number in range(1200)] == list(range(1, 1201))
    assert not log.replaying
    assert journal.saved[-1].reason == ""


def test_the_first_reason_is_kept_and_not_forgotten() -> None:
    """It is what a person has to understand."""
    log, _, journal = _log()
    log.unprovable("it read")
    log.unprovable("it failed")
    _add(log, "one")
    log.save()
    assert journal.saved[-1].reason == "it read"


def test_a_revision_starts_over_where_only_its_transaction_was_lost() -> None:
    """Durable statements are replayed; later reads are repeated."""
    log, _, _ = _log()
    _add(log, "one")
    log.save()
    log.committed()
    _add(log, "two")
    log.unprovable("it read")
    assert log.can_start_over
    log.start_over()
    assert ([step.statement for step in log.steps], log.replaying, log.reason) == (["one"], True, "")


@pytest.mark.parametrize("durable", [True, False])
def test_a_revision_does_not_start_over_after_what_no_rollback_undoes(*, durable: bool) -> None:
    """A read before what is durable is not kept; a second connection has done its work."""
    log, _, _ = _log()
    log.unprovable("a reason", side_effect=not durable)
    _add(log, "one")
    log.save()
    log.committed()
    assert not log.can_start_over


def test_a_session_that_differs_is_reported() -> None:
    """The next statement would have another effect in it."""
    log, session, _ = _log(_step("one"))
    assert log.state_differs() == ""
    session.setting = "2"
    assert log.state_differs() == "setting was '1' and is '2'"


@pytest.mark.parametrize("named", [(), ("TABLE plants", "TABLE `app`.`Journal_Statements`")])
def test_a_journal_that_was_dropped_is_made_again_with_all_that_is_known(named: tuple[str, ...]) -> None:
    """A revision that drops every table takes it along."""
    log, _, journal = _log()
    _add(log, "one")
    log.save()
    log.committed()
    journal.there = False
    log.may_drop(named)
    _add(log, "two")
    log.save()
    assert journal.there
    assert [step.statement for step in journal.saved[-1].steps] == ["one", "two"]


def test_the_journal_is_not_looked_for_when_another_table_is_dropped() -> None:
    """It costs two questions for each definition with a DROP."""
    log, _, journal = _log()
    journal.exists = lambda _session: pytest.fail("it was looked for")
    log.may_drop(("TABLE plants",))
    _add(log, "one")
    log.save()

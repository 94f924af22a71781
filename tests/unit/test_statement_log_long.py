"""The log of a revision with many statements: what stays in memory, and what is written."""

from unittest.mock import Mock

import pytest

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal import statement_log
from orchestrator.migrations.journal.executor import digest_of
from orchestrator.migrations.journal.steps import Outcome
from tests.unit.statement_logs import add, log_of

MANY = 60  # more than are kept in memory for a report


@pytest.mark.parametrize("reason", ["", "it read from the database"])
@pytest.mark.parametrize(("limit", "value"), [("BATCH", 500), ("VOLUME", 1900)])
def test_the_memory_of_a_long_revision_is_bounded(
    limit: str, value: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million inserts are no reason for an out-of-memory kill; what no resume needs is not even written."""
    monkeypatch.setattr(statement_log, limit, value)
    log, _, journal = log_of()
    if reason:
        log.unprovable(reason)
    for number in range(5000):
        if log.is_large:
            log.limit_memory()
        add(log, str(number))
    assert len({id(step) for step in log.steps}) < 600
    assert log.statements_done == 5000
    written = sum(len(record.steps) for record in journal.saved)
    assert written > 4000 if not reason else written == 0


def test_the_reason_is_written_although_its_statements_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the next start would run them a second time."""
    monkeypatch.setattr(statement_log, "BATCH", 2)
    log, _, journal = log_of()
    log.unprovable("it read from the database")
    add(log, "one")
    add(log, "two")
    assert log.is_large
    log.limit_memory()
    log.save()
    assert [(record.reason, len(record.steps)) for record in journal.saved] == [("it read from the database", 1)]


def test_what_could_not_be_written_is_written_as_soon_as_it_can_be() -> None:
    """LOCK TABLES of the revision may be in the way; the report names the statements."""
    log, _, journal = log_of()
    log.unprovable("it read from the database")
    add(log, "read")
    log.save()
    log.committed()
    write, journal.save = journal.save, Mock(side_effect=OSError("the table was not locked"))
    for number in range(MANY):
        add(log, str(number))
        log.save()
    journal.save = write
    log.save()
    assert [step.index for step in journal.saved[-1].steps] == list(range(2, 2 + MANY))


def test_a_long_revision_that_starts_over_replays_its_durable_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that are only counted are read from the journal again."""
    monkeypatch.setattr(statement_log, "BATCH", 500)
    log, _, journal = log_of()
    for number in range(1200):
        if log.is_large:
            log.limit_memory()
        add(log, str(number))
    log.save()
    log.committed()
    add(log, "lost")
    log.start_over()
    assert [log.next(digest_of(str(number), None)).index for number in range(1200)] == list(range(1, 1201))
    assert not log.replaying
    assert journal.saved[-1].reason == ""


def test_the_memory_is_bounded_after_a_rollback_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it is counted from there."""
    monkeypatch.setattr(statement_log, "BATCH", 100)
    log, _, _ = log_of()
    for _ in range(2):
        for number in range(1000):
            if log.is_large:
                log.limit_memory()
            add(log, str(number))
        assert len({id(step) for step in log.steps}) < 300
        log.rolled_back()


def test_failed_statements_are_not_counted_as_if_they_had_run() -> None:
    """A revision that has left nothing would be called half applied."""
    log, _, _ = log_of()
    for number in range(MANY):
        add(log, str(number), Kind.DEFINITION).outcome = Outcome.FAILED
    log.save()
    log.committed()
    assert not log.left_something


def test_no_statement_that_is_only_counted_is_written_again() -> None:
    """It has no number any more, and would take the place of the head."""
    log, _, journal = log_of()
    for number in range(MANY):
        add(log, str(number))
    log.save()
    log.unwritten()
    add(log, "last")
    log.save()
    assert all(step.index for step in journal.saved[-1].steps)


def test_the_result_of_the_last_statement_may_come_after_its_row() -> None:
    """What a definition looks like is asked for before the next statement only."""
    log, _, journal = log_of()
    for number in range(MANY):
        add(log, str(number))
    last = add(log, "create", Kind.DEFINITION)
    log.save()
    last.after = {"TABLE plants": "its definition"}
    log.unsaved.add(last.index)
    log.save()
    assert journal.saved[-1].steps == [last]


def test_a_journal_that_was_dropped_behind_many_statements_says_so() -> None:
    """Those that are only counted cannot be written again."""
    log, _, journal = log_of()
    for number in range(MANY):
        add(log, str(number))
    log.save()
    journal.there = False
    log.may_drop(())
    add(log, "last")
    log.save()
    assert journal.saved[-1].reason == "it dropped the journal"

"""The log of a revision: what is durable, what is replayed, and why it is not resumed."""

from unittest.mock import Mock

import pytest

from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.executor import digest_of
from orchestrator.migrations.journal.statement_log import ChangedError
from orchestrator.migrations.journal.steps import Outcome
from tests.unit.statement_logs import add, log_of, step_of


def test_a_digest_distinguishes_statements_and_parameters() -> None:
    """Where text and parameters meet must not matter."""
    assert len({digest_of("a", None), digest_of("a", ("b",)), digest_of("ab", None), digest_of("a", ("c",))}) == 4


def test_only_what_was_committed_is_left() -> None:
    """A failure before the first commit leaves nothing, and is reported so."""
    log, _, _ = log_of()
    add(log, "insert")
    assert not log.left_something
    log.committed()
    assert log.left_something


def test_settings_and_failures_leave_nothing() -> None:
    """They change nothing, even if their rows are durable."""
    log, _, _ = log_of()
    add(log, "set", Kind.SETTING)
    add(log, "create", Kind.DEFINITION).outcome = Outcome.FAILED
    log.committed()
    assert not log.left_something


def test_recorded_steps_come_in_their_order_and_no_other() -> None:
    """A revision that takes another path is noticed at the first step."""
    log, _, _ = log_of(step_of("one"), step_of("two"))
    assert log.next(digest_of("one", None)).statement == "one"
    assert log.replaying
    with pytest.raises(ChangedError, match="2"):
        log.next(digest_of("one", None))
    log.next(digest_of("two", None))
    assert not log.replaying


def test_statements_are_written_once_and_again_after_a_rollback() -> None:
    """The record must be as durable as what it is about."""
    log, _, journal = log_of()
    add(log, "one")
    log.save()
    log.save()
    assert [len(record.steps) for record in journal.saved] == [1]
    log.committed()
    add(log, "two")
    log.save()
    log.rolled_back()
    assert [step.statement for step in log.steps] == ["one"]
    add(log, "three")
    log.save()
    assert [step.statement for step in journal.saved[-1].steps] == ["three"]
    assert "rolled back" in journal.saved[-1].reason


def test_the_first_reason_is_kept_and_not_forgotten() -> None:
    """It is what a person has to understand."""
    log, _, journal = log_of()
    log.unprovable("it read")
    log.unprovable("it failed")
    add(log, "one")
    log.save()
    assert journal.saved[-1].reason == "it read"


def test_a_revision_starts_over_where_only_its_transaction_was_lost() -> None:
    """Durable statements are replayed; later reads are repeated."""
    log, _, _ = log_of()
    add(log, "one")
    log.save()
    log.committed()
    add(log, "two")
    log.unprovable("it read")
    assert log.can_start_over
    log.start_over()
    assert ([step.statement for step in log.steps], log.replaying, log.reason) == (["one"], True, "")


@pytest.mark.parametrize("durable", [True, False])
def test_a_revision_does_not_start_over_after_what_no_rollback_undoes(*, durable: bool) -> None:
    """A read before what is durable is not kept; a second connection has done its work."""
    log, _, _ = log_of()
    log.unprovable("a reason", side_effect=not durable)
    add(log, "one")
    log.save()
    log.committed()
    assert not log.can_start_over


def test_a_session_that_differs_is_reported() -> None:
    """The next statement would have another effect in it."""
    log, session, _ = log_of(step_of("one"))
    assert log.state_differs() == ""
    session.setting = "2"
    assert log.state_differs() == "setting was '1' and is '2'"


@pytest.mark.parametrize("named", [(), ("TABLE plants", "TABLE `app`.`Journal_Statements`")])
def test_a_journal_that_was_dropped_is_made_again_with_all_that_is_known(named: tuple[str, ...]) -> None:
    """A revision that drops every table takes it along."""
    log, _, journal = log_of()
    add(log, "one")
    log.save()
    log.committed()
    journal.there = False
    log.may_drop(named)
    add(log, "two")
    log.save()
    assert journal.there
    assert [step.statement for step in journal.saved[-1].steps] == ["one", "two"]


def test_the_journal_is_not_looked_for_when_another_table_is_dropped() -> None:
    """It costs two questions for each definition with a DROP."""
    log, _, journal = log_of()
    journal.exists = lambda _session: pytest.fail("it was looked for")
    log.may_drop(("TABLE plants",))
    add(log, "one")
    log.save()


def test_what_a_rollback_takes_is_written_again() -> None:
    """The revision's own row, and the reason: a start that finds neither would run the revision a second time."""
    log, _, journal = log_of()
    log.unprovable("it read from the database")
    add(log, "one")
    log.save()
    log.unwritten()
    add(log, "two")
    log.save()
    assert (journal.begun, [record.is_news for record in journal.saved]) == ([True, True], [True, True])


def test_a_record_that_cannot_be_written_fails_the_revision() -> None:
    """An unknown statement would be run a second time."""
    log, _, journal = log_of()
    journal.save = Mock(side_effect=OSError("the table is full"))
    add(log, "one")
    with pytest.raises(OSError, match="full"):
        log.save()


@pytest.mark.parametrize("saved", [True, False])
def test_the_statements_of_an_applied_revision_are_deleted_if_any_was_written(*, saved: bool) -> None:
    """They would fill the table; to look for some that never were costs a query."""
    log, _, journal = log_of()
    journal.finish, journal.forget = Mock(), Mock()
    add(log, "one")
    if saved:
        log.save()
    log.finish(1, 0.1)
    assert journal.forget.called == saved
    journal.finish.assert_called_once_with("r1", 1, 0.1)

"""The port's view of a migration, derived from the events."""

from typing import Any

import pytest

from orchestrator.errors import DatabaseAheadTolerated
from orchestrator.events import (
    DatabaseRetryScheduled,
    HookCompleted,
    HookStarted,
    LockWaiting,
    MigrationsCompleted,
    MigrationsPlanned,
    RevisionApplied,
    RevisionProgress,
    RevisionRetryScheduled,
    RevisionStarted,
)
from orchestrator.serving.startup_status import StartupStatus
from tests.unit.events import example

PLANNED = MigrationsPlanned(current_revision="base", head_revision="b2", pending_count=2, pending=["a1", "b2"])
RETRY = RevisionRetryScheduled(
    revision="b2", statement_index=1, attempt=1, retry_in_seconds=0.2, blocked_by="connection 12"
)
STARTED = RevisionStarted(revision="b2", description="words", index=2, pending_count=2)


def progress(percent: float | None, **fields: Any) -> RevisionProgress:
    """A statement of the second revision that has come so far."""
    return RevisionProgress(
        revision="b2",
        statement_index=3,
        statement="ALTER TABLE plants",
        statement_seconds=20.0,
        progress_percent=percent,
        **fields,
    )


def applied(index: int) -> RevisionApplied:
    """A revision that is done."""
    return RevisionApplied(
        revision="x", description="", index=index, pending_count=2, statements=1, duration_seconds=1.0
    )


@pytest.fixture
def status() -> StartupStatus:
    """Return a status in full detail, with a mark on what was cleaned."""
    return StartupStatus("full", lambda: 1.0, lambda value: f"<{value}>")


def test_a_long_statement_moves_the_bar(status: StartupStatus) -> None:
    """If the server reports its progress; and not beyond its revision."""
    percents = []
    for event in (PLANNED, applied(1), STARTED, progress(None), progress(42.0), progress(99.0), applied(2)):
        status.observe(event)
        percents.append(status.snapshot()["progress_percent"])
    assert percents == [0, 50, 50, 50, 71, 99, 100]


def test_the_statement_and_who_blocks_it_are_reported_in_full_detail(status: StartupStatus) -> None:
    """Cleaned of secrets, and no longer than it runs."""
    status.observe(STARTED)
    status.observe(progress(None, statement_state="Waiting", blocked_by="connection 12", blocked_seconds=40.0))
    assert status.snapshot()["statement"] == {
        "statement_index": 3,
        "statement": "<ALTER TABLE plants>",
        "statement_seconds": 20.0,
        "statement_state": "Waiting",
        "progress_percent": None,
        "blocked_by": "<connection 12>",
        "blocked_seconds": 40.0,
    }
    status.observe(applied(2))
    assert status.snapshot()["statement"] is None


def test_the_public_detail_names_no_statement() -> None:
    """Its tables, and the user and host of the blocking session, are not public."""
    status = StartupStatus("public", lambda: 1.0, lambda value: value)
    status.observe(STARTED)
    status.observe(progress(42.0, blocked_by="connection 12"))
    assert "statement" not in status.snapshot()
    assert "plants" not in repr(status.snapshot())


def test_a_database_ahead_that_may_be_is_not_an_error(status: StartupStatus) -> None:
    """It is a failure on one of its two levels only."""
    told = {"error_type": "ahead", "current_revision": "b2", "head_revision": "a1", "lineage": "proven"}
    status.observe(DatabaseAheadTolerated(**told))
    assert (status.snapshot()["last_error"], status.snapshot()["phase"]) == (None, "starting_app")


def test_nothing_is_to_do_when_the_migrations_are_done(status: StartupStatus) -> None:
    """The app starts or is served; a hook may still run."""
    status.observe(STARTED)
    status.observe(applied(2))
    status.observe(MigrationsCompleted(applied_count=2, current_revision="b2", duration_seconds=1.0))
    told = status.snapshot()
    done = (told["phase"], told["revisions_done"], told["revisions_to_do"], told["progress_percent"])
    assert done == ("starting_app", STARTED.pending_count, 0, 100)
    status.observe(HookStarted(hook="after_migrate", command="seed"))
    assert status.phase == "running_hook"
    status.observe(HookCompleted(hook="after_migrate", command="seed", duration_seconds=1.0))
    assert (status.phase, status.snapshot()["revisions_to_do"]) == ("starting_app", 0)


def test_a_start_that_has_not_begun_shows_all_its_fields() -> None:
    """They are public interface: probes and pages read them by these names."""
    public = {
        "state": "waiting",
        "phase": "preflight",
        "step": "database",
        "revisions_done": 0,
        "revisions_to_do": 0,
        "progress_percent": None,
        "elapsed_seconds": 1.2,
        "waiting_for": None,
        "waiting_seconds": None,
        "last_error": None,
    }
    assert StartupStatus("public", lambda: 1.234, lambda value: value).snapshot() == public
    full = {**public, "revision": None, "revisions": [], "statement": None, "waiting_for_detail": None}
    assert StartupStatus("full", lambda: 1.234, lambda value: value).snapshot() == full


def test_a_wait_is_reported_with_its_time_and_ends() -> None:
    """The kind is public; details, which may name hosts and users, only in full detail."""
    now = iter([10.0, 25.0, 40.0])  # the second wait is the same one
    status = StartupStatus("full", lambda: next(now), lambda value: value)
    waiting = LockWaiting(
        lock_name="l",
        holder="app@10.0.0.3",
        holder_statement="",
        holder_seconds=0.0,
        holder_progressing=True,
        waited_seconds=0.0,
    )
    status.observe(waiting)
    first = status.snapshot()
    assert (first["waiting_for"], first["waiting_seconds"]) == ("migration_lock", 15.0)
    assert first["waiting_for_detail"] == "app@10.0.0.3"
    status.observe(waiting)
    assert status.snapshot()["waiting_seconds"] == 30.0


def test_a_lock_that_was_taken_is_not_waited_for(status: StartupStatus) -> None:
    """Nor is a table after its statement."""
    status.observe(RETRY)
    assert status.snapshot()["waiting_for"] == "table_lock"
    status.observe(applied(1))
    assert status.snapshot()["waiting_for"] is None


def test_each_revision_is_listed_with_its_state(status: StartupStatus) -> None:
    """In the order in which they are applied."""
    for event in (PLANNED, applied(1), STARTED):
        status.observe(event)
    assert status.snapshot()["revisions"] == [
        {"revision": "a1", "state": "done"},
        {"revision": "b2", "state": "running"},
    ]


def failed() -> DatabaseRetryScheduled:
    """An attempt that failed."""
    return DatabaseRetryScheduled(
        attempt=1,
        retry_in_seconds=1.0,
        waited_seconds=1.0,
        error_type="refused",
        error_code=2003,
        error_message="no 10.0.0.7",
    )


def test_the_public_detail_has_the_kind_of_an_error_and_not_its_words() -> None:
    """A message may name hosts and users."""
    told = {}
    for detail in ("public", "full"):
        status = StartupStatus(detail, lambda: 1.0, lambda value: f"<{value}>")
        status.observe(failed())
        told[detail] = status.snapshot()["last_error"]
    full = {"error_type": "refused", "error_code": 2003, "error_message": "<no 10.0.0.7>", "hint": ""}
    assert told == {"public": "refused", "full": full}


def test_times_have_one_decimal_and_go_on_between_two_events() -> None:
    """A probe that asks twice sees that something runs."""
    now = [10.0]
    status = StartupStatus("full", lambda: now[0], lambda value: value)
    status.observe(progress(None, blocked_by="connection 12"))
    now[0] = 11.26
    told = status.snapshot()
    assert (told["statement"]["statement_seconds"], told["waiting_seconds"]) == (21.3, 1.3)


def test_a_revision_that_is_done_is_not_running(status: StartupStatus) -> None:
    """Between two revisions, the last one that started is done."""
    for event in (PLANNED, applied(1), STARTED, applied(2)):
        status.observe(event)
    assert [each["state"] for each in status.snapshot()["revisions"]] == ["done", "done"]


def test_each_event_ends_the_wait_that_it_answers(status: StartupStatus) -> None:
    """What is shown as waited for must still be waited for."""
    for begin, end, kind in (
        ("process_started", "database_ready", "database"),
        ("dependency_retry_scheduled", "dependency_ready", "service"),
        ("lock_waiting", "lock_acquired", "migration_lock"),
        ("revision_retry_scheduled", "revision_applied", "table_lock"),
        ("lock_waiting", "migrations_current", "migration_lock"),
        ("lock_waiting", "hook_started", "migration_lock"),
    ):
        status.observe(example(begin))
        assert status.snapshot()["waiting_for"] == kind
        status.observe(example(end))
        assert status.snapshot()["waiting_for"] is None, end

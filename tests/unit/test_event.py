"""Events are values: complete, unchangeable, and equal where they say the same."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from orchestrator.errors import BindFailed, MigrationHalfApplied, StartupError, StartupFailed
from orchestrator.events import LockAcquired, LockReleased, StateChanged

WAITED = StateChanged(previous_state="waiting", state="migrating")


def test_an_event_has_all_its_fields_and_no_others() -> None:
    """A misspelt field would be missing in the log, where nobody notices it."""
    kind: Any = StateChanged  # mypy would say the same
    with pytest.raises(TypeError, match=r"^StateChanged: missing: previous_state, state$"):
        kind()
    with pytest.raises(TypeError, match=r"^StateChanged: unknown: stat, was$"):
        kind(previous_state="waiting", state="migrating", stat="", was="")


def test_an_event_does_not_change() -> None:
    """It may be formatted later, in another thread."""
    changed: Any = WAITED
    with pytest.raises(FrozenInstanceError, match=r"^cannot assign to field 'state'$"):
        changed.state = "serving"
    assert WAITED.state == "migrating"


def test_events_are_equal_by_what_they_say() -> None:
    """Their class and all values; repeated ones are recognised by it."""
    again = StateChanged(state="migrating", previous_state="waiting")
    other = StateChanged(previous_state="waiting", state="serving")
    assert (again == WAITED, hash(again) == hash(WAITED)) == (True, True)
    assert other != WAITED
    assert len({WAITED, again, other}) == 2
    assert LockAcquired(lock_name="a", waited_seconds=1.0) != LockReleased(lock_name="a", held_seconds=1.0)
    assert repr(WAITED) == "StateChanged(previous_state='waiting', state='migrating')"


def test_its_metrics_are_the_durations_that_have_a_name() -> None:
    """CloudWatch keeps them, in the unit of the field."""
    acquired = LockAcquired(lock_name="a", waited_seconds=1.5)
    assert acquired.metrics() == {"lock_wait_seconds": 1.5}
    assert LockReleased(lock_name="a", held_seconds=2.0).metrics() == {}
    units = {each.name: each.metadata["unit"] for each in fields(LockAcquired)}
    assert (units["lock_name"], units["waited_seconds"]) == ("", "seconds")


def test_the_last_event_says_which_failure_ended_the_start() -> None:
    """An alarm on it leads to the event that has the details, and to the cure."""
    failure = BindFailed(error_type="in_use", error_code=98, error_message="taken", host="::1", port=80)
    assert StartupFailed.after(failure, "migrating", str, "starting_app") == StartupFailed(
        error_type="in_use",
        error_code=98,
        error_message="Cannot listen on ::1:80: taken",
        hint=BindFailed.cure,
        exit_code=11,
        failed_state="migrating",
        failed_phase="starting_app",
        failure_event="bind_failed",
    )
    assert StartupFailed.after(failure, "waiting", str).failed_phase == ""
    assert BindFailed(error_type="", error_message="", host="", port=0, hint="better").hint == "better"


def test_a_list_that_was_not_given_is_empty_and_its_own() -> None:
    """An event that is completed later must not change another one."""
    given = {"error_type": "x", "revision": "", "statement_index": 0, "statement": "", "statements_done": 0}
    one, other = MigrationHalfApplied(**given), MigrationHalfApplied(**given)  # type: ignore[arg-type]
    assert one.applied == []
    assert one.applied is not other.applied


def test_the_exception_of_a_failure_is_kept_for_the_report() -> None:
    """Its traceback goes into the event."""
    failure, cause = BindFailed(error_type="", error_message="taken", host="", port=0), OSError()
    error = StartupError(failure, cause)
    assert (error.failure, error.exception, str(error)) == (failure, cause, failure.message)

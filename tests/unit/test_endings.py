"""The last event of a process, and its exit code: one of each, for any cause."""

import threading

import pytest

from orchestrator.errors import BindFailed, MigrationStopped, StartupError, StartupFailed
from orchestrator.events import Event, ProcessStopped
from orchestrator.log.redaction import Redactor
from orchestrator.runtime.lifecycle import Lifecycle, State
from orchestrator.runtime.task import Task
from orchestrator.start.endings import Ending
from tests.unit.told import Told

FAILURE = BindFailed(error_type="in_use", error_message="taken", host="::1", port=80)


def ending(command: str, *states: State) -> tuple[Ending, Told]:
    """Return the ending of a process that went through these states."""
    told = Told()
    lifecycle = Lifecycle(told)
    for state in states:
        lifecycle.advance(state)
    told.events.clear()
    told.exceptions.clear()
    return Ending(Task(command), lifecycle, told), told  # type: ignore[arg-type]


SERVED, MIGRATING, DRAINED = (State.SERVING,), (State.MIGRATING,), (State.SERVING, State.DRAINING)


@pytest.mark.parametrize(
    ("command", "states", "code", "names"),
    [
        ("serve", SERVED, 0, ["draining", "stopped", "process_stopped"]),
        ("serve", DRAINED, 0, ["stopped", "process_stopped"]),
        ("serve", MIGRATING, 0, ["stopped", "process_stopped"]),
        ("run", (), 0, ["stopped", "process_stopped"]),
        ("wait", (), 12, ["migration_stopped", "failed", "startup_failed"]),
        ("migrate", MIGRATING, 12, ["migration_stopped", "failed", "startup_failed"]),
    ],
)
def test_a_stop_is_a_failure_only_of_a_command_that_missed_its_target(
    command: str, states: tuple[State, ...], code: int, names: list[str]
) -> None:
    """A service that is stopped did what it was asked; a pipeline must not go on without its migration."""
    end, told = ending(command, *states)
    assert (end.stopped(), told.names) == (code, names)


@pytest.mark.parametrize(
    ("command", "states", "code"),
    [("serve", SERVED, 0), ("serve", DRAINED, 0), ("serve", MIGRATING, 12), ("run", MIGRATING, 12), ("wait", (), 12)],
)
def test_a_budget_that_is_spent_is_a_failure_while_it_migrates(
    command: str, states: tuple[State, ...], code: int
) -> None:
    """What hangs then may be a statement, whose end nobody sees."""
    end, told = ending(command, *states)
    assert end.overdue_code == code
    assert end.overdue() == code
    last = told.events[-1]
    assert (last.exit_code, isinstance(last, StartupFailed)) == (code, code > 0)  # type: ignore[attr-defined]


def test_only_the_first_end_counts() -> None:
    """The guard of the budget and the usual end may meet; a line after the last one would contradict it."""
    end, told = ending("serve", *SERVED)
    assert end.failed(StartupError(FAILURE)) == 11
    known = list(told.events)
    assert (end.done(), end.stopped(), end.overdue(), end.bug(ValueError("x"))) == (11, 11, 11, 11)
    assert told.events == known
    assert not any(isinstance(each, ProcessStopped) for each in known)


def test_a_failure_is_followed_by_the_last_event_with_state_and_phase() -> None:
    """The phase is the step of that time; in `waiting` several go on together, so there is none."""
    for states, state, phase in (((), "waiting", ""), (MIGRATING, "migrating", "migrating")):
        end, told = ending("serve", *states)
        assert end.failed(StartupError(FAILURE, error := ValueError("x"))) == 11
        assert told.names == ["bind_failed", "failed", "startup_failed"]
        assert told.exceptions[0] is error
        last = told.events[-1]
        assert isinstance(last, StartupFailed)
        assert (last.failed_state, last.failed_phase, last.failure_event) == (state, phase, "bind_failed")


def test_a_bug_of_ours_has_exit_code_1_and_its_traceback() -> None:
    """It is reported as one, without a failure before it."""
    end, told = ending("serve", *MIGRATING)
    error = ValueError("x")
    assert end.bug(error) == 1
    assert (told.names, told.exceptions[-1]) == (["failed", "startup_failed"], error)
    last = told.events[-1]
    assert isinstance(last, StartupFailed)
    assert (last.error_type, last.error_message, last.exit_code) == ("bug", "ValueError: x", 1)
    assert last.hint.startswith("This is a bug in the orchestrator.")
    assert MigrationStopped.exits_with != last.exit_code


def test_an_end_in_another_thread_waits_for_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget may be spent while the usual end writes its events: between them no other one fits."""
    end, told = ending("serve", *MIGRATING)
    codes: list[int] = []
    late, report = threading.Thread(target=lambda: codes.append(end.overdue())), Told.__call__

    def interrupted(told: Told, event: Event, exception: BaseException | None = None) -> None:
        if late.ident is None:
            late.start()
            late.join(0.1)
        report(told, event, exception)

    monkeypatch.setattr(Told, "__call__", interrupted)
    assert end.failed(StartupError(FAILURE)) == 11
    late.join(10)
    assert (codes, told.names) == ([11], ["bind_failed", "failed", "startup_failed"])


def test_the_last_events_come_after_all_that_was_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-printed line of the app, written after the last event, would look like life after the end."""
    end, told = ending("serve", *MIGRATING)
    seen: list[list[str]] = []
    monkeypatch.setattr("orchestrator.start.endings.finish_prints", lambda: seen.append(told.names))
    end.done()
    assert seen == [[]]


def test_no_end_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure's words are a driver's, and a bug's may hold anything."""
    redactor = Redactor()
    redactor.register({"hunter2-hunter2"})
    monkeypatch.setattr("orchestrator.start.endings.REDACTOR", redactor)
    for how in ("failed", "bug"):
        end, told = ending("serve")
        failure = BindFailed(error_type="x", error_message="for hunter2-hunter2", host="::1", port=80)
        assert end.failed(StartupError(failure)) if how == "failed" else end.bug(ValueError("for hunter2-hunter2"))
        last = told.events[-1]
        assert isinstance(last, StartupFailed)
        assert "for ***" in last.error_message


@pytest.mark.parametrize("near", ["its cause says so", "there is no room"])
def test_a_process_without_memory_is_no_bug(near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hint is the limit, whatever error it was that a library made of it."""
    spent: list[bool] = []
    monkeypatch.setattr("orchestrator.start.endings.spend_reserve", lambda: spent.append(True))
    monkeypatch.setattr("orchestrator.start.endings.is_near_limit", lambda: near == "there is no room")
    end, told = ending("serve", *MIGRATING)
    error = ValueError("x")
    if near == "its cause says so":
        error.__cause__ = MemoryError()
    assert (end.bug(error), end.exhausted, spent) == (1, True, [True])
    last = told.events[-1]
    assert isinstance(last, StartupFailed)
    assert (last.error_type, last.hint.startswith("The process has reached a limit")) == ("limit", True)
    end, _ = ending("serve", *MIGRATING)
    failed = StartupError(FAILURE)
    failed.__cause__ = error
    assert (end.failed(failed), end.exhausted) == (11, near == "its cause says so")

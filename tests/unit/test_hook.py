"""How a hook is watched: its time limit, a stop, a lost lock, its signs of life; in a time that passes at once."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from orchestrator.errors import HookFailed, StartupError
from orchestrator.events import Event, HookProgress
from orchestrator.migrations.upgrade import hooks
from orchestrator.migrations.upgrade.hooks import GRACE_SECONDS, Hook
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.settings.model import Settings


class Command:
    """A command that ends after `seconds`, and the clock that its waits turn."""

    tail = "the end"

    def __init__(self, seconds: float, code: int) -> None:
        self.now, self._until, self._code = 1000.0, 1000.0 + seconds, code
        self.ended_within: float | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def wait(self, seconds: float) -> int | None:
        """As `HookProcess.wait`."""
        self.meanwhile()
        self.now = min(self.now + seconds, self._until)
        return self._code if self.now >= self._until else None

    def end(self, grace_seconds: float) -> int:
        """As `HookProcess.end`."""
        self.ended_within = grace_seconds
        return 143

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Event]]:
    """Return a function that runs a hook and returns its events."""

    def run(command: Command, stop: Stop | None = None, guard: Any = None) -> list[Event]:
        told: list[Event] = []
        settings = Settings(before_migrate="seed", hook_timeout_seconds=60, heartbeat_seconds=10)
        monkeypatch.setattr(hooks, "time", command)
        monkeypatch.setattr(hooks, "HookProcess", lambda *_: command)
        credentials: Any = None
        hook = Hook("before_migrate", settings, credentials, stop or Stop(), told.append, revisions_applied=2)
        hook._run(guard)  # noqa: SLF001  # below the connection
        return told

    return run


def failure(raised: pytest.ExceptionInfo[StartupError]) -> HookFailed:
    """Return the failure that was raised."""
    assert isinstance(raised.value.failure, HookFailed)
    return raised.value.failure


def test_a_hook_shows_that_it_runs_at_each_heartbeat(run: Callable[..., list[Event]]) -> None:
    """Between its start and its end."""
    told = run(Command(seconds=35, code=0))
    assert [each.name for each in told] == ["hook_started", *["hook_progress"] * 3, "hook_completed"]
    assert [each.hook_seconds for each in told if isinstance(each, HookProgress)] == [10.0, 20.0, 30.0]


def test_a_hook_is_ended_at_its_time_limit(run: Callable[..., list[Event]]) -> None:
    """Not before, and not at twice the time."""
    assert run(Command(seconds=60, code=0))
    command = Command(seconds=90, code=0)
    with pytest.raises(StartupError) as raised:
        run(command)
    assert (command.now, command.ended_within) == (1060.0, GRACE_SECONDS)
    found = failure(raised)
    assert (found.error_type, found.hook_exit_code, found.output, found.revisions_applied) == (
        "hook_timeout",
        143,
        "the end",
        2,
    )
    assert found.error_message == "it did not end within 60 s"


def test_a_hook_that_fails_has_its_exit_code(run: Callable[..., list[Event]]) -> None:
    """It ended by itself."""
    command = Command(seconds=1, code=7)
    with pytest.raises(StartupError) as raised:
        run(command)
    assert (failure(raised).error_type, failure(raised).hook_exit_code, command.ended_within) == ("hook_exit", 7, None)


def test_a_stop_ends_a_hook_and_keeps_time_for_the_rest(run: Callable[..., list[Event]]) -> None:
    """The rest of the budget is for the last events."""
    command, stop = Command(seconds=30, code=0), Stop()
    stop.budget_seconds = 1000
    command.meanwhile = lambda: stop.request("SIGTERM") if command.now >= 1005 else None
    with pytest.raises(StopAsked):
        run(command, stop)
    assert command.now < 1010
    assert command.ended_within == pytest.approx(700, abs=30)


@pytest.mark.parametrize("broken", [False, True])
def test_a_hook_without_its_lock_is_ended(run: Callable[..., list[Event]], *, broken: bool) -> None:
    """Another replica may hold it by now, and run the same command."""

    class Guard:
        name = "orchestrator:plants"
        connection = property(lambda self: self)
        looks = commits = 0

        def is_ours(self) -> bool:
            self.looks += 1
            if broken and self.looks == 3:
                raise OSError("gone")
            return self.looks < 3

        def commit(self) -> None:
            self.commits += 1

    command, guard = Command(seconds=30, code=0), Guard()
    with pytest.raises(StartupError) as raised:
        run(command, guard=guard)
    assert (failure(raised).error_type, command.ended_within) == ("lock_lost", GRACE_SECONDS)
    assert guard.commits >= guard.looks - 1, "an open transaction would be older than the revisions"


def test_a_command_does_not_outlive_an_error_of_ours(run: Callable[..., list[Event]]) -> None:
    """The next start would run it again, beside this one."""
    command = Command(30, 0)
    command.meanwhile = Mock(side_effect=MemoryError)
    with pytest.raises(MemoryError):
        run(command)
    assert command.ended_within == GRACE_SECONDS

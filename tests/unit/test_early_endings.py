"""Ends before or outside a start: each leaves its last event, in the state that it ended."""

import pytest

from orchestrator import log
from orchestrator.errors import BindFailed, StartupError, StartupFailed
from orchestrator.start import early_endings
from tests.unit.told import Told

FAILURE = BindFailed(error_type="in_use", error_message="for hunter2-hunter2", host="::1", port=80)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return for how long a slow reader of the log was waited for."""
    seconds: list[float] = []
    monkeypatch.setattr(log, "settle", seconds.append)
    return seconds


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Return the reporter of the end."""
    told = Told()
    monkeypatch.setattr(early_endings, "_reporter", lambda: told)
    redactor = log.redaction.Redactor()
    redactor.register({"hunter2-hunter2"})
    monkeypatch.setattr(log, "REDACTOR", redactor)
    return told


def last_of(told: Told) -> StartupFailed:
    """Return the last event."""
    last = told.events[-1]
    assert isinstance(last, StartupFailed)
    return last


def test_refused_settings_end_in_the_state_failed(told: Told, settled: list[float]) -> None:
    """As any failed start; and its reader gets the time to read why."""
    assert early_endings.refuse_settings(StartupError(FAILURE)) == 11
    assert (told.names, settled) == (["bind_failed", "failed", "startup_failed"], [20.0])
    assert last_of(told).failed_state == "waiting"
    assert "hunter2" not in last_of(told).error_message


@pytest.mark.parametrize("state", ["waiting", "serving", "failed", "stopped"])
def test_a_crash_ends_in_the_state_in_which_it_came(told: Told, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is an end stays the last one."""
    monkeypatch.setattr(log.CONTEXT, "state", state)
    assert early_endings.crash(ValueError("for hunter2-hunter2")) == 1
    assert told.names == [*(() if state in {"failed", "stopped"} else ["failed"]), "startup_failed"]
    assert (last_of(told).failed_state, last_of(told).error_message) == (state, "ValueError: for ***")


def test_only_a_failure_waits_long_for_a_slow_reader(settled: list[float]) -> None:
    """A stop has no time to lose."""
    for code in (0, 1):
        early_endings.settle(code)
    assert settled == [1.0, 20.0]

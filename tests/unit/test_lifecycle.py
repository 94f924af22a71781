"""The law of the states: every arrow there is, and no other."""

import itertools

import pytest

from orchestrator.events import Event, StateChanged
from orchestrator.runtime.lifecycle import TRANSITIONS, Lifecycle, State

ARROWS = {
    ("waiting", "migrating"),
    ("waiting", "serving"),
    ("waiting", "draining"),
    ("waiting", "stopped"),
    ("waiting", "failed"),
    ("migrating", "serving"),
    ("migrating", "draining"),
    ("migrating", "stopped"),
    ("migrating", "failed"),
    ("serving", "draining"),
    ("serving", "failed"),
    ("draining", "stopped"),
    ("draining", "failed"),
}


def in_state(state: str, told: list[Event]) -> Lifecycle:
    """A lifecycle in that state."""
    lifecycle = Lifecycle(told.append)
    lifecycle.state = State(state)
    return lifecycle


def test_the_states_are_those_of_the_contract() -> None:
    """They stand on every line and in every dashboard."""
    assert list(State) == ["waiting", "migrating", "serving", "draining", "stopped", "failed"]
    assert TRANSITIONS.keys() == set(State)
    assert Lifecycle(lambda _: None).state == "waiting"


@pytest.mark.parametrize(("before", "after"), sorted(ARROWS))
def test_an_allowed_change_is_made_and_reported(before: str, after: str) -> None:
    """Reported once, after the change: a listener sees the new state."""
    told: list[Event] = []
    lifecycle = in_state(before, told)
    seen: list[str] = []
    lifecycle._emit = lambda event: (told.append(event), seen.append(lifecycle.state))  # type: ignore[func-returns-value,assignment]  # noqa: SLF001  # to look from within
    lifecycle.advance(State(after))
    assert told == [StateChanged(previous_state=before, state=after)]
    assert seen == [after]


@pytest.mark.parametrize(("before", "after"), sorted(set(itertools.product(State, State)) - ARROWS))
def test_any_other_arrow_is_refused_and_changes_nothing(before: str, after: str) -> None:
    """It is a bug of the caller, and must not reach the log as if it had happened."""
    told: list[Event] = []
    lifecycle = in_state(before, told)
    with pytest.raises(ValueError, match=f"no way from {before} to {after}"):
        lifecycle.advance(State(after))
    assert lifecycle.state == before
    assert told == []


def test_every_state_but_the_first_can_be_reached_and_every_start_can_end() -> None:
    """A state without a way in or out would be a trap."""
    assert {after for _, after in ARROWS} == set(State) - {"waiting"}
    assert {before for before, _ in ARROWS} == set(State) - {"stopped", "failed"}


def test_the_table_cannot_be_changed() -> None:
    """It applies to the whole process."""
    with pytest.raises(TypeError):
        TRANSITIONS[State.FAILED] = frozenset(State)  # type: ignore[index]

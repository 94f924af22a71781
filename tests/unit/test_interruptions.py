"""Interruptions of a migration: how often it is continued, and for how long a full server is waited for."""

from typing import Any

import pytest

from orchestrator.databases.diagnosis import BUSY, LOST
from orchestrator.databases.interruption import Interrupted
from orchestrator.errors import MigrationFailed, StartupError
from orchestrator.migrations.upgrade.interruptions import IN_VAIN, Interruptions

NOWHERE: dict[str, Any] = {"error_type": "", "error_message": "", "statement": "", "statements_done": 0}


def _lost(revision: str, statement_index: int = 1) -> Interrupted:
    failure = MigrationFailed(**NOWHERE, revision=revision, statement_index=statement_index)
    return Interrupted(failure, LOST.found(2013, "Lost connection"))


def test_a_place_where_the_database_goes_away_again_and_again_is_a_failure() -> None:
    """The statement itself may end the server."""
    told: list[Any] = []
    several = Interruptions(told.append, 60)
    for _ in range(IN_VAIN - 1):
        several.note(_lost("r1"))
    with pytest.raises(StartupError) as failed:
        several.note(_lost("r1"))
    assert failed.value.failure.hint.startswith(f"The database went away {IN_VAIN} times at this place")
    assert [(event.name, event.interruptions) for event in told] == [
        ("migration_interrupted", number) for number in range(1, IN_VAIN)
    ]


def test_interruptions_at_other_places_are_not_counted_together() -> None:
    """A migration that gets on may be interrupted any number of times."""
    several = Interruptions(lambda _: None, 60)
    for number in range(10 * IN_VAIN):
        assert several.note(_lost("r1", number)) == 0.0


def test_a_full_server_is_waited_for_with_growing_pauses_and_not_longer_than_the_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no interruption: the run has not begun."""
    told: list[Any] = []
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("orchestrator.backoff.random.uniform", lambda _low, high: high)
    full = Interrupted(_lost("").failure, BUSY.found(1040, "Too many connections"))
    several = Interruptions(told.append, 60)
    pauses = []
    for _ in range(6):
        pauses.append(several.note(full))
        now[0] += 10
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    now[0] += 1
    with pytest.raises(StartupError) as failed:
        several.note(full)
    assert failed.value.failure is full.failure
    assert [(event.name, event.attempt, event.waited_seconds) for event in told] == [
        ("database_retry_scheduled", number + 1, 10.0 * number) for number in range(6)
    ]

"""Trying again what gave up waiting for a lock, in a time that passes at once."""

from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.databases.observation import Blocker, Observation
from orchestrator.migrations.journal import lock_retry
from orchestrator.migrations.journal.lock_retry import FIRST_SECONDS, LONGEST_SECONDS, LockRetry, MigrationAborted
from orchestrator.runtime.stop import StopAsked

LIMIT = 5.0


class Scene:
    """Replaces the clock and the stop.

    Attributes:
        now: The time of the clock.
        stop_at: When a stop is requested.
        told: What was announced, and when.
    """

    def __init__(self, budget: float) -> None:
        self.now = 1000.0
        self.stop_at = float("inf")
        self.told: list[tuple[float, Any]] = []
        self.requested: Any = self
        stop: Any = self
        self.patience = LockRetry(budget, self.emit, stop, lambda: Observation(blockers=[Blocker("connection 12")]))

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now

    def emit(self, event: Any) -> None:
        """Hear what is announced."""
        self.told.append((self.now, event))

    def wait(self, seconds: float) -> bool:
        """As `threading.Event.wait` of the stop: it ends with the stop."""
        self.now = min(self.now + seconds, max(self.now, self.stop_at))
        return self.now >= self.stop_at

    def run(self, index: int = 1, revision: str = "a1") -> int:
        """Run a statement that never gets its lock, until it is given up; returns how often it was run."""
        self.now += LIMIT
        runs = 1
        while self.patience.wait(revision, index):
            self.now += LIMIT
            runs += 1
        return runs


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene with a budget of a minute."""
    scene = Scene(budget=60)
    monkeypatch.setattr(lock_retry, "time", scene)
    return scene


def test_the_budget_is_kept(scene: Scene) -> None:
    """From the first time on that it was given up; there is one more wait for the lock at most."""
    began = scene.now + LIMIT
    scene.run()
    assert 60 <= scene.now - began <= 60 + LIMIT


def test_the_pauses_grow_with_jitter_up_to_their_longest(scene: Scene) -> None:
    """Replicas of several services that blocked each other must not meet again at the same moment."""
    scene.patience.budget_seconds = 600
    scene.run()
    pauses = [event.retry_in_seconds for _, event in scene.told]
    longest = [min(LONGEST_SECONDS, FIRST_SECONDS * 2**n) for n in range(len(pauses))]
    assert all(top / 2 <= pause <= top for pause, top in zip(pauses[:-1], longest, strict=False))
    assert max(pauses) > LONGEST_SECONDS / 2
    assert len(set(pauses)) > len(pauses) / 2


def test_each_pause_is_announced_before_it(scene: Scene) -> None:
    """With who is in the way, and which attempt it was."""
    scene.run(index=3)
    assert [event.attempt for _, event in scene.told] == list(range(1, len(scene.told) + 1))
    for (time, event), (later, _) in zip(scene.told, scene.told[1:], strict=False):
        assert (event.revision, event.statement_index, event.blocked_by) == ("a1", 3, "connection 12")
        assert later == pytest.approx(time + event.retry_in_seconds + LIMIT, abs=0.001)


def test_without_a_budget_nothing_is_tried_again(scene: Scene) -> None:
    """A budget of 0 means an immediate report."""
    scene.patience.budget_seconds = 0
    assert scene.run() == 1
    assert scene.told == []


def test_each_statement_has_the_budget_to_itself(scene: Scene) -> None:
    """A long revision on a busy table meets many locks, each for a moment."""
    runs = [scene.run(index) for index in (1, 2, 3)]
    runs += [scene.run(3, revision="a2")]
    assert min(runs) > 3
    assert {event.attempt for _, event in scene.told if event.statement_index == 2} >= {1, 2, 3}
    firsts = [event.retry_in_seconds for _, event in scene.told if event.attempt == 1]
    assert len(firsts) == 4
    assert max(firsts) <= FIRST_SECONDS


def test_a_stop_ends_the_pause(scene: Scene) -> None:
    """At once, and in a way that no revision catches by mistake."""
    scene.patience.budget_seconds = 600
    scene.stop_at = scene.now + 100
    with pytest.raises(MigrationAborted) as raised:
        scene.run()
    assert isinstance(raised.value.cause, StopAsked)
    assert not isinstance(raised.value, Exception)
    assert scene.now == pytest.approx(scene.stop_at, abs=LIMIT)


@hypothesis.given(st.floats(0, 3600), st.integers(1, 5))
def test_it_always_ends(budget: float, statements: int) -> None:
    """However small or large the budget is."""
    scene = Scene(budget)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock_retry, "time", scene)
        began = scene.now
        for index in range(statements):
            scene.run(index)
        assert scene.now - began <= statements * (budget + 3 * LIMIT)

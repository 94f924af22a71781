"""The wait for the migration lock, in a time that passes at once: what ends it, and what is reported meanwhile."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.databases import Activity, Holder
from orchestrator.errors import LockTimeout, StartupError
from orchestrator.events import Event, LockWaiting
from orchestrator.migrations.upgrade import lock_wait, resting
from orchestrator.migrations.upgrade.lock_wait import LockWait
from orchestrator.migrations.upgrade.resting import HolderSilence
from orchestrator.runtime.stop import StopAsked
from orchestrator.settings.model import Settings


class Scene:
    """Replaces the clock, the stop and the lock, which another connection holds until `free_at`.

    Attributes:
        ended: The holders whose session was ended.
    """

    name, pause_seconds = "orchestrator:plants", 1.0

    def __init__(self, *, free_at: float = 1e9, stop_at: float = 1e9, shows_life: bool | None = None) -> None:
        self.now, self.free_at, self.stop_at, self._shows_life = 1000.0, free_at, stop_at, shows_life
        self.requested: Any = self
        self.told: list[Event] = []
        self.ended: list[Holder] = []

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now

    def wait(self, seconds: float) -> bool:
        """As the wait for a stop."""
        self.now += seconds
        return self.now >= self.stop_at

    def try_acquire(self) -> bool:
        """As `MigrationLock.try_acquire`."""
        return self.now >= self.free_at

    def holder(self) -> Holder:
        """Return an idle session, or one whose process shows no life."""
        idle = self.now - 1000
        return Holder("connection 7", "", idle, Activity.IDLE, connection_id=7, shows_life=self._shows_life)

    def end(self, holder: Holder) -> bool:
        """As `MigrationLock.end`."""
        self.ended.append(holder)
        self.free_at = self.now
        return True

    def end_sql(self, holder: Holder) -> str:
        """As `MigrationLock.end_sql`."""
        return f"KILL {holder.connection_id}"

    def run(
        self, is_shared: Callable[[], bool] = lambda: False, record: Callable[[], str] = str, **settings: Any
    ) -> bool:
        """Wait for the lock."""
        scene: Any = self
        given = Settings(**{"lock_timeout_seconds": 60, "heartbeat_seconds": 10} | settings)
        return LockWait(scene, given, scene, self.told.append, record).until(is_shared)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    """Return what makes a scene with its clock."""

    def make(**options: Any) -> Scene:
        scene = Scene(**options)
        monkeypatch.setattr(lock_wait, "time", scene)
        return scene

    return make


def test_a_free_lock_is_taken_without_a_word(scene: Callable[..., Scene]) -> None:
    """The usual case."""
    free = scene(free_at=0)
    assert (free.run(), free.told, free.now) == (True, [], 1000.0)


def test_the_holder_is_reported_at_each_heartbeat_until_the_lock_is_free(scene: Callable[..., Scene]) -> None:
    """First at once: that is when somebody looks."""
    waiting = scene(free_at=1025)
    assert waiting.run()
    told = [each for each in waiting.told if isinstance(each, LockWaiting)]
    assert [each.waited_seconds for each in told] == [1.0, 11.0, 21.0]
    assert {(each.lock_name, each.holder) for each in told} == {("orchestrator:plants", "connection 7")}


def test_a_stop_ends_the_wait(scene: Callable[..., Scene]) -> None:
    """At once: nothing was begun."""
    stopped = scene(stop_at=1005)
    with pytest.raises(StopAsked):
        stopped.run()
    assert stopped.now == 1005


def test_a_connection_of_the_same_run_may_share_it(scene: Callable[..., Scene]) -> None:
    """It would wait for itself."""
    shared = scene()
    assert shared.run(lambda: True) is False
    assert (shared.told, shared.now) == ([], 1000.0)


def test_a_holder_without_progress_is_given_up_with_what_to_do_about_it(scene: Callable[..., Scene]) -> None:
    """After the limit, with who it is and the statement that ends its session."""
    stuck = scene()
    with pytest.raises(StartupError) as raised:
        stuck.run()
    assert 1060 <= stuck.now <= 1070
    failure = raised.value.failure
    assert isinstance(failure, LockTimeout)
    assert (failure.error_type, failure.holder, failure.waited_seconds) == (
        "lock_timeout",
        "connection 7",
        stuck.now - 1000,
    )
    assert failure.error_message.startswith("another migration holds it, and made no progress for 60.")
    assert "KILL 7" in failure.hint
    assert stuck.ended == [], "it may be a person's session"


def test_a_holder_whose_journal_grows_is_waited_for(scene: Callable[..., Scene]) -> None:
    """Not every login sees what the holder runs; all see its journal."""
    rows = itertools.count()
    assert scene(free_at=1300).run(record=lambda: f"{next(rows)} statements")


def test_a_session_whose_process_is_gone_is_ended(scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    """It had promised to show life; only then, and after several looks."""
    monkeypatch.setattr(resting, "SHORTEST_REST_SECONDS", 20)
    gone = scene(shows_life=False)
    assert gone.run(lock_timeout_seconds=60)
    (ended,) = gone.ended
    assert ended.connection_id == 7
    assert gone.now - 1000 >= resting.SILENT_SECONDS


@pytest.mark.parametrize(
    ("looks", "rested", "ends"),
    [
        ((0, 15, 30, 45), 50, True),
        ((0, 15, 30, 44), 100, False),
        ((0, 20, 45), 100, False),
        ((0, 15, 30, 45), 49, False),
    ],
)
def test_a_silent_session_is_ended_only_after_long_enough(looks: tuple[int, ...], rested: float, *, ends: bool) -> None:
    """By our clock, by the number of our looks, and by the server's clock: each alone may be wrong."""
    lock: Any = Scene()
    silence = HolderSilence(lock, 50)
    for now in looks:
        silence.look(Holder("connection 7", "", rested, Activity.IDLE, connection_id=7, shows_life=False), now)
    assert bool(lock.ended) is ends

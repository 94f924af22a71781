"""Watching the running statement, with a simulated clock: when it is looked at, and what is reported."""

import asyncio
from typing import Any

import pytest

from orchestrator.databases.observation import Blocker, Observation
from orchestrator.migrations.upgrade.progress import ProgressWatcher
from orchestrator.migrations.upgrade.shared import Running
from orchestrator.settings.model import Settings
from tests.unit.environments import read

pytestmark = pytest.mark.looptime(start=0)

COPYING = Observation("copy to tmp table", 42.0, 1000)
BLOCKED = Observation("Waiting for table metadata lock", waits_for_lock=True, blockers=[Blocker("connection 12")])


class Scene:
    """Replaces an upgrade and its server: the test sets what runs and what is seen.

    Attributes:
        sees: The result, or the error, of each look.
        takes_seconds: How long a look takes.
        looks: The times of the looks.
        told: The reports, with their times.
    """

    connection_id = 7

    def __init__(self) -> None:
        self.running: Running | None = None
        self.blocked_by: tuple[Running, Observation] | None = None
        self.sees: Observation | Exception = Observation()
        self.takes_seconds = 0.01
        self.looks: list[float] = []
        self.told: list[tuple[float, Any]] = []

    def run(self, index: int = 1) -> Running:
        """Begin a statement."""
        self.running = Running("a1", index, f"ALTER TABLE plants {index}", since=self.monotonic())
        return self.running

    def watcher(self, heartbeat: float = 10, lock_timeout: float = 5, attempt: float = 5) -> ProgressWatcher:
        """Watch it."""
        settings = Settings(
            heartbeat_seconds=heartbeat, ddl_lock_timeout_seconds=lock_timeout, connect_timeout_seconds=attempt
        )
        upgrade: Any = self
        return ProgressWatcher(upgrade, read(), settings, self.emit)

    def watch(self, *settings: float) -> asyncio.Task[None]:
        """Begin to watch it; in the test's own time, which is not that of the fixtures."""
        self._task = asyncio.create_task(self.watcher(*settings).watch())
        return self._task

    def emit(self, event: Any) -> None:
        """Collect an event."""
        self.told.append((round(self.monotonic(), 1), event))

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return asyncio.get_running_loop().time()

    async def connected(self, _credentials: object, _look: object, *, timeout_seconds: float) -> Observation:
        """Look once."""
        self.looks.append(round(self.monotonic(), 1))
        async with asyncio.timeout(timeout_seconds):
            await asyncio.sleep(self.takes_seconds)
        if isinstance(self.sees, Exception):
            raise self.sees
        return self.sees

    @property
    def times(self) -> list[float]:
        """Return the times of the reports."""
        return [time for time, _ in self.told]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene in which nothing runs."""
    scene = Scene()
    monkeypatch.setattr("orchestrator.migrations.upgrade.progress.time", scene)
    monkeypatch.setattr("orchestrator.migrations.upgrade.progress.connected", scene.connected)
    return scene


async def test_a_long_statement_is_reported_of_once_a_heartbeat(scene: Scene) -> None:
    """With the result of the look; exactly as often as the operator has configured."""
    scene.watch()
    scene.sees = COPYING
    running = scene.run(index=3)
    await asyncio.sleep(35)
    assert scene.times == [10.0, 20.0, 30.0]
    (_, event), *_ = scene.told
    assert (event.revision, event.statement_index, event.statement) == ("a1", 3, running.statement)
    assert (event.statement_state, event.progress_percent, event.rows) == ("copy to tmp table", 42.0, 1000)
    assert (event.blocked_by, event.blocked_seconds) == ("", 0.0)
    assert event.statement_seconds == pytest.approx(10, abs=0.1)


async def test_quick_statements_are_not_reported(scene: Scene) -> None:
    """For any number of them, and without a connection."""
    scene.watch()
    for index in range(100):
        scene.run(index)
        await asyncio.sleep(0.9)
    assert scene.told == []
    assert scene.looks == []


async def test_nothing_is_reported_while_nothing_runs(scene: Scene) -> None:
    """Between two statements Python runs, of which no server knows anything."""
    scene.watch()
    await asyncio.sleep(100)
    assert scene.looks == []


async def test_a_statement_that_ended_long_ago_is_not_reported(scene: Scene) -> None:
    """A look is useless if the statement has ended meanwhile: it may have seen the next one."""
    scene.watch()
    scene.run()
    scene.sees, scene.takes_seconds = BLOCKED, 1.0
    await asyncio.sleep(10.5)  # in the middle of the look for the report
    scene.blocked_by = None
    scene.run(index=2)
    await asyncio.sleep(1.5)
    assert scene.told == []
    assert scene.blocked_by is None


@pytest.mark.parametrize(
    ("heartbeat", "lock_timeout"), [(10, 5), (0.2, 5), (10, 0.5), (60, 7), (86_400, 86_400), (1, 3)]
)
async def test_a_session_that_waits_for_a_lock_is_seen_before_the_server_gives_up(
    scene: Scene, heartbeat: float, lock_timeout: float
) -> None:
    """Afterwards it is not known which session blocked it."""
    scene.watch(heartbeat, lock_timeout)
    await asyncio.sleep(0.123)
    scene.sees = BLOCKED
    running = scene.run()
    await asyncio.sleep(lock_timeout * 0.9)
    assert scene.blocked_by == (running, BLOCKED)


@pytest.mark.parametrize("after", [3.1, 8.0, 59.0, 122.2])
async def test_a_lock_that_is_waited_for_late_is_seen_as_well(scene: Scene, after: float) -> None:
    """An ALTER TABLE copies for an hour, and then waits for the lock under which it swaps the tables."""
    scene.watch()
    running = scene.run()
    await asyncio.sleep(after)
    assert scene.blocked_by is None
    scene.sees = BLOCKED
    await asyncio.sleep(5 * 0.9)
    assert scene.blocked_by == (running, BLOCKED)


async def test_who_was_in_the_way_is_remembered(scene: Scene) -> None:
    """The server may let the statement go, or give it up, between two looks."""
    scene.watch()
    scene.sees = BLOCKED
    running = scene.run()
    await asyncio.sleep(3)
    scene.sees = COPYING
    await asyncio.sleep(30)
    assert scene.blocked_by == (running, BLOCKED)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), ValueError("a bug"), TimeoutError()])
async def test_the_event_comes_after_any_failure_of_a_look(scene: Scene, error: Exception) -> None:
    """When a server is full or too busy to answer, the operator wants to know that the migration still runs."""
    scene.watch()
    scene.sees = error
    scene.run()
    await asyncio.sleep(25)
    assert scene.times == [10.0, 20.0]
    (_, event), *_ = scene.told
    assert (event.statement_state, event.progress_percent, event.rows, event.blocked_by) == ("", None, None, "")
    assert event.statement_seconds >= 10
    assert event.message == "Statement 1 of revision a1 has been running for 10.0 s."


async def test_a_server_that_is_silent_delays_no_event_for_long(scene: Scene) -> None:
    """At most by the time of a connection attempt, and none is left out."""
    scene.watch()
    scene.takes_seconds = 3600
    scene.run()
    await asyncio.sleep(61)
    assert len(scene.told) == 6
    for number, time in enumerate(scene.times, start=1):
        assert number * 10 <= time <= number * 10 + 5.1


async def test_it_ends_in_the_middle_of_a_look(scene: Scene) -> None:
    """It does not outlive what it watches."""
    task = scene.watch()
    scene.takes_seconds = 3600
    scene.run()
    await asyncio.sleep(3)
    assert scene.looks
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_waits_for_a_lock_at_a_stop_is_found_at_once(scene: Scene) -> None:
    """In much less than a second."""
    scene.sees = BLOCKED
    scene.run()
    async with asyncio.timeout(0.5):
        await scene.watcher().until_blocked()


async def test_what_begins_to_wait_after_the_stop_is_found_as_well(scene: Scene) -> None:
    """The next statement of the revision may be the one."""
    waiting = asyncio.create_task(scene.watcher().until_blocked())
    scene.run()
    await asyncio.sleep(8)
    assert not waiting.done()
    scene.run(index=2)
    scene.sees = BLOCKED
    async with asyncio.timeout(1):
        await waiting


async def test_one_look_is_not_enough_to_stop_a_revision_for(scene: Scene) -> None:
    """Statements that get their locks after a moment, one after the other, are at work and may finish."""
    scene.sees = BLOCKED
    waiting = asyncio.create_task(scene.watcher().until_blocked())
    for index in range(50):
        scene.run(index)
        await asyncio.sleep(0.25)
    assert not waiting.done()
    waiting.cancel()


async def test_a_server_that_does_not_answer_is_not_a_proof_of_a_lock(scene: Scene) -> None:
    """Then the revision gets its share of the budget."""
    scene.sees = ConnectionRefusedError()
    scene.run()
    waiting = asyncio.create_task(scene.watcher().until_blocked())
    await asyncio.sleep(20)
    assert not waiting.done()
    waiting.cancel()

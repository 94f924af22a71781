"""The signs of life of a run, in a time that passes at once: when they are shown, and what follows if not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.migrations.upgrade import life_signs
from orchestrator.migrations.upgrade.life_signs import AFTER_SECONDS, PAUSE_SECONDS, LifeSigns
from orchestrator.settings.model import Settings

pytestmark = pytest.mark.looptime(start=0)

SETTINGS = Settings(lock_timeout_seconds=900, connect_timeout_seconds=5)
LIMIT_SECONDS = 810.0


class Session:
    """A session with the lock that rests since the beginning. It stands for its guard too.

    Attributes:
        limit_seconds: as in `LockGuard`.
        rests: whether it rests.
    """

    connection_id, shows_life, is_held = 7, True, True

    def __init__(self) -> None:
        self.limit_seconds, self.rests = 0.0, True

    def work(self) -> None:
        """Run a statement."""
        self.rests = False

    @property
    def rested_seconds(self) -> float:
        """As in `LockGuard`."""
        return asyncio.get_running_loop().time() if self.rests else 0.0

    @property
    def rest_seconds(self) -> float:
        """As in `LockGuard`."""
        return self.limit_seconds or 28_800.0


class Database:
    """Replaces `connected` and the backend: shows life, answers never (`silent`), or refuses.

    Attributes:
        shown: when life was shown.
        connections: how many are open.
    """

    def __init__(self, error: Exception | None = None, *, silent: bool = False) -> None:
        self.error, self.silent = error, silent
        self.shown: list[float] = []
        self.connections = 0

    async def connected(self, _: object, look: Callable[..., Awaitable[None]], *, timeout_seconds: None) -> None:
        """One connection."""
        assert timeout_seconds is None
        if self.error:
            raise self.error
        self.connections += 1
        try:
            await look(None, self)
        finally:
            self.connections -= 1

    async def show_life(self, _: object, connection_ids: list[int]) -> None:
        """As `Backend.show_life`."""
        assert connection_ids == [7]
        if self.silent:
            await asyncio.Event().wait()
        self.shown.append(asyncio.get_running_loop().time())


async def _after(seconds: float, session: Session, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show signs for so long."""
    monkeypatch.setattr(life_signs, "connected", database.connected)
    locks: Any = type("Locks", (), {"held": [session]})()
    none: Any = None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(LifeSigns(locks, none, SETTINGS).show(), seconds)


async def test_life_is_shown_for_as_long_as_the_session_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one connection, however long that is."""
    session, database = Session(), Database()
    await _after(AFTER_SECONDS + 100 * PAUSE_SECONDS, session, database, monkeypatch)
    assert database.shown[:2] == [AFTER_SECONDS, AFTER_SECONDS + PAUSE_SECONDS]
    assert len(database.shown) == 100
    assert database.connections == 0


async def test_a_session_that_works_needs_no_second_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login may have few."""
    session, database = Session(), Database()
    asyncio.get_running_loop().call_later(AFTER_SECONDS + 1, session.work)
    await _after(AFTER_SECONDS + 100, session, database, monkeypatch)
    assert len(database.shown) == 1
    assert database.connections == 0


@pytest.mark.parametrize("reached", [Database(OSError("no route")), Database(silent=True)], ids=["refused", "silent"])
async def test_where_no_life_can_be_shown_the_limit_counts_again(
    reached: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Replicas that wait may end the session then, so that a person is told in time."""
    session, database = Session(), reached
    await _after(LIMIT_SECONDS, session, database, monkeypatch)
    assert session.limit_seconds == LIMIT_SECONDS
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS" in warned[0]


async def test_life_that_can_be_shown_again_lifts_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second connection was lost, and came back."""
    session, database = Session(), Database(OSError("no route"))
    asyncio.get_running_loop().call_later(AFTER_SECONDS + 10, setattr, database, "error", None)
    await _after(AFTER_SECONDS + 30, session, database, monkeypatch)
    assert (session.limit_seconds, bool(database.shown)) == (0.0, True)

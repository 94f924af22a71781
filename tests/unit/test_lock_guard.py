"""The migration lock on a connection of env.py: when it is released, and by whom."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, QueuePool, StaticPool, create_engine

from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings


class Lock:
    """A lock of the connection with this number, which takes it at once.

    Attributes:
        holders: the numbers of the connections that hold it, shared by all locks of one database.
        is_lost: whether its connection is.
    """

    name, pause_seconds, fresh_seconds, tells, rest_seconds, shows_life = (
        "orchestrator:plants",
        0.01,
        1.0,
        False,
        9.0,
        True,
    )

    def __init__(self, number: int, holders: list[int]) -> None:
        self.number, self.holders, self.is_lost = number, holders, False

    def try_acquire(self) -> bool:
        """As `MigrationLock.try_acquire`."""
        if not self.holders:
            self.holders.append(self.number)
        return self.is_held()

    def is_held(self) -> bool:
        """As `MigrationLock.is_held`."""
        return self.holders == [self.number]

    def held_by(self) -> int | None:
        """As `MigrationLock.held_by`."""
        return self.holders[0] if self.holders else None

    def connection_id(self) -> int:
        """As `MigrationLock.connection_id`."""
        return self.number

    def release(self) -> None:
        """As `MigrationLock.release`."""
        if self.is_lost:
            raise OSError
        if self.is_held():
            self.holders.clear()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine with a pool of several connections."""
    engine = create_engine(f"sqlite:///{tmp_path}/app.db", poolclass=QueuePool)
    yield engine
    engine.dispose()


def _guard(lock: Any, told: list[Any], connection: Any = None, *, others: Any = ()) -> LockGuard:
    real = connection and connection.connection.dbapi_connection
    guard = LockGuard(lock, told.append, real)
    guard.acquire(Settings(), Stop(), others=others)
    if connection:
        guard.follow(connection)
    return guard


def _names(told: list[Any]) -> list[str]:
    return [event.name for event in told]


def test_it_is_released_with_its_connection_after_the_work_and_not_with_another(engine: Engine) -> None:
    """What env.py does after the migrations is under the lock."""
    told: list[Any] = []
    lock = Lock(7, [])
    connection, other = engine.connect(), engine.connect()
    guard = _guard(lock, told, connection)
    guard.work_is_done()
    other.close()
    assert lock.is_held()
    connection.close()
    assert (lock.is_held(), _names(told)) == (False, ["lock_acquired", "lock_released"])


def test_it_is_kept_while_its_work_is_not_done(engine: Engine) -> None:
    """The connection may return to its pool between two revisions."""
    lock = Lock(7, [])
    connection = engine.connect()
    guard = _guard(lock, [], connection)
    connection.close()
    assert lock.is_held()
    guard.work_is_done()
    guard.begin_work()  # env.py configures the same connection again
    engine.connect().close()
    assert lock.is_held()


def test_it_is_kept_while_its_connection_is_lent_twice() -> None:
    """A StaticPool lends its only connection to everyone."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    lock = Lock(7, [])
    connection = engine.connect()
    guard = _guard(lock, [], connection)
    guard.work_is_done()
    engine.connect().close()
    assert lock.is_held()
    connection.close()
    guard.end_run()
    assert not lock.is_held()
    engine.dispose()


def test_the_end_of_the_run_releases_it_and_leaves_the_pool_as_it_was(engine: Engine) -> None:
    """The engine may be the app's."""
    lock = Lock(7, [])
    with engine.connect() as connection:
        guard = _guard(lock, [], connection)
        guard.end_run()
        assert lock.is_held(), "its work has neither been done nor failed"
        guard.follow(connection)
        guard.work_has_failed()
        guard.end_run()
        assert not lock.is_held()
    assert not engine.pool.dispatch.checkin
    assert not engine.pool.dispatch.checkout


@pytest.mark.parametrize(("failed", "level"), [(False, logging.WARNING), (True, logging.DEBUG)])
def test_a_lock_that_ended_with_its_connection_is_not_said_to_be_released(
    caplog: pytest.LogCaptureFixture, *, failed: bool, level: int
) -> None:
    """It is not sure how long it was held."""
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    lock = Lock(7, [])
    guard = _guard(lock, told)
    lock.is_lost = True
    if failed:
        guard.work_has_failed()
    guard.release()
    guard.release()
    assert (_names(told), [record.levelno for record in caplog.records]) == (["lock_acquired"], [level])


def test_another_connection_of_the_run_shares_it_and_says_nothing() -> None:
    """One lock protects both; it ends with the one that has it."""
    holders: list[int] = []
    told: list[Any] = []
    lender = _guard(Lock(7, holders), told)
    sharer = _guard(Lock(8, holders), told, others=[lender])
    assert sharer.is_ours()
    sharer.release()
    assert _names(told) == ["lock_acquired"]
    lender.release()
    holders.append(7)  # another run, on a connection with the same number
    assert not sharer.is_ours()


def test_the_lock_of_another_process_is_not_shared() -> None:
    """Its name is the same for every replica."""
    mine = _guard(Lock(7, []), [])
    assert not mine.has(Lock(8, [9]))  # type: ignore[arg-type]
    assert mine.has(Lock(8, [7]))  # type: ignore[arg-type]

"""Signs of life: a session that rests is ended only if its process promised to show life and shows none."""

from collections.abc import Callable
from typing import Any

import pymysql
import pytest
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import Activity, ElsewhereError, Holder, backend_for
from orchestrator.migrations.upgrade.resting import LOOKS, HolderSilence
from tests.integration.contenders import Contender
from tests.servers import Database, backends

LIMIT_SECONDS = 100.0
SILENT = Holder("connection 7", seconds=101.0, activity=Activity.IDLE, connection_id=7, shows_life=False)


@pytest.fixture
def holder(contenders: list[Contender]) -> Contender:
    """Return a contender that holds the lock and promised to show life."""
    first, *_ = contenders
    first.lock.prepare(ddl_lock_timeout_seconds=1, shows_life=True)
    assert first.lock.try_acquire()
    return first


async def _shown(database: Database, ids: list[int], see: Callable[[], object]) -> object:
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.connect() as connection:
        await backend_for(database.backend).show_life(connection, ids)
        await backend_for(database.backend).show_life(connection, ids)
        return see()


@backends("mariadb", "mysql")
async def test_life_is_seen_while_it_is_shown(
    holder: Contender, contenders: list[Contender], database: Database
) -> None:
    """By the others, without rights; and no longer than the second connection lasts."""
    other = contenders[1].lock
    assert other.holder().shows_life is False
    assert await _shown(database, [holder.lock.connection_id()], lambda: other.holder().shows_life) is True
    assert other.holder().shows_life is False


@backends("mariadb", "mysql")
async def test_nothing_is_expected_of_who_promised_nothing(contenders: list[Contender], database: Database) -> None:
    """An older version, another program, a person: their sessions are theirs."""
    first, other, *_ = contenders
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    assert first.lock.try_acquire()
    seen = other.lock.holder()
    assert (seen.activity, seen.shows_life) == (Activity.IDLE, None)
    assert not other.lock.end(seen)
    assert first.lock.is_held()
    with pytest.raises(ElsewhereError):
        await _shown(database, [first.lock.connection_id()], lambda: None)


@backends("mariadb", "mysql")
def test_a_promise_lets_the_session_rest_for_as_long_as_the_server_does(holder: Contender) -> None:
    """A revision may compute for an hour, as under Alembic."""
    asked = "SELECT @@SESSION.wait_timeout >= @@GLOBAL.wait_timeout"
    assert holder.connection.exec_driver_sql(asked).scalar() == 1
    holder.lock.release()
    watched = f"SELECT IS_FREE_LOCK('orchestrator:watched:{holder.lock.connection_id()}')"
    assert holder.connection.exec_driver_sql(watched).scalar() == 1


@backends("mariadb")
def test_nothing_is_promised_behind_a_proxy_with_numbers_of_its_own(
    contenders: list[Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ProxySQL greets with its own number, and would end the connection of that number: another one."""
    first, *_ = contenders
    driver = first.connection.connection.driver_connection
    monkeypatch.setattr(driver, "server_thread_id", (first.lock.connection_id() + 1,))
    first.lock.prepare(ddl_lock_timeout_seconds=1, rest_seconds=77, shows_life=True)
    assert first.connection.exec_driver_sql("SELECT @@SESSION.wait_timeout").scalar() == 77
    assert not first.lock.shows_life


@backends("mariadb")
def test_nothing_is_ended_from_behind_a_proxy_with_numbers_of_its_own(
    holder: Contender, contenders: list[Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number in KILL would be one of the proxy."""
    other = contenders[1]
    driver = other.connection.connection.driver_connection
    monkeypatch.setattr(driver, "server_thread_id", (other.lock.connection_id() + 1,))
    assert not other.lock.end(other.lock.holder())
    assert holder.lock.is_held()


@backends("mariadb", "mysql")
def test_a_silent_session_is_ended_and_its_lock_is_free(holder: Contender, contenders: list[Contender]) -> None:
    """Its host has vanished: nothing else would free the lock for hours."""
    other = contenders[1]
    assert other.lock.end(other.lock.holder())
    other.wait()
    with pytest.raises(pymysql.err.Error):
        holder.lock.is_held()
    holder.connection.invalidate()


@backends("mariadb", "mysql")
def test_a_session_that_works_again_is_not_ended(holder: Contender, contenders: list[Contender]) -> None:
    """The last look is made right before: the one before it is old by then."""
    other = contenders[1].lock
    seen = other.holder()
    assert not other.end(seen._replace(seconds=seen.seconds + 1000)), "it rests for a shorter time than at that look"
    assert holder.lock.is_held()
    holder.lock.release()
    assert contenders[2].lock.try_acquire()
    assert not other.end(seen)
    assert contenders[2].lock.is_held()
    assert holder.connection.exec_driver_sql("SELECT 1").scalar() == 1


class _Lock:
    """Counts how often the holder was ended."""

    ended = 0
    error: Exception | None = None

    def end(self, holder: Holder) -> bool:
        assert holder.shows_life is False
        self.ended += 1
        if self.error:
            raise self.error
        return True

    def end_sql(self, holder: Holder) -> str:
        return f"KILL {holder.connection_id}"


def _looked(lock: Any, *seen: Holder | None, pause_seconds: float = 10.0) -> HolderSilence:
    """Return the judgement after these looks."""
    silence = HolderSilence(lock, LIMIT_SECONDS)
    for index, each in enumerate(seen):
        silence.look(each or Holder(), index * pause_seconds)
    return silence


def _but(**changed: Any) -> Holder:
    return SILENT._replace(**changed)


@pytest.mark.parametrize(
    ("seen", "ended"),
    [
        ([SILENT] * 6, 1),
        ([SILENT] * 5, 0),  # not for long enough
        ([SILENT] * 5 + [_but(shows_life=True)] + [SILENT] * 5, 0),  # its second connection was lost, and came back
        ([SILENT] * 5 + [_but(activity=Activity.RUNNING, shows_life=None)] + [SILENT] * 5, 0),  # a statement ran
        ([SILENT] * 5 + [_but(connection_id=8)], 0),  # another holder
        ([_but(seconds=99.0)] * 9, 0),  # it may rest for so long
        ([_but(shows_life=None)] * 9, 0),  # it promised nothing
    ],
)
def test_only_a_long_and_steady_silence_ends_a_session(seen: list[Holder], ended: int) -> None:
    """A computation must survive each fault of its second connection that is not longer than that."""
    lock = _Lock()
    _looked(lock, *seen)
    assert lock.ended == ended


def test_a_few_looks_far_apart_prove_nothing() -> None:
    """The process that looks may have been stopped itself; looks at another holder do not count."""
    lock = _Lock()
    few = LOOKS - 1
    _looked(lock, *[_but(connection_id=8)] * few, *[SILENT] * few, pause_seconds=1000)
    assert lock.ended == 0


def test_a_session_that_this_user_may_not_end_is_named_with_the_statement() -> None:
    """1095: it belongs to another user, as in a rotation with two users."""
    lock = _Lock()
    lock.error = pymysql.err.OperationalError(1095, "You are not owner of thread 7")
    hint = _looked(lock, *[SILENT] * 6).hint(SILENT)
    assert "KILL 7" in hint
    assert "You are not owner of thread 7" in hint


def test_a_holder_that_lives_is_not_called_gone() -> None:
    """The person on call would end a migration that computes."""
    hint = _looked(_Lock()).hint(_but(shows_life=True))
    assert "lives" in hint

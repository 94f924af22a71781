"""Replicas that start together take turns to prepare a migration; the turn itself protects nothing."""

import asyncio
import logging
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from orchestrator.databases import Backend, turn
from orchestrator.databases.connecting import Look
from orchestrator.databases.turn import Turn
from orchestrator.logins.credentials import Credentials
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.runtime.task import Task
from orchestrator.settings.validation import load
from orchestrator.start.preparation import Preparation
from tests.acceptance.migrations import add_two, environment, locks, migrate
from tests.clients import advisory_locks
from tests.harness import Project, make_project
from tests.servers import Database, Server, backends
from tests.servers.pgbouncer import PgBouncer

BEFORE = "as before"


def _turn(database: Database, *, shows: str = "") -> Turn[str]:
    return _turn_at(database.url, shows)


def _turn_at(url: str, shows: str = "") -> Turn[str]:
    async def look(_connection: Any, _backend: Backend) -> str:
        return shows

    return _turn_of(url, look)


def _turn_that(database: Database, look: Look[str]) -> Turn[str]:
    return _turn_of(database.url, look)


async def _waiting(turn: Turn[str]) -> asyncio.Future[str]:
    """Begin to look; return the look, which still waits."""
    look = asyncio.ensure_future(turn.look(BEFORE))
    await asyncio.wait({look}, timeout=0.3)
    assert not look.done()
    return look


def _turn_of(url: str, look: Look[str]) -> Turn[str]:
    credentials, _ = Credentials.read({"DATABASE_URL": url}, embedded=False)
    assert credentials
    return Turn(credentials, look)


@backends("mariadb", "mysql", "postgresql")
async def test_the_next_replica_waits_until_the_first_has_the_migration_lock(database: Database) -> None:
    """Its own preparations would compete with those of the first for the processor."""
    async with _turn(database, shows="first") as first:
        assert await first.look(BEFORE) == "first"
        assert first.has_checked
        async with _turn(database, shows="second") as second:
            waiting = await _waiting(second)
            await asyncio.to_thread(first.end)  # the migration's thread does it
            assert await waiting == "second"
            assert not first.has_checked


async def test_it_looks_when_the_migration_lock_is_free(database: Database) -> None:
    """So it sees what the first one has done; and it leaves the lock to the connection of env.py."""
    with locks(database) as lock:
        assert lock.try_acquire()
        async with _turn(database, shows="at head") as after:
            waiting = await _waiting(after)
            lock.release()
            assert await waiting == "at head"
            assert lock.try_acquire()


async def test_the_migration_lock_is_free_while_a_turn_looks(database: Database) -> None:
    """A look may fail, and would leave the lock of a file behind: env.py would wait for its own process."""
    with locks(database) as env_py:
        seen: list[bool] = []

        async def look(*_: Any) -> str:
            seen.append(env_py.try_acquire())
            raise OSError

        async with _turn_that(database, look) as failed:
            assert await failed.look(BEFORE) == BEFORE
        assert seen == [True]


async def test_a_long_migration_is_not_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of env.py waits for it, which reports the holder and its progress."""
    monkeypatch.setattr(turn, "TURN_SECONDS", 60.0)
    monkeypatch.setattr(turn, "LOCK_SECONDS", 0.2)
    with locks(database) as lock:
        assert lock.try_acquire()
        async with _turn(database, shows="at head") as given_up:
            assert await asyncio.wait_for(given_up.look(BEFORE), 30) == BEFORE
            assert not given_up.has_checked


@backends("mariadb", "mysql", "postgresql")
async def test_a_long_turn_is_not_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn protects nothing, so a replica without one prepares beside the other."""
    async with _turn(database, shows="first") as first:
        assert await first.look(BEFORE) == "first"
        monkeypatch.setattr(turn, "TURN_SECONDS", 0.2)
        async with _turn(database, shows="second") as second:
            assert await second.look(BEFORE) == BEFORE


@backends("mariadb", "mysql", "postgresql")
async def test_a_look_without_an_answer_ends_the_turn(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection would keep the next replica waiting, and may be the only one that env.py can have."""
    for limit in ("TURN_SECONDS", "LOCK_SECONDS", "_SILENT_SECONDS"):
        monkeypatch.setattr(turn, limit, 0.5)
    unanswered = asyncio.Event()

    async def look(*_: Any) -> str:
        await unanswered.wait()
        return "late"

    async with _turn_that(database, look) as silent:
        assert await asyncio.wait_for(silent.look(BEFORE), 10) == BEFORE
        monkeypatch.setattr(turn, "TURN_SECONDS", 10)
        async with _turn(database, shows="next") as following:
            assert await following.look(BEFORE) == "next"


@backends("mariadb", "mysql")
async def test_the_turn_of_a_host_that_vanished_ends(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would keep its session for eight hours, and each start would wait for a turn in vain."""
    monkeypatch.setattr(turn, "REST_SECONDS", 1.0)
    async with _turn(database, shows="first") as vanished, _turn(database, shows="second") as second:
        assert await vanished.look(BEFORE) == "first"
        assert await second.look(BEFORE) == "second"


async def test_without_a_server_there_is_no_turn(database: Database) -> None:
    """The run of env.py meets the same error, and knows what to do about it."""
    async with _turn_at(f"{database.url.rpartition('/')[0]}/missing/database") as refused:
        assert await refused.look(BEFORE) == BEFORE


@backends("postgresql")
async def test_a_pool_of_transactions_keeps_no_turn(database: Database, server: Server) -> None:
    """The lock would stay in the pool, and every later start would wait in vain."""
    with PgBouncer(database, "transaction") as pool:
        async with _turn(pool.database) as refused:
            assert await refused.look(BEFORE) == BEFORE
        assert advisory_locks(server, database) == 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with two revisions, in whose directory a replica starts."""
    project = make_project(tmp_path / "project")
    add_two(project)
    monkeypatch.chdir(project.path)
    return project


def _replica(database: Database) -> Preparation:
    settings, credentials = load(environment(database), "migrate")
    return Preparation(Task("migrate"), settings, credentials, Stop(), Mock(), asyncio.Event(), Mock())


async def test_a_replica_that_finds_the_work_done_runs_no_env_py(project: Project, database: Database) -> None:
    """It saw missing revisions, imported its app, and meanwhile another one has migrated."""
    replica = _replica(database)
    target = await replica.target()
    before = await replica.wait(target, migrate=True)
    assert before.behind
    assert (await migrate(project, database)).exit_code == 0
    replica.report = told = Mock()
    replica.begin = begin = Mock()
    await replica.bring_to_head(target, before)
    assert [call.args[0].name for call in told.mock_calls] == ["migrations_current"]
    begin.assert_not_called()


@backends("mariadb")
@pytest.mark.usefixtures("project")
async def test_a_turn_ends_once_its_replica_has_the_migration_lock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not earlier, or the next replica would take the lock first; not later, or it would wait for nothing."""
    free: list[bool] = []
    end = Turn.end
    with locks(database) as other:

        def ending(ended: Turn[Any]) -> None:
            free.append(other.try_acquire())
            end(ended)

        monkeypatch.setattr(Turn, "end", ending)
        replica = _replica(database)
        target = await replica.target()
        await replica.bring_to_head(target, await replica.wait(target, migrate=True))
    assert free == [False]


@backends("sqlite")
@pytest.mark.usefixtures("project")
async def test_a_stop_ends_the_wait_for_a_turn(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform kills a process that does not end in time."""
    monkeypatch.setattr(turn, "LOCK_SECONDS", 60.0)
    replica = _replica(database)
    target = await replica.target()
    before = await replica.wait(target, migrate=True)
    with locks(database) as lock:
        assert lock.try_acquire()
        asyncio.get_running_loop().call_later(0.2, replica.asked.set)
        with pytest.raises(StopAsked):
            await asyncio.wait_for(replica.bring_to_head(target, before), 30)


@backends("mariadb", "mysql", "postgresql")
async def test_a_wait_that_ends_early_is_no_error(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A stop in the middle of GET_LOCK left an error with a traceback in the log: the rollback failed."""
    with locks(database) as lock:
        assert lock.try_acquire()
        async with _turn(database) as stopped:
            waiting = asyncio.ensure_future(stopped.look(BEFORE))
            await asyncio.wait({waiting}, timeout=0.3)
            waiting.cancel()
        await asyncio.wait({stopped._held}, timeout=10)  # noqa: SLF001  # its connection is closed
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []

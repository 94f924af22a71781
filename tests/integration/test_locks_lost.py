"""A lock that is lost is known to be lost: it is asked for before each revision, by who believes to have it."""

import copy
import fcntl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psycopg2
import pymysql
import pytest

from tests.integration.contenders import Contender
from tests.servers import Server, backends

QUERY_INTERRUPTED = 1317


def test_who_has_it_knows_and_who_has_not_knows_too(contenders: list[Contender]) -> None:
    """Before each revision it is asked whether the lock is there still."""
    first, second, *_ = contenders
    assert not first.lock.is_held()
    assert first.lock.try_acquire()
    assert first.lock.is_held()
    assert not second.lock.is_held()
    first.lock.release()
    assert not first.lock.is_held()
    assert second.lock.try_acquire()
    assert not first.lock.is_held()
    assert second.lock.is_held()


@backends("mariadb", "postgresql", "mysql")
def test_a_lock_that_a_revision_released_is_not_held(contenders: list[Contender]) -> None:
    """Its own locks may be all that it means to release."""
    first, *_ = contenders
    assert first.lock.try_acquire()
    statements = {
        "postgresql": "SELECT pg_advisory_unlock_all()",
        "mysql": "DO RELEASE_ALL_LOCKS()",
        "mariadb": f"DO RELEASE_LOCK('{first.lock.name}')",
    }
    first.connection.exec_driver_sql(statements[first.connection.dialect.name])
    assert not first.lock.is_held()


@backends("mariadb", "postgresql", "mysql")
def test_another_session_does_not_have_the_lock_of_the_one_that_took_it(contenders: list[Contender]) -> None:
    """A pooler may move a client to another session; what it does there is not protected."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    moved = copy.copy(first.lock)
    moved._connection = second.connection.connection.dbapi_connection  # type: ignore[attr-defined]  # noqa: SLF001
    assert first.lock.is_held()
    assert not moved.is_held()


@backends("mariadb", "mysql")
def test_a_try_that_was_interrupted_took_nothing(contenders: list[Contender], server: Server) -> None:
    """GET_LOCK then returns NULL, as it does when the server is out of memory: the lock is not acquired."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    waiting = ThreadPoolExecutor(1).submit(second.lock.try_acquire)
    number = second.lock.connection_id()
    while not server.execute(
        "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock' AND id = %s", number
    ):
        assert not waiting.done()
    server.execute("KILL QUERY %s", number)
    try:
        taken = waiting.result()
    except pymysql.err.OperationalError as error:
        taken = error.args[0] != QUERY_INTERRUPTED
    assert not taken
    assert not second.lock.is_held()


@backends("mariadb", "postgresql", "mysql")
def test_with_its_connection_the_lock_is_lost(contenders: list[Contender], server: Server) -> None:
    """An administrator, a failover, a timeout: a query on the dead connection gets the driver's error."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    end = "SELECT pg_terminate_backend(%s)" if server.backend == "postgresql" else "KILL %s"
    server.execute(end, first.lock.connection_id())
    with pytest.raises((pymysql.err.Error, psycopg2.Error)):
        first.lock.is_held()
    second.wait()


@backends("sqlite")
@pytest.mark.parametrize("put_in_place", [Path.unlink, Path.touch], ids=["removed", "replaced"])
def test_a_lock_whose_file_is_gone_is_lost(contenders: list[Contender], put_in_place: Callable[[Path], None]) -> None:
    """After a cleanup, the next process finds no file and locks a new one."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    file = Path(first.lock.name)
    file.unlink()
    file.touch()
    put_in_place(file)
    assert not first.lock.is_held()
    assert second.lock.try_acquire()
    assert second.lock.is_held()


@backends("sqlite")
def test_a_file_that_goes_while_it_is_locked_is_not_a_lock(
    contenders: list[Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the file is removed between opening and locking, the next process would lock another file."""
    first, second, *_ = contenders
    lock = fcntl.flock

    def tidied(file: IO[str], how: int) -> None:
        Path(first.lock.name).unlink()
        monkeypatch.setattr(fcntl, "flock", lock)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", tidied)
    assert not first.lock.try_acquire()
    assert second.lock.try_acquire()
    assert not first.lock.try_acquire()


def test_asking_does_not_end_a_transaction(contenders: list[Contender]) -> None:
    """Of an env.py that began one around all revisions: a commit would tear it apart."""
    first, *_ = contenders
    first.connection.exec_driver_sql("CREATE TABLE plants (id INTEGER)")
    first.connection.commit()
    assert first.lock.try_acquire()
    first.connection.exec_driver_sql("INSERT INTO plants VALUES (1)")
    assert first.lock.is_held()
    first.connection.rollback()
    assert first.connection.exec_driver_sql("SELECT count(*) FROM plants").scalar() == 0

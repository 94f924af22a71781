"""A lock that is lost is known to be lost: it is asked for before each revision, by who believes to have it."""

from collections.abc import Callable
from pathlib import Path

import psycopg2
import pymysql
import pytest

from tests.integration.contenders import Contender
from tests.servers import Server, backends


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
def test_with_its_connection_the_lock_is_lost(contenders: list[Contender], server: Server) -> None:
    """An administrator, a failover, a time-out: whoever asks over the dead connection gets the driver's error."""
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
    """Somebody tidied up: the next one finds no file, and locks one of their own."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    file = Path(first.lock.name)
    file.unlink()
    file.touch()
    put_in_place(file)
    assert not first.lock.is_held()
    assert second.lock.try_acquire()
    assert second.lock.is_held()


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

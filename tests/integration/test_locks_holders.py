"""The holder of the lock is named, and reported as gone if that is proven."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from orchestrator.databases import Activity, Holder
from orchestrator.log import CONTEXT
from tests.integration.contenders import Contender, contender
from tests.servers import Database, backends
from tests.servers.pgbouncer import PgBouncer

GONE = ", whose client is gone"
CLIENT = """
import sys
import sqlalchemy
from orchestrator.databases import backend_for

engine = sqlalchemy.create_engine(sys.argv[1])
connection = engine.raw_connection()
assert backend_for(engine.dialect.name).lock(connection.dbapi_connection).try_acquire()
connection.cursor().execute(sys.argv[2])
"""
SLEEP = {"postgresql": "SELECT pg_sleep(600)", "mysql": "DO SLEEP(600)", "mariadb": "DO SLEEP(600)"}


def test_the_holder_is_named(contenders: list[Contender]) -> None:
    """For every session, the holder too; the name is empty if the lock is free."""
    first, second, third, *_ = contenders
    assert second.lock.holder() == Holder()
    assert first.lock.try_acquire()
    identity = first.lock.connection_id() or os.getpid()
    for each in (first, second, third):
        holder = each.lock.holder()
        assert re.search(rf"\b{identity}\b", holder.name)
        assert GONE not in holder.name
        assert holder.seconds >= 0
    first.lock.release()
    assert second.lock.holder() == Holder()


@backends("postgresql")
def test_the_holder_is_known_by_its_boot(contenders: list[Contender]) -> None:
    """Every line of its log has the same boot_id."""
    first, second, *_ = contenders
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    assert first.lock.try_acquire()
    assert f"(orchestrator boot {CONTEXT.boot_id})" in second.lock.holder().name


@backends("postgresql")
def test_a_name_that_env_py_gave_its_connection_stays(contenders: list[Contender]) -> None:
    """Somebody looks for it."""
    first, second, *_ = contenders
    first.connection.exec_driver_sql("SET application_name = 'nightly'")
    first.connection.commit()
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    assert first.lock.try_acquire()
    assert second.lock.holder().name.endswith("(nightly)")


@contextlib.contextmanager
def _client(database: Database) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that takes the lock, and then a statement that lasts, in a session as the driver makes it."""
    argv = [sys.executable, "-c", CLIENT, database.synchronous_url, SLEEP[database.backend]]
    with subprocess.Popen(argv) as process:
        yield process
        process.kill()


def _seen(asking: Contender, words: str) -> Holder:
    """Return the holder, once its name or statement contains these words. A port may contain any few digits."""
    deadline = time.monotonic() + 30
    while words not in (holder := asking.lock.holder()).name + holder.statement:
        assert time.monotonic() < deadline, holder
    return holder


@backends("mariadb", "postgresql", "mysql")
def test_an_orphan_is_known_where_its_client_ran_beside_us(database: Database) -> None:
    """The server continues the statement of a killed client, and an operator must not search for that client."""
    with _client(database) as client, contender(database) as asking:
        alive = _seen(asking, SLEEP[database.backend])
        assert GONE not in alive.name
        client.send_signal(signal.SIGKILL)
        client.wait()
        gone = _seen(asking, GONE)
    assert gone.name == alive.name + GONE
    assert gone.statement == alive.statement
    assert gone.seconds >= alive.seconds


@backends("mariadb", "postgresql", "mysql")
def test_a_holder_that_releases_the_lock_during_a_look_is_not_called_gone(
    contenders: list[Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client has closed the connection properly, and the next holder may work already."""
    first, second, third, *_ = contenders
    assert first.lock.try_acquire()

    def closes(*_: object) -> bool:
        first.lock.release()
        return third.lock.try_acquire()

    monkeypatch.setattr(sys.modules[type(first.lock).__module__], "is_orphan", closes)
    assert second.lock.holder().activity is not Activity.GONE


@backends("postgresql")
def test_nothing_is_said_of_a_client_when_we_come_through_a_pool(database: Database) -> None:
    """The server sees us at the pool's address, where clients of many machines may be."""
    with PgBouncer(database, "session") as pool, _client(database) as client, contender(pool.database) as asking:
        named = _seen(asking, SLEEP[database.backend]).name
        client.send_signal(signal.SIGKILL)
        client.wait()
        assert asking.lock.holder().name == named

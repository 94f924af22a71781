"""What every backend's MigrationLock must do, on real connections; a new backend is tested by its name in conftest."""

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import Holder, MigrationLock, backend_for
from tests.servers import Database, Server, backends

CONTENDERS = 5


@dataclass
class Contender:
    """Somebody who wants the lock, on a connection of their own."""

    connection: Connection
    lock: MigrationLock

    def wait(self) -> None:
        """Take the lock, as soon as it is free."""
        deadline = time.monotonic() + 60
        while not self.lock.try_acquire():
            assert time.monotonic() < deadline
            time.sleep(self.lock.pause_seconds)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as the driver has it from the server."""
        driver = self.connection.connection.driver_connection
        assert driver
        match self.connection.dialect.driver:
            case "psycopg2":
                return bool(driver.info.transaction_status)
            case "pymysql":
                return bool(driver.server_status & 1)
        return bool(driver.in_transaction)


@contextlib.contextmanager
def _contender(database: Database) -> Iterator[Contender]:
    engine = create_engine(database.synchronous_url, poolclass=NullPool, connect_args=_any_thread(database))
    with engine.connect() as connection:
        contender = Contender(connection, backend_for(database.backend).lock(connection.connection.dbapi_connection))
        yield contender
        if database.backend == "sqlite":
            contender.lock.release()  # it lives as long as its process, not as its connection


def _any_thread(database: Database) -> dict[str, bool]:
    return {"check_same_thread": False} if database.backend == "sqlite" else {}


@pytest.fixture
def contenders(database: Database) -> Iterator[list[Contender]]:
    """Return five of them."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_contender(database)) for _ in range(CONTENDERS)]


def test_one_wins_at_a_time(contenders: list[Contender]) -> None:
    """All go for it at once, and each gets it in the end, alone."""
    inside, most, turns = 0, 0, 0
    ready = threading.Barrier(CONTENDERS)

    def contend(contender: Contender) -> None:
        nonlocal inside, most, turns
        ready.wait()
        contender.wait()
        inside += 1
        most = max(most, inside)
        turns += 1
        time.sleep(0.02)  # long enough for another to come in, if it could
        inside -= 1
        contender.lock.release()

    threads = [threading.Thread(target=contend, args=(contender,)) for contender in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, turns) == (1, CONTENDERS)


def test_the_others_are_refused_until_it_is_given_back(contenders: list[Contender]) -> None:
    """Promptly, as a stop may be asked for meanwhile."""
    first, *others = contenders
    assert first.lock.try_acquire()
    began = time.monotonic()
    assert not others[0].lock.try_acquire()
    assert time.monotonic() - began < 3
    first.lock.release()
    assert others[1].lock.try_acquire()
    assert not others[0].lock.try_acquire()


@backends("mariadb", "postgresql", "mysql")
def test_a_disconnect_gives_it_back(contenders: list[Contender]) -> None:
    """However it came about: nobody has to clean up after a crash."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    first.connection.invalidate()
    second.wait()


def test_commits_rollbacks_and_ddl_do_not_give_it_back(contenders: list[Contender]) -> None:
    """All of them are what revisions do."""
    first, second, *_ = contenders
    assert first.lock.try_acquire()
    first.connection.exec_driver_sql("CREATE TABLE plants (id INTEGER)")
    first.connection.commit()
    first.connection.exec_driver_sql("INSERT INTO plants VALUES (1)")
    first.connection.rollback()
    assert not second.lock.try_acquire()
    first.connection.exec_driver_sql("DROP TABLE plants")
    first.connection.commit()
    assert not second.lock.try_acquire()


def test_the_holder_is_named(contenders: list[Contender]) -> None:
    """To everybody, also to who holds it; nobody is named when nobody holds it."""
    first, second, third, *_ = contenders
    assert second.lock.holder() == Holder()
    assert first.lock.try_acquire()
    identity = first.lock.connection_id() or os.getpid()
    for each in (first, second, third):
        holder = each.lock.holder()
        assert re.search(rf"\b{identity}\b", holder.name)
        assert holder.seconds >= 0
    first.lock.release()
    assert second.lock.holder() == Holder()


@backends("mariadb", "postgresql", "mysql")
def test_connections_have_numbers(contenders: list[Contender]) -> None:
    """By which the running statement is cancelled, so they must be the server's."""
    numbers = [contender.lock.connection_id() for contender in contenders]
    assert len(set(numbers)) == CONTENDERS
    name = "pg_backend_pid" if contenders[0].connection.dialect.name == "postgresql" else "connection_id"
    assert [each.connection.exec_driver_sql(f"SELECT {name}()").scalar() for each in contenders] == numbers


def test_no_transaction_is_left_open(contenders: list[Contender]) -> None:
    """Alembic would find it, and neither begin nor commit its own: the work or the last stamp would be lost."""
    first, second, *_ = contenders
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    first.lock.connection_id()
    assert first.lock.try_acquire()
    first.lock.holder()
    assert not second.lock.try_acquire()
    second.lock.holder()
    assert not first.in_transaction
    assert not second.in_transaction
    first.lock.release()
    assert not first.in_transaction
    assert not first.connection.in_transaction()
    first.connection.exec_driver_sql("CREATE TABLE plants (id INTEGER)")
    first.connection.exec_driver_sql("INSERT INTO plants VALUES (1)")
    assert first.in_transaction, "or it would say so always"


@backends("mariadb", "postgresql", "mysql")
def test_prepared_sessions_do_not_queue_for_long(contenders: list[Contender]) -> None:
    """The settings outlive a rollback, and fractions of a second do not become 'for ever'."""
    first, *_ = contenders
    setting = "lock_timeout" if first.connection.dialect.name == "postgresql" else "lock_wait_timeout"
    for seconds, seen in ((0.2, {"200ms", "1"}), (7, {"7s", "7"})):
        first.lock.prepare(ddl_lock_timeout_seconds=seconds)
        first.connection.rollback()
        show = f"SHOW {setting}" if setting == "lock_timeout" else f"SHOW SESSION VARIABLES LIKE '{setting}'"
        assert list(first.connection.exec_driver_sql(show).one())[-1] in seen


async def test_a_connection_of_our_own_driver_is_as_good(database: Database) -> None:
    """It is the usual case: an async driver behind SQLAlchemy's adapter, seen from a greenlet."""
    engine = create_async_engine(database.url, poolclass=NullPool)

    def lock(connection: Connection) -> MigrationLock:
        found = backend_for(database.backend).lock(connection.connection.dbapi_connection)
        found.prepare(ddl_lock_timeout_seconds=1)
        return found

    async with engine.connect() as one, engine.connect() as other:
        first, second = await one.run_sync(lock), await other.run_sync(lock)
        assert await one.run_sync(lambda _: first.try_acquire())
        assert not await other.run_sync(lambda _: second.try_acquire())
        assert (await other.run_sync(lambda _: second.holder())).name
        assert not one.in_transaction()
        await one.run_sync(lambda _: first.release())
        assert await other.run_sync(lambda _: second.try_acquire())
        await other.run_sync(lambda _: second.release())


@backends("mariadb", "postgresql", "mysql")
def test_odd_names_of_databases_have_locks_of_their_own(server: Server) -> None:
    """Long ones that differ at their end only, capitals, quotes and other alphabets: a name of a lock is short."""
    names = [f"app_{'x' * 50}1", f"app_{'x' * 50}2", "app_Rose", "app_rose", "app_'rose", "app_ro se", "app_röse"]
    with contextlib.ExitStack() as stack:
        locks = []
        for name in names:
            database = server.create_database(name)
            stack.callback(server.drop_database, database)
            locks.append(stack.enter_context(_contender(database)).lock)
        assert [lock.try_acquire() for lock in locks] == [True] * len(names)
        assert len({lock.name for lock in locks}) == len(names)
        if server.backend != "postgresql":
            assert max(len(lock.name) for lock in locks) <= 64

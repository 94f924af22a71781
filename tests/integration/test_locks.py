"""What every backend's MigrationLock must do, on real connections; a new backend is tested by its name in conftest."""

import threading
import time

from sqlalchemy import Connection, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import MigrationLock, backend_for
from tests.integration.contenders import CONTENDERS, Contender
from tests.servers import Database, backends


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
    assert time.monotonic() - began < 15
    first.lock.release()
    assert others[1].lock.try_acquire()
    assert not others[0].lock.try_acquire()


@backends("mariadb", "postgresql", "mysql")
def test_a_disconnect_gives_it_back(contenders: list[Contender]) -> None:
    """For any cause: no cleanup is needed after a crash."""
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

"""Where the migration lock would protect nothing, that is found out from real poolers and clusters, and only there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine

from orchestrator.databases.session_check import check_lock_support
from orchestrator.databases.waiting import wait_for_database
from orchestrator.errors import DatabaseRefused, StartupError
from orchestrator.logins.credentials import Credentials
from tests.clients import advisory_locks
from tests.servers import Database, Server, backends
from tests.servers.galera import Galera
from tests.servers.pgbouncer import PgBouncer

ORDERS = ["0", "1"]
"""Values of server_round_robin: the session that was used last comes first, or last."""


async def _look(database: Database) -> None:
    """Ask once, as before a migration."""
    credentials, _ = Credentials.read({"DATABASE_URL": database.url}, embedded=False)
    assert credentials
    await wait_for_database(credentials, check_lock_support, budget_seconds=10, attempt_seconds=10, emit=print)


async def _refusal(database: Database) -> DatabaseRefused:
    with pytest.raises(StartupError) as caught:
        await _look(database)
    failure = caught.value.failure
    assert isinstance(failure, DatabaseRefused)
    assert failure.attempts == 1
    return failure


async def test_a_server_of_ones_own_is_trusted(database: Database) -> None:
    """However often it is asked."""
    for _ in range(3):
        await _look(database)


@backends("postgresql")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", ["1", "2", "3", "20"])
async def test_a_pool_of_transactions_is_refused_with_the_cure(database: Database, order: str, size: str) -> None:
    """Whatever its size and order are, at every start: also where named statements met those of an earlier one."""
    with PgBouncer(database, "transaction", server_round_robin=order, default_pool_size=size) as pool:
        for _ in range(3):
            failure = await _refusal(pool.database)
            assert failure.error_type == "pooler"
            assert "MIGRATION_DATABASE_URL" in failure.hint


@backends("postgresql")
@pytest.mark.parametrize("order", ORDERS)
async def test_its_other_clients_do_not_hide_it(database: Database, order: str) -> None:
    """They take sessions and give them back all the time."""
    with PgBouncer(database, "transaction", server_round_robin=order) as pool, _busy(pool.database):
        for _ in range(10):
            assert (await _refusal(pool.database)).error_type == "pooler"


@backends("postgresql")
@pytest.mark.parametrize("order", ORDERS)
async def test_a_pool_of_sessions_is_trusted(database: Database, order: str) -> None:
    """A session is a client's there until it leaves; its order changes nothing, nor what others do."""
    with PgBouncer(database, "session", server_round_robin=order) as pool, _busy(pool.database):
        for _ in range(10):
            await _look(pool.database)


@backends("postgresql")
async def test_a_pool_of_statements_is_refused_with_the_cure(database: Database) -> None:
    """It allows no transactions, so it cannot be queried; its error identifies it."""
    with PgBouncer(database, "statement") as pool:
        assert (await _refusal(pool.database)).error_type == "pooler"


@backends("postgresql")
async def test_asking_leaves_nothing_behind(database: Database, server: Server) -> None:
    """No lock, no prepared statement: the sessions belong to the app's pool."""
    with PgBouncer(database, "transaction", default_pool_size="1") as pool:
        await _refusal(pool.database)
        assert pool.database.execute("SELECT count(*) FROM pg_prepared_statements") == [(0,)]
        assert advisory_locks(server, database) == 0


async def test_galera_is_refused_with_the_cure() -> None:
    """Each node has separate locks, even if there is only one node so far."""
    with Galera() as server:
        failure = await _refusal(server.create_database())
    assert failure.error_type == "cluster"
    assert "ORCHESTRATOR_MIGRATE=false" in failure.hint


@contextmanager
def _busy(database: Database) -> Iterator[None]:
    """Let three clients run one short transaction after the other."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    done = threading.Event()

    def work() -> None:
        with engine.connect() as connection:
            while not done.is_set():
                connection.exec_driver_sql("SELECT 1")
                connection.commit()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()

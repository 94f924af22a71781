"""The migration lock does what it must with every driver that an env.py may use, not only with ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from orchestrator.address.drivers import DRIVERS
from orchestrator.databases import backend_for
from tests.integration.contenders import Contender, contender
from tests.integration.drivers import BACKEND_OF, installed, on_a_connection
from tests.servers import Database

pytestmark = pytest.mark.parametrize("driver", installed())


@pytest.fixture
def its_database(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Create an empty database of the driver's kind."""
    backend = BACKEND_OF[DRIVERS[driver].database]
    if backend == "sqlite":
        yield Database(f"sqlite+aiosqlite:///{tmp_path / 'app.db'}", backend)
        return
    server = request.getfixturevalue("servers")[backend]
    database = server.create_database()
    yield database
    server.drop_database(database)


@pytest.fixture
def other(its_database: Database) -> Iterator[Contender]:
    """Return somebody else who wants the lock, with a driver that is known to do."""
    with contender(its_database) as other:
        yield other


def test_the_lock_is_taken_kept_and_given_back(driver: str, its_database: Database, other: Contender) -> None:
    """In a session that is as it was afterwards, with no transaction left open by any of it."""
    if its_database.backend == "sqlite":
        setting = "PRAGMA foreign_keys"
    else:
        setting = "SHOW lock_timeout" if its_database.backend == "postgresql" else "SELECT @@lock_wait_timeout"

    def work(connection: Connection) -> None:
        before = connection.exec_driver_sql(setting).scalar()
        connection.rollback()
        lock = backend_for(connection.dialect.name).lock(connection.connection.dbapi_connection)
        lock.prepare(ddl_lock_timeout_seconds=1)
        assert lock.try_acquire()
        assert lock.is_held()
        assert lock.held_by() == lock.connection_id() == (other.lock.held_by() if lock.connection_id() else 0)
        assert not other.lock.try_acquire()
        assert not other.lock.is_held()
        assert str(lock.connection_id() or "process") in other.lock.holder().name
        connection.exec_driver_sql("CREATE TABLE plants (id INTEGER)")
        connection.commit()
        connection.exec_driver_sql("INSERT INTO plants VALUES (1)")
        assert lock.is_held(), "asked in a transaction"
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM plants").scalar() == 0, "and it was not ended"
        connection.rollback()
        assert lock.is_held()
        lock.release()
        assert not lock.is_held()
        assert connection.exec_driver_sql(setting).scalar() == before
        connection.rollback()
        assert other.lock.try_acquire()
        assert not lock.try_acquire()
        assert lock.held_by() == other.lock.connection_id()
        assert lock.holder().name
        other.lock.release()

    on_a_connection(driver, its_database.url, work)


def test_a_lost_connection_is_known_to_be_lost(
    driver: str, its_database: Database, request: pytest.FixtureRequest
) -> None:
    """Each driver says it in its own way; none may reconnect in silence and believe that it has the lock."""
    if its_database.backend == "sqlite":
        pytest.skip("its connection cannot be lost")
    server = request.getfixturevalue("servers")[its_database.backend]
    lost = False

    def work(connection: Connection) -> None:
        nonlocal lost
        lock = backend_for(connection.dialect.name).lock(connection.connection.dbapi_connection)
        assert lock.try_acquire()
        end = "SELECT pg_terminate_backend(%s)" if server.backend == "postgresql" else "KILL %s"
        server.execute(end, lock.connection_id())
        try:
            lost = not lock.is_held()
        except Exception:  # noqa: BLE001  # each driver has its own
            lost = True
        finally:
            connection.invalidate()

    on_a_connection(driver, its_database.url, work)
    assert lost

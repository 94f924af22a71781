"""The lock and the login work with every driver that an env.py may use, not only with ours."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url

from orchestrator.address.drivers import DRIVERS
from orchestrator.databases import backend_for
from orchestrator.databases.credential_refresh import Logins
from tests.integration.contenders import Contender, contender
from tests.integration.drivers import on_a_connection
from tests.servers import Database
from tests.unit.environments import read


@pytest.fixture
def other(its_database: Database) -> Iterator[Contender]:
    """Return another contender for the lock, with a driver that is known to work."""
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
    """Each driver reports it in its own way; none may reconnect silently and believe that it has the lock."""
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


def test_a_password_of_any_characters_is_sent_in_utf_8(
    driver: str, its_database: Database, request: pytest.FixtureRequest
) -> None:
    """Asyncmy and aiomysql would send Latin-1, which another client's password is not."""
    if its_database.backend != "mariadb":
        pytest.skip("the other databases' drivers have one encoding")
    backend_for("mysql")  # listens to every engine from now on
    server = request.getfixturevalue("servers")["mariadb"]
    user, password = f"u_{uuid.uuid4().hex[:8]}", "pä€密"
    server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'")
    server.execute(f"GRANT ALL ON `{its_database.name}`.* TO {user}@'%'")
    url = make_url(its_database.url).set(username=user, password=password).render_as_string(hide_password=False)
    assert on_a_connection(driver, url, lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    server.execute(f"DROP USER {user}@'%'")


@pytest.mark.parametrize("password", ["plain", "pä", "€密", "\x7f"])
def test_what_a_listener_has_encoded_is_still_recognised(password: str) -> None:
    """SQLAlchemy before 2.0.44 gives the same arguments to the listeners of the next connection."""
    for each in DRIVERS.values():
        once = each.passwords.encoded(password)
        assert each.passwords.encoded(once) == once
        assert each.passwords.text(once) == each.passwords.text(password) == password


@pytest.mark.parametrize("name", ["asyncmy", "aiomysql", "pymysql"])
def test_a_rotated_password_replaces_one_that_was_encoded(name: str, tmp_path: Path) -> None:
    """SQLAlchemy before 2.0.44 keeps the encoded one in the arguments of the pool's next connection."""
    file = tmp_path / "secret.json"
    told = {"username": "app", "host": "db", "dbname": "plants", "engine": "mysql"}
    file.write_text(json.dumps(told | {"password": "öld"}))
    credentials = read(DATABASE_SECRET_FILE=str(file))
    url = credentials.app_url().set(drivername=f"mysql+{name}")
    dialect, encode = url.get_dialect()(), DRIVERS[name].passwords.encoded
    arguments = {"user": "app", "password": encode(url.password)}
    file.write_text(json.dumps(told | {"password": "nëw"}))
    Logins(credentials).renew(dialect, None, [], arguments)
    assert arguments["password"] == encode("nëw")

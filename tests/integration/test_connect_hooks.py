"""The connections of env.py, with every driver that is installed: the server is verified, and the login is right.

Only the drivers of the table that are installed here are tried.
"""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.address.drivers import DRIVERS, Driver
from orchestrator.databases import backend_for
from orchestrator.databases.connecting import connected
from orchestrator.databases.credential_refresh import kept_current
from orchestrator.databases.diagnosis import Diagnosis
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade.connect_hooks import our_connections
from tests.servers import MariaDB, PostgreSQL, certificates
from tests.servers.private import PrivateServer
from tests.unit.environments import read

# Some drivers leave a socket open when TLS fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
MAKES = {"mysql": MariaDB, "postgresql": PostgreSQL}
ENCRYPTED = {
    "mysql": "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
    "postgresql": "SELECT 1, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
}


def _servers(names: tuple[str, ...]) -> Iterator[Callable[[str], PrivateServer]]:
    started: dict[str, PrivateServer] = {}

    def server(database: str) -> PrivateServer:
        if database not in started:
            started[database] = MAKES[database](certificate_for=names).start()
        return started[database]

    yield server
    for each in started.values():
        each.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], PrivateServer]]:
    """Return what gives a server with TLS, started when it is first asked for; its certificate is for 127.0.0.1."""
    yield from _servers(("127.0.0.1",))


@pytest.fixture(scope="module")
def plain_servers() -> Iterator[Callable[[str], PrivateServer]]:
    """Return what gives a server that offers no TLS."""
    yield from _servers(())


@pytest.fixture(params=[each.name for each in DRIVERS.values() if each.database in MAKES and each.installed])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Return each driver of the table that is installed, in turn."""
    return DRIVERS[request.param]


def _url(text: str, driver: Driver) -> URL:
    url = make_url(text)
    return url.set(drivername=f"{url.get_backend_name()}+{driver.name}")


def _ask(url: URL, sql: str) -> Any:
    """The first row, through an engine as env.py makes it."""
    if not url.get_dialect().is_async:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            return connection.exec_driver_sql(sql).first()

    async def ask() -> Any:
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                return (await connection.exec_driver_sql(sql)).first()
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def _in_thread(credentials: Credentials, url: URL, sql: str) -> Any:
    """Run in a thread without an event loop, like env.py; return the row or the exception."""
    found: list[Any] = []

    def run() -> None:
        try:
            with kept_current(credentials), our_connections(credentials):
                found.append(_ask(url, sql))
        except Exception as error:  # noqa: BLE001  # it is what the test looks at
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def _refusal(outcome: Any, driver: Driver) -> Diagnosis:
    assert isinstance(outcome, Exception), outcome
    return backend_for(driver.database).diagnose(outcome)


def test_a_server_of_the_right_authority_is_believed(servers: Callable[[str], PrivateServer], driver: Driver) -> None:
    """With its host name verified, and over TLS."""
    server = servers(driver.database)
    reader = f"reader_{uuid.uuid4().hex[:8]}"  # with as many iterations of SCRAM as pg8000 asks for
    database = server.add_user(server.create_database(), reader, "s3cret", "SELECT")
    credentials = read(DATABASE_URL=database.url, DATABASE_SSL_CA=str(server.ca_file))
    encrypted = _in_thread(credentials, _url(database.url, driver), ENCRYPTED[driver.database])
    assert not isinstance(encrypted, Exception), repr(encrypted)
    assert encrypted[1]


def test_a_server_of_another_authority_is_refused(
    servers: Callable[[str], PrivateServer], driver: Driver, tmp_path: Path
) -> None:
    """It may be an attacker in between."""
    certificates.make(tmp_path, ["127.0.0.1"])
    database = servers(driver.database).create_database()
    credentials = read(DATABASE_URL=database.url, DATABASE_SSL_CA=str(tmp_path / certificates.AUTHORITY))
    assert _refusal(_in_thread(credentials, _url(database.url, driver), "SELECT 1"), driver).error_type == "tls"


def test_a_server_of_another_name_is_refused(servers: Callable[[str], PrivateServer], driver: Driver) -> None:
    """The authority is right, and has signed for many."""
    server = servers(driver.database)
    url = _url(server.create_database().url, driver).set(host="localhost")
    credentials = read(DATABASE_URL=url.render_as_string(hide_password=False), DATABASE_SSL_CA=str(server.ca_file))
    assert _refusal(_in_thread(credentials, url, "SELECT 1"), driver).error_type == "tls"


def test_a_server_without_tls_is_refused(
    plain_servers: Callable[[str], PrivateServer], driver: Driver, tmp_path: Path
) -> None:
    """Some drivers continue in clear text, even if TLS is required."""
    certificates.make(tmp_path, ["127.0.0.1"])
    database = plain_servers(driver.database).create_database()
    credentials = read(DATABASE_URL=database.url, DATABASE_SSL_CA=str(tmp_path / certificates.AUTHORITY))
    outcome = _in_thread(credentials, _url(database.url, driver), "SELECT 1")
    found = _refusal(outcome, driver)
    assert "offers no TLS" in found.hint, (outcome, found)


WHO = {"mysql": "SELECT CURRENT_USER()", "postgresql": "SELECT current_user"}


def test_env_py_logs_in_to_migrate_wherever_it_found_its_address(
    plain_servers: Callable[[str], PrivateServer], driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app's address may be in alembic.ini or come from env.py's own variables, in the app's form."""
    server = plain_servers(driver.database)
    database = server.create_database()
    migrator = f"migrator_{uuid.uuid4().hex[:8]}"
    server.add_user(database, migrator, "0wnër€", "SELECT")
    app = _url(database.url, driver)
    monkeypatch.setenv("DATABASE_URL", app.render_as_string(hide_password=False))
    credentials = read(
        DATABASE_URL=app.render_as_string(hide_password=False),
        MIGRATION_DATABASE_USER=migrator,
        MIGRATION_DATABASE_PASSWORD="0wnër€",
    )
    with our_connections(credentials):
        found = make_url(os.environ["DATABASE_URL"])
    assert (found.drivername, found.username) == (app.drivername, migrator)
    assert make_url(os.environ["DATABASE_URL"]) == app
    alone = read(MIGRATION_DATABASE_URL=found.render_as_string(hide_password=False))  # env.py alone has the app's
    for given, address in ((credentials, app), (credentials, found), (alone, app)):
        who = _in_thread(given, address, WHO[driver.database])
        assert not isinstance(who, Exception), repr(who)
        assert str(who[0]).startswith(migrator)


@pytest.mark.parametrize("kind", ["with TLS", "without TLS"])
async def test_our_own_connections_prefer_tls_where_the_apps_driver_does(
    servers: Callable[[str], PrivateServer], plain_servers: Callable[[str], PrivateServer], kind: str
) -> None:
    """If a server requires TLS, such an app can log in without an option in its URL."""
    server = (servers if kind == "with TLS" else plain_servers)("mysql")
    if kind == "with TLS":
        server.execute("SET GLOBAL require_secure_transport = 1")
    database = server.create_database()
    credentials = read(DATABASE_URL=str(database.url).replace("asyncmy", "mysqlconnector"))

    async def cipher(connection: AsyncConnection, _: Any) -> Any:
        row: Any = (await connection.exec_driver_sql(ENCRYPTED["mysql"])).one()
        return row[1]

    for _ in range(2):
        assert bool(await connected(credentials, cipher, timeout_seconds=20)) is (kind == "with TLS")

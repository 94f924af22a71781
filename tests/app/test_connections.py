"""The way to real servers: encrypted when asked for, and found again after a restart."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from app.database import connect_arguments, create_engine
from app.settings import Settings
from tests.app.conftest import served
from tests.app.migrations import Migrations
from tests.servers import MariaDB, PostgreSQL
from tests.servers.private import PrivateServer

Start = Callable[..., PrivateServer]

ENCRYPTED = {
    "mariadb": "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
    "postgresql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
}


@pytest.fixture(params=[MariaDB, PostgreSQL], ids=lambda server: server.backend)
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start a server of the test's own, with a certificate for the names it is given."""
    with ExitStack() as stack:

        def start(*names: str) -> PrivateServer:
            server: PrivateServer = request.param(certificate_for=names)
            return stack.enter_context(server)

        yield start


async def test_with_an_authority_all_ways_to_the_server_are_encrypted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service and its migrations read the same variable; neither may stay behind in plain text."""
    server = start("127.0.0.1")
    if server.backend == "mariadb":
        server.execute("SET GLOBAL require_secure_transport = ON")
    database = server.create_database()
    monkeypatch.setenv("DATABASE_SSL_CA", str(server.ca_file))
    await Migrations(database.url).upgrade()
    engine = create_engine(Settings(database_url=database.url, database_ssl_ca=str(server.ca_file)))
    async with engine.connect() as connection:
        assert await connection.scalar(text(ENCRYPTED[server.backend]))
    await engine.dispose()


async def test_a_certificate_for_another_name_is_refused(start: Start) -> None:
    """Encryption without a verified name is encryption with any server."""
    server = start("elsewhere.test")
    url = server.create_database().url
    engine = create_engine(Settings(database_url=url, database_ssl_ca=str(server.ca_file)))
    with pytest.raises(Exception, match=r"(?i)certificate"):
        async with engine.connect():
            pass
    await engine.dispose()


async def test_the_service_finds_a_restarted_server_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failover closes every pooled connection; the request after it must not pay for that."""
    server = start()
    database = server.create_database()
    await Migrations(database.url).upgrade()
    async with served(database.url, monkeypatch) as client:
        assert (await client.get("/plants")).status_code == 200
        server.restart()
        assert (await client.get("/plants")).status_code == 200


def test_sqlite_has_no_connection_to_encrypt() -> None:
    """The variable may be set for all environments alike."""
    assert "ssl" not in connect_arguments(make_url("sqlite+aiosqlite:///app.db"), "/no/such/file")


async def test_a_writer_of_sqlite_waits_as_long_as_others_wait_for_the_pool(tmp_path: Path) -> None:
    """Of a dozen writers on a slow disk one always waited longer than the five seconds that the driver allows."""
    engine = create_engine(Settings(database_url=f"sqlite+aiosqlite:///{tmp_path / 'app.db'}"))
    async with engine.connect() as connection:
        assert await connection.scalar(text("PRAGMA busy_timeout")) == 30_000
    await engine.dispose()


def test_an_authority_that_is_not_there_stops_the_start() -> None:
    """It must not mean plain text, and not the machine's own authorities either."""
    with pytest.raises(FileNotFoundError):
        create_engine(Settings(database_url="postgresql+asyncpg://db/app", database_ssl_ca="/no/such/file"))

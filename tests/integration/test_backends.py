"""The backends on real servers: names, errors, and whether they accept writes."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncpg import PostgresError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.databases import Backend, backend_for
from orchestrator.databases.diagnosis import Verdict
from tests.servers import HOST, Database, MariaDB, PostgreSQL, Server, backends, free_port


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[tuple[AsyncConnection, Backend]]:
    backend = backend_for(make_url(url).get_backend_name())
    engine = create_async_engine(url, poolclass=NullPool, connect_args=backend.connect_args(None))
    try:
        async with engine.connect() as connection:
            yield connection, backend
    finally:
        await engine.dispose()


async def _error(url: str, *statements: str) -> Exception:
    """Return the error that connecting raises, or executing one of the statements."""
    try:
        async with _connected(url) as (connection, _):
            for statement in statements:
                await connection.exec_driver_sql(statement)
    except (DBAPIError, OSError, PostgresError) as error:  # SQLAlchemy wraps the last only in newer versions
        return error
    raise AssertionError("nothing was wrong")


def _changed(given: Database, **parts: Any) -> str:
    return make_url(given.url).set(**parts).render_as_string(hide_password=False)


async def test_a_server_is_called_by_its_name(database: Database) -> None:
    """MariaDB is reported as MariaDB even if the URL names MySQL. The version begins with a number."""
    async with _connected(database.url) as (connection, backend):
        name, version = backend.describe(connection.dialect)
    assert name == database.backend
    assert int(version.partition(".")[0]) >= 3


async def _identity(url: str) -> str:
    async with _connected(url) as (connection, backend):
        pooled = await connection.get_raw_connection()
        return await connection.run_sync(lambda _: backend.identity(pooled.dbapi_connection))


async def test_a_database_is_recognised_by_any_address(database: Database, tmp_path: Path) -> None:
    """The identity decides whether env.py migrates the database that was waited for; an address has many spellings."""
    others = {"sqlite": str(tmp_path / "other.db"), "postgresql": "postgres"}
    other = _changed(database, database=others.get(database.backend, "information_schema"))
    again = database.url.replace("127.0.0.1", "localhost")
    assert await _identity(database.url) == await _identity(again)
    assert await _identity(database.url) != await _identity(other)


async def test_a_missing_table_is_distinguished_from_other_errors(database: Database) -> None:
    """An empty database is not a fault; a missing column is one."""
    backend = backend_for(database.backend)
    database.execute("CREATE TABLE plants (id INTEGER)")
    assert backend.is_missing_table(await _error(database.url, "SELECT version_num FROM alembic_version"))
    assert not backend.is_missing_table(await _error(database.url, "SELECT version_num FROM plants"))
    assert not backend.is_missing_table(await _error(database.url, "SELEKT"))


async def test_a_database_that_takes_writes_is_left_as_it_was(database: Database) -> None:
    """The look writes nothing and leaves no transaction open, so that a hundred replicas may look."""
    async with _connected(database.url) as (connection, backend):
        await backend.check_writable(connection)
        assert not connection.in_transaction()
        await backend.check_writable(connection)
    assert database.tables() == []


@backends("mariadb", "postgresql", "mysql")
async def test_a_wrong_password_is_refused_for_good(database: Database) -> None:
    """Trying again would lock the account."""
    error = await _error(_changed(database, password="wr0ng"))
    found = backend_for(database.backend).diagnose(error)
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "credentials")
    assert found.error_code in (1045, "28P01")
    assert "wr0ng" not in found.error_message


@backends("mariadb", "postgresql")
async def test_an_unknown_database_is_refused_for_good(database: Database) -> None:
    """It is not created by waiting."""
    found = backend_for(database.backend).diagnose(await _error(_changed(database, database="app_nowhere")))
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "unknown_database")
    assert found.error_code in (1049, "3D000")


@backends("mariadb", "postgresql")
async def test_missing_rights_are_refused_for_good(database: Database, server: Server) -> None:
    """The hint names the user."""
    reader = server.add_user(database, f"app_{database.name[-8:]}", "r34der", "SELECT")
    found = backend_for(database.backend).diagnose(await _error(reader.url, "CREATE TABLE plants (id INTEGER)"))
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "rights")
    assert "MIGRATION_DATABASE_URL" in found.hint


@backends("mariadb", "postgresql", "mysql")
async def test_a_closed_port_is_tried_again_soon(database: Database) -> None:
    """It costs the server nothing, and the container beside us may be a second late."""
    error = await _error(_changed(database, host=HOST, port=free_port()))
    found = backend_for(database.backend).diagnose(error)
    assert (found.verdict, found.error_type) == (Verdict.RETRY_SOON, "refused")


@backends("mariadb", "postgresql", "mysql")
async def test_a_host_without_address_is_tried_again(database: Database) -> None:
    """Names appear late in a new network."""
    error = await _error(_changed(database, host="nowhere.invalid"))
    found = backend_for(database.backend).diagnose(error)
    assert (found.verdict, found.error_type) == (Verdict.RETRY, "dns")


@pytest.mark.parametrize("make", [MariaDB, PostgreSQL])
async def test_a_crowd_is_waited_out(make: type[MariaDB | PostgreSQL]) -> None:
    """It is the other replicas, and they will be done."""
    with make("--max-connections=10") as server:
        database = server.create_database()
        async with contextlib.AsyncExitStack() as stack:
            with pytest.raises((DBAPIError, PostgresError)) as raised:  # noqa: PT012  # which of them is refused does not matter
                for _ in range(20):
                    await stack.enter_async_context(_connected(database.url))
    found = backend_for(database.backend).diagnose(raised.value)
    assert (found.verdict, found.error_type) == (Verdict.RETRY, "busy")
    assert found.error_code in (1040, "53300")


async def test_a_standby_of_postgresql_takes_no_writes() -> None:
    """It lets clients in, as a replica or an old writer does after a failover: migrating there would fail late."""
    with PostgreSQL() as server:
        database = server.create_database()
        server.restart_as_standby()
        async with _connected(database.url) as (connection, backend):
            with pytest.raises(Exception, match="standby") as raised:
                await backend.check_writable(connection)
        found = backend.diagnose(raised.value)
    assert (found.verdict, found.error_type, found.error_code) == (Verdict.RETRY, "read_only", "25006")


async def test_a_read_only_mariadb_takes_no_writes() -> None:
    """The server's own error shows it, before any change."""
    with MariaDB("--read-only=1") as server:
        database = server.create_database()
        async with _connected(database.url) as (connection, backend):
            with pytest.raises(DBAPIError) as raised:
                await backend.check_writable(connection)
        found = backend.diagnose(raised.value)
    assert (found.verdict, found.error_type, found.error_code) == (Verdict.RETRY, "read_only", 1290)


async def test_a_file_that_is_not_a_database_is_refused() -> None:
    """Nothing repairs it by waiting."""
    found = backend_for("sqlite").diagnose(await _error(f"sqlite+aiosqlite:///{__file__}", "SELECT 1 FROM plants"))
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "protocol")


@backends("sqlite")
async def test_a_directory_that_is_not_there_is_refused(tmp_path: Path, database: Database) -> None:
    """A volume was not mounted."""
    found = backend_for(database.backend).diagnose(await _error(f"sqlite+aiosqlite:///{tmp_path}/no/app.db"))
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "unknown_database")


@backends("sqlite")
async def test_a_file_that_may_only_be_read_takes_no_writes(database: Database) -> None:
    """A volume that is mounted read-only; the file is there, and every SELECT works."""
    database.execute("CREATE TABLE plants (id INTEGER)")
    url = f"sqlite+aiosqlite:///file:{database.name}?mode=ro&uri=true"
    async with _connected(url) as (connection, backend):
        with pytest.raises(DBAPIError) as raised:
            await backend.check_writable(connection)
    found = backend.diagnose(raised.value)
    assert (found.verdict, found.error_type) == (Verdict.REFUSE, "rights")

"""A second connection watches another connection's statement, on real servers, with various privileges."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import backend_for
from orchestrator.databases.observation import Observation
from tests.clients import CREATE_PLANTS, FILL_PLANTS, connected, long_definition, running, transaction
from tests.servers import Database, MariaDB, Server, backends, given

ALTER = "ALTER TABLE plants ADD COLUMN age INTEGER"
READ = "SELECT count(*) FROM plants"
UPDATE = "UPDATE plants SET name = '{}' WHERE id = 1"
LONG_UPDATE = "UPDATE plants SET name = SHA2(REPEAT(name, 50000), 512)"
where_users_can_be_added = backends("mariadb", "postgresql", *(["mysql"] if given("MYSQL_ADMIN_URL") else []))

_PAUSE_SECONDS = 0.2  # InnoDB shows the same transactions and locks until nobody has looked for 0.1 s

Look = Callable[..., Awaitable[Observation]]

pytestmark = backends("mariadb", "postgresql", "mysql")


@contextlib.asynccontextmanager
async def watching(database: Database) -> AsyncIterator[Look]:
    """Return a way to look at a connection, from a second one, until there is enough to be seen."""
    backend = backend_for(database.backend)
    engine = create_async_engine(database.url, poolclass=NullPool)

    async def look(number: int, enough: Callable[[Observation], object] = bool) -> Observation:
        async with asyncio.timeout(30):
            while True:
                async with engine.connect() as connection:
                    seen = await backend.observe(connection, number)
                if enough(seen):
                    return seen
                await asyncio.sleep(_PAUSE_SECONDS)

    yield look


@pytest.fixture
def database(database: Database) -> Database:
    """Return a database with 900 plants."""
    database.execute(CREATE_PLANTS)
    database.execute(FILL_PLANTS)
    return database


@pytest.fixture
async def look(database: Database, server: Server) -> AsyncIterator[Look]:
    """Look as a user who may see everything."""
    if database.backend == "mariadb":
        database = server.add_user(database, "watcher", "w4tcher", "SELECT")
        server.execute("GRANT PROCESS ON *.* TO watcher")
    async with watching(database) as look:
        yield look


def blocked(seen: Observation) -> bool:
    """Tell whether it waits, and for whose transaction: InnoDB may show a new one only after a moment."""
    return seen.waits_for_lock and bool(seen.blockers) and seen.blocked_seconds > 0


async def test_the_progress_of_a_long_statement_is_seen(database: Database, server: Server, look: Look) -> None:
    """In percent, and in the server's words."""
    with running(database, server, long_definition(database.backend, 40_000)) as number:
        first = await look(number, lambda seen: 0 < (seen.progress_percent or 0) < 50)  # PostgreSQL begins with 100
        second = await look(number, lambda seen: (seen.progress_percent or 0) > (first.progress_percent or 0))
    assert (second.progress_percent or 0) <= 100
    words = {
        "mariadb": "copy to tmp table",
        "mysql": "copy to tmp table",
        "postgresql": "building index: scanning table",
    }
    assert first.state == second.state == words[database.backend]
    assert (first.waits_for_lock, first.blocked_by, first.blocked_seconds) == (False, "", 0.0)


@backends("mariadb", "mysql")
async def test_rows_are_counted(database: Database, server: Server, look: Look) -> None:
    """Of a long UPDATE no server knows more."""
    with running(database, server, LONG_UPDATE) as number:
        first = await look(number, lambda seen: seen.rows)
        second = await look(number, lambda seen: (seen.rows or 0) > (first.rows or 0))
    assert 0 < (first.rows or 0) < (second.rows or 0) <= 900


async def test_who_holds_the_table_is_named(database: Database, server: Server, look: Look) -> None:
    """An idle transaction that has only read the table blocks an ALTER TABLE, and all queries behind it."""
    with transaction(database, READ) as holder, running(database, server, ALTER) as number:
        seen = await look(number, blocked)
        older = await look(number, lambda later: later.blocked_seconds > seen.blocked_seconds)
    word = "process" if database.backend == "postgresql" else "connection"
    assert seen.blocked_by == older.blocked_by
    assert seen.blocked_by.startswith(f"{word} {holder} of app@127.0.0.1")
    assert re.match(r"(Sleep, in a|idle in) transaction", seen.blocked_by_state)
    assert seen.blocked_by_state.endswith("only likely") == (database.backend == "mariadb")
    assert 0 < seen.blocked_seconds < older.blocked_seconds < 30
    assert "lock" in seen.state.lower()
    if database.backend != "mariadb":
        assert seen.blocked_by_statement == READ


async def test_who_holds_the_row_is_named(database: Database, server: Server, look: Look) -> None:
    """The data of a revision meets the traffic too; here all servers know it."""
    with (
        transaction(database, UPDATE.format("held")) as holder,
        running(database, server, UPDATE.format("new")) as number,
    ):
        seen = await look(number, blocked)
    assert f" {holder} of app@127.0.0.1" in seen.blocked_by
    assert not seen.guessed
    assert 0 < seen.blocked_seconds < 30


async def test_the_oldest_is_named_and_the_others_are_counted(database: Database, server: Server, look: Look) -> None:
    """Whoever ends the wrong one has to look again."""
    with transaction(database, READ) as oldest:
        await asyncio.sleep(0.1)  # so much older
        with transaction(database, READ), transaction(database, READ), running(database, server, ALTER) as number:
            seen = await look(number, lambda seen: blocked(seen) and len(seen.blockers) > 2)
    assert f" {oldest} of app" in seen.blocked_by
    assert "one of 3" in seen.blocked_by_state


async def test_idle_connections_are_not_suspected(database: Database, server: Server, look: Look) -> None:
    """An app has dozens in its pool."""
    with connected(database), connected(database) as (second, _), transaction(database, READ) as holder:
        second.exec_driver_sql(READ)
        second.rollback()
        with running(database, server, ALTER) as number:
            seen = await look(number, blocked)
    assert len(seen.blockers) == 1
    assert f" {holder} of" in seen.blocked_by


async def test_who_queues_behind_us_is_not_suspected(database: Database, server: Server, look: Look) -> None:
    """They have transactions open as well, and it is us that they wait for."""
    database.execute("CREATE TABLE trees (id INTEGER)")
    with transaction(database, READ) as holder, running(database, server, ALTER) as number:
        await look(number, blocked)
        with running(database, server, "SELECT count(*) FROM trees", READ) as reader:
            await look(reader, lambda seen: seen.waits_for_lock)
            seen = await look(number, blocked)
    assert len(seen.blockers) == 1
    assert f" {holder} of" in seen.blocked_by


async def test_nothing_is_seen_of_a_connection_that_is_gone(database: Database, server: Server, look: Look) -> None:
    """It may end at any moment; the server shows it a moment longer, without a state."""
    with running(database, server, READ) as number:
        await look(number, lambda seen: seen.state or database.backend != "postgresql")
    await look(number, lambda seen: seen == Observation())


@where_users_can_be_added
async def test_without_further_rights_ones_own_statement_is_seen(database: Database, server: Server) -> None:
    """Most apps log in so. The blocking session shows as far as the server shows it to every user."""
    rights = ("CREATE",) if database.backend == "postgresql" else ("CREATE", "ALTER", "INSERT")
    poor = server.add_user(database, "poor", "p00r", *rights)
    poor.execute("CREATE TABLE roses (id INTEGER)")
    if database.backend == "postgresql":
        poor.execute("GRANT SELECT ON roses TO PUBLIC")
    alter = "ALTER TABLE roses ADD COLUMN age INTEGER"
    with transaction(database, "SELECT * FROM roses") as holder, running(poor, server, alter) as number:
        async with watching(poor) as look:
            seen = await look(number, lambda seen: seen.waits_for_lock)
    assert "lock" in seen.state.lower()
    assert seen.blocked_by == (f"process {holder} of app@local" if database.backend == "postgresql" else "")
    assert seen.blocked_seconds == 0.0


async def test_a_server_with_instruments_knows_who_holds_the_table() -> None:
    """MariaDB has them, switched off. The clock of its machine is not that of its sessions."""
    instrument = "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON"
    with MariaDB("--performance-schema=ON", instrument, "--default-time-zone=+05:00") as server:
        database = server.create_database()
        database.execute(CREATE_PLANTS)
        server.execute("GRANT PROCESS, SELECT ON *.* TO app")
        with transaction(database, READ) as holder, transaction(database, "SELECT 1"):
            async with watching(database) as look:
                with running(database, server, ALTER) as number:
                    seen = await look(number, blocked)
    assert seen.blocked_by.startswith(f"connection {holder} of app@127.0.0.1")
    assert 0 < seen.blocked_seconds < 30

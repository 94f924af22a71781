"""The fixture `database`, which other tests lean on."""

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.servers import Database, Server, backends


def test_a_database_begins_empty(database: Database) -> None:
    """Every test finds no table, even if the test before it left some."""
    assert database.tables() == []
    database.execute("CREATE TABLE left_behind (id INTEGER)")
    assert database.tables() == ["left_behind"]


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_leaves_the_next_does_not_find(database: Database, turn: int) -> None:
    """Two tests that create the same table do not meet."""
    database.execute("CREATE TABLE plants (id INTEGER)")
    database.execute(f"INSERT INTO plants SELECT {turn}")
    assert database.execute("SELECT id FROM plants") == [(turn,)]


def test_a_percent_sign_means_itself(database: Database) -> None:
    """A statement without parameters is sent as it is written."""
    assert database.execute("SELECT 'a%b' LIKE '%b'") == [(True,)]


async def test_the_url_is_the_product_s(database: Database) -> None:
    """The asynchronous driver of the URL reaches the same database."""
    database.execute("CREATE TABLE plants (name VARCHAR(20))")
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(sqlalchemy.text("INSERT INTO plants VALUES ('mönch')"))
    await engine.dispose()
    assert database.execute("SELECT name FROM plants") == [("mönch",)]


@backends("mariadb", "postgresql", "mysql")
async def test_a_database_in_use_can_be_dropped(database: Database, server: Server) -> None:
    """A connection that a test has forgotten, in a transaction even, does not hold up the next test."""
    engine = create_async_engine(database.url, poolclass=NullPool)
    connection = await engine.connect()
    await connection.execute(sqlalchemy.text("CREATE TABLE plants (id INTEGER)"))
    await connection.execute(sqlalchemy.text("SELECT * FROM plants"))
    server.drop_database(database)
    await connection.invalidate()
    await connection.close()


@backends("postgresql")
def test_a_test_may_name_its_backends(database: Database) -> None:
    """Only those are run."""
    assert database.backend == "postgresql"


@backends("mysql")
def test_a_test_may_be_for_mysql_alone(database: Database) -> None:
    """Without a MySQL server, it is left out."""
    assert database.backend == "mysql"

"""Autocommit, as the connections of every driver report it, in every version of SQLAlchemy."""

from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases.autocommit import autocommits
from tests.servers import Database


def test_a_synchronous_connection_shows_its_setting(database: Database) -> None:
    """A statement that commits itself is not undone with its transaction: the journal has to know."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as usual, engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
        assert autocommits(usual.connection.dbapi_connection) is False
        assert autocommits(other.connection.dbapi_connection) is True


async def test_an_adapted_connection_shows_its_setting(database: Database) -> None:
    """What SQLAlchemy makes of asyncmy, asyncpg and aiosqlite differs from version to version."""
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.connect() as usual, engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
        for connection, expected in ((usual, False), (other, True)):
            pooled = await connection.get_raw_connection()
            assert autocommits(pooled.dbapi_connection) is expected

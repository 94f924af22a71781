"""What other clients of a database do: run something that takes seconds, keep a transaction open, do nothing."""

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from orchestrator.databases import backend_for
from tests.servers import Database, Server

CREATE_PLANTS = "CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(200))"
_ROWS = 900
_NAMES = [f"plant {number} ".ljust(200, "x") for number in range(_ROWS)]
FILL_PLANTS = f"INSERT INTO plants VALUES {str(list(enumerate(_NAMES)))[1:-1]}"  # noqa: S608  # as Python writes it


def long_definition(backend: str, effort: int = 6_000) -> str:
    """Return DDL that works on each of the plants for long; the server knows how far it is.

    An effort of 6,000 takes about a second.
    """
    if backend == "postgresql":
        return f"CREATE INDEX digests ON plants (md5(repeat(name, {effort})))"
    return f"ALTER TABLE plants ADD COLUMN digest VARCHAR(128) AS (SHA2(REPEAT(name, {effort}), 512)) STORED"


@contextlib.contextmanager
def connected(database: Database) -> Iterator[tuple[Connection, int]]:
    """Return a connection and its number; what it has not committed is rolled back."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection:
        lock = backend_for(database.backend).lock(connection.connection.dbapi_connection)
        yield connection, lock.connection_id()


@contextlib.contextmanager
def transaction(database: Database, *statements: str) -> Iterator[int]:
    """Keep a transaction open that has run these statements; returns the number of its connection."""
    with connected(database) as (connection, number):
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield number


@contextlib.contextmanager
def running(database: Database, server: Server, *statements: str) -> Iterator[int]:
    """Run statements that take their time; returns the number of their connection, and cancels them at the end."""
    with connected(database) as (connection, number):

        def run() -> None:
            with contextlib.suppress(DBAPIError):  # it was cancelled
                for statement in statements:
                    connection.exec_driver_sql(statement)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield number
        finally:
            while thread.is_alive():
                server.execute(backend_for(database.backend).cancel_sql(number))
                thread.join(0.05)


def advisory_locks(server: Server, database: Database) -> int:
    """Count the advisory locks in a database of PostgreSQL; other tests have theirs on the same server."""
    query = "SELECT 1 FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND datname = %s"
    return len(server.execute(query, database.name))

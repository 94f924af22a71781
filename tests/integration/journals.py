"""A journal on a real database: what is written into it, by each kind of driver."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import backend_for
from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.steps import Outcome, Record, Step
from orchestrator.migrations.journal.store import Journal, RevisionInfo
from tests.servers import Database

T = TypeVar("T")
HOSTILE = 'it\'s "100 %" of `all` \\ %s %(x)s :x $1 ? \n\r\t\x1a ü → 🌳 '


def about(**changes: Any) -> RevisionInfo:
    """Return what the journal is told of a revision."""
    known: dict[str, Any] = {"revision": "r1", "path": "/r1.py", "needs": ("r0", "q0"), "description": HOSTILE}
    known |= {"checksum": "c" * 64, "app_version": "1.0", "boot_id": "b", "task_id": "t", "connection_id": 2**40}
    return RevisionInfo(**(known | changes))


def step(index: int, **changes: Any) -> Step:
    """Return a statement as it is recorded."""
    known: dict[str, Any] = {"index": index, "kind": Kind.WRITE, "text": HOSTILE, "outcome": Outcome.DONE}
    known |= {"digest": "d" * 64, "rowcount": 3, "lastrowid": 2**40, "line": -7}
    known |= {"before": {HOSTILE: "x"}, "after": {HOSTILE: ""}}
    return Step(**(known | changes))


def record(*steps: Step) -> Record:
    """Return the record of a revision with these statements."""
    return Record("server 1", HOSTILE, {"sql_mode": HOSTILE}, list(steps))


def journal_on(connection: Connection) -> Journal:
    """Return the journal as the connection of a revision uses it."""
    pooled = connection.connection
    backend = backend_for(connection.dialect.name)
    session = backend.recorded(pooled.dbapi_connection, pooled.driver_connection)
    schema = backend.default_schema(pooled.dbapi_connection)
    return Journal(pooled.dbapi_connection, connection.dialect, session.now, schema, session.encoding)


@pytest.fixture(params=["asynchronous", "synchronous"])
def on(request: pytest.FixtureRequest) -> Callable[[Database, Callable[[Connection], T]], T]:
    """Return what runs a function on a new connection, and commits what it did."""
    return _asynchronously if request.param == "asynchronous" else _synchronously


def _asynchronously(database: Database, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        engine = create_async_engine(database.url, poolclass=NullPool)
        async with engine.connect() as connection:
            return await connection.run_sync(_committing(work))

    return asyncio.run(run())


def _synchronously(database: Database, work: Callable[[Connection], T]) -> T:
    with create_engine(database.synchronous_url, poolclass=NullPool).connect() as connection:
        return _committing(work)(connection)


def _committing(work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    def run(connection: Connection) -> T:
        result = work(connection)
        connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is connected
        return result

    return run


On = Callable[[Database, Callable[[Connection], Any]], Any]

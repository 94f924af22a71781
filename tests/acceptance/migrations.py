"""Shared by the tests of migrating: a run of `migrate`, what it left in the database, and access to its lock."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy
from sqlalchemy import NullPool, create_engine

from orchestrator.databases import MigrationLock, backend_for
from tests.harness import PATIENCE_SECONDS, Event, Orchestrator, Output, Project, Result, run
from tests.servers import Database

T = TypeVar("T")

CREATE = "op.create_table({!r}, sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)))"

INSERT = "op.execute(\"INSERT INTO plants VALUES ({}, '{}')\")"

WAIT_FOR_GO = """
import pathlib, time
print("waiting for go")
while not pathlib.Path("go").exists():
    time.sleep(0.01)
"""
"""Statements for a revision, or an env.py, that goes on when the test says `go(project)`."""


def go(project: Project) -> None:
    """Let the waiting statement continue."""
    project.write("go", "")


def environment(database: Database, **settings: str) -> dict[str, str]:
    """Return the variables of a process: the address of its database, and further settings."""
    return {"DATABASE_URL": database.url, **settings}


async def migrate(project: Project, database: Database, **settings: str) -> Result:
    """Run `migrate` to its end."""
    return await run("migrate", env=environment(database, **settings), cwd=project.path)


async def migrate_unaddressed(project: Project, **settings: str) -> Result:
    """Run `migrate` to its end with no other address than `settings` give."""
    return await run("migrate", env={"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid", **settings}, cwd=project.path)


async def observed(process: Orchestrator, revision: str, after: int = 0) -> Event:
    """Wait for a progress event with the server's view of the statement, and return it.

    A look may take as long as the heartbeat, and tests have a short one: on a busy machine some looks see nothing.
    """
    while True:
        event = await process.event("revision_progress", revision=revision, after=after)
        if event["statement_state"]:
            return event
        after = process.events.index(event, after) + 1


def add_two(project: Project) -> None:
    """Add a revision that makes a table and one that fills it."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", INSERT.format(1, "rose"))


def untouched(database: Database) -> bool:
    """Return whether an SQLite database was never connected to, which would have created the file."""
    return not Path(database.name).exists()


def stamped(database: Database, table: str = "alembic_version") -> list[str]:
    """Name the revisions that the database is at."""
    if table.rpartition(".")[2] not in database.tables() and "." not in table:
        return []
    return sorted(row[0] for row in database.execute(f"SELECT version_num FROM {table}"))  # noqa: S608 - our own name


def told(output: Output) -> list[str]:
    """Return the names of the events about migrations, in their order."""
    words = ("migration", "lock_", "revision_", "startup_failed", "database_ahead")
    return [event["event"] for event in output.events if event["event"].startswith(words)]


def columns(database: Database, table: str) -> set[str]:
    """Name the columns of a table."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection:
        return {column["name"] for column in sqlalchemy.inspect(connection).get_columns(table)}


@contextlib.contextmanager
def locks(database: Database) -> Iterator[MigrationLock]:
    """Return the migration lock of another session, on a connection that lasts as long as the context."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    connection = engine.raw_connection()
    lock = backend_for(database.backend).lock(connection.dbapi_connection)
    try:
        yield lock
    finally:
        lock.release()
        connection.close()


@contextlib.contextmanager
def transaction(database: Database, *statements: str) -> Iterator[None]:
    """Keep a transaction open that has run these statements; it is rolled back."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield
        connection.rollback()


def tables(database: Database) -> list[str]:
    """Name the tables that the migrations made, without Alembic's and the journal's."""
    return [name for name in database.tables() if not name.startswith(("alembic_version", "orchestrator_journal"))]


async def until(found: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Ask again until something is found."""
    async with asyncio.timeout(seconds):
        while not (answer := found()):  # noqa: ASYNC110  # a server is asked, which tells nobody by itself
            await asyncio.sleep(0.02)
    return answer

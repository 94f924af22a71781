"""The effect of a migration on concurrent reads while a long transaction holds the table: plain Alembic, and ours.

    python -m benchmarks.traffic [--backends mariadb,postgresql,mysql] [--transaction-seconds 6] [--limit-seconds 1]

One connection has read the table and keeps its transaction open. Readers read the table continuously, each on its
connection. A revision alters the table: it must wait for the transaction, and all reads queue behind it. Plain Alembic
waits without a limit. Ours waits for ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS, then lets the reads pass and tries again.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from benchmarks.runs import WAYS, Run, make_timed_project, prepare, run
from benchmarks.servers import serving
from tests.harness import Project
from tests.servers import Server

READERS = 4
PAUSE_SECONDS = 0.005  # between two reads of the same reader
LEAD_SECONDS = 1.0  # of reading before the migration starts

_CREATE = """
op.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))")
op.execute("INSERT INTO plants VALUES (1, 'rose')")
"""
_ALTER = 'op.execute("ALTER TABLE plants ADD COLUMN height INTEGER")'
_READ = "SELECT name FROM plants WHERE id = 1"


@dataclass(frozen=True)
class Seen:
    """One run, as the readers and the clock saw it.

    Attributes:
        reads: latency of each read, in seconds, from the start of the migration to its end.
        after_seconds: from the end of the transaction to the end of the migration's process; below 0 when it gave up.
    """

    migration: Run
    reads: list[float]
    after_seconds: float

    @property
    def worst(self) -> float:
        """The slowest read, in seconds."""
        return max(self.reads)


async def hold(engine: AsyncEngine, seconds: float, holding: asyncio.Event) -> float:
    """Read the table and keep the transaction open; returns when it ended."""
    async with engine.connect() as connection:
        await connection.exec_driver_sql(_READ)
        holding.set()
        await asyncio.sleep(seconds)
        await connection.rollback()
    return time.monotonic()


async def read(engine: AsyncEngine, done: asyncio.Event, reads: list[float]) -> None:
    """Read until it is done."""
    async with engine.connect() as connection:
        while not done.is_set():
            began = time.monotonic()
            await connection.exec_driver_sql(_READ)
            await connection.rollback()
            reads.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE_SECONDS)


async def observe(way: str, project: Project, server: Server, options: argparse.Namespace) -> Seen:
    """Run a migration with its traffic in a separate database, and return the figures."""
    database = server.create_database()
    environ = {"DATABASE_URL": database.url}
    if way == "orchestrator":
        environ["ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS"] = str(options.limit_seconds)
    engine = create_async_engine(database.url, poolclass=NullPool)
    holding, done, reads = asyncio.Event(), asyncio.Event(), list[float]()
    try:
        await prepare(way, project, environ)
        async with asyncio.TaskGroup() as group:
            held = group.create_task(hold(engine, LEAD_SECONDS + options.transaction_seconds, holding))
            await holding.wait()
            for _ in range(READERS):
                group.create_task(read(engine, done, reads))
            await asyncio.sleep(LEAD_SECONDS)
            reads.clear()
            migration = await run(way, project, environ)
            ended = time.monotonic()
            done.set()
    finally:
        await engine.dispose()
        server.drop_database(database)
    return Seen(migration, reads, ended - held.result())


def report(backend: str, seen: dict[str, Seen]) -> None:
    """A line for each way, and the ratio."""
    for way, each in seen.items():
        median, code = statistics.median(each.reads), each.migration.exit_code
        print(
            f"{backend:<11} {way:<13} worst read {each.worst * 1000:6.0f} ms, median {median * 1000:5.2f} ms of"
            f" {len(each.reads):5}; done {each.after_seconds:6.2f} s after the transaction, exit {code}",
            flush=True,
        )
    ratio = seen["alembic"].worst / seen["orchestrator"].worst
    print(f"{backend:<11} the worst read took {ratio:.1f} times as long with plain Alembic", flush=True)


def main() -> None:
    """Compare on each backend."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backends", default="mariadb,postgresql,mysql", help="joined by commas")
    parser.add_argument("--transaction-seconds", type=float, default=6, help="after the migration has started")
    parser.add_argument("--limit-seconds", type=float, default=1, help="ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        project = make_timed_project(Path(directory) / "project", _CREATE, _ALTER)
        for backend in options.backends.split(","):
            with serving(backend, durable=False) as server:
                report(backend, {way: asyncio.run(observe(way, project, server, options)) for way in WAYS})


if __name__ == "__main__":
    main()

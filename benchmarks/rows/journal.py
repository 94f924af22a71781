"""Row 13: what the journal and the watch cost, beside plain `alembic upgrade head`, with an fsync for each commit.

The times are those of `context.run_migrations()`, by the same clock in the same env.py for both.
"""

import asyncio
from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.row import Group, Row, Samples
from benchmarks.runs import WAYS, Run, make_timed_project, prepare, run
from tests.harness import Project
from tests.servers import Database

FIRST = 'op.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))")'
_MIXES = {
    "DML": """
for number in range(100):
    op.execute(f"INSERT INTO plants VALUES ({number}, 'rose')")
    op.execute(f"UPDATE plants SET name = 'lily' WHERE id = {number}")
""",
    "DDL": """
for number in range(100):
    op.execute(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, name VARCHAR(50))")
    op.execute(f"ALTER TABLE t{number} ADD COLUMN height INTEGER")
""",
}
_BACKENDS = {"mariadb": "MariaDB", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
_LIMITS = {"DML": 1.10, "DDL": 1.30}


def upgraded(way: str, project: Project, database: Database, *, prepared: bool = True) -> Run:
    """Bring a new database to head, after its first revision if it is to be prepared.

    Raises:
        RuntimeError: it failed.
    """
    environ = {"DATABASE_URL": database.url}
    if prepared:
        asyncio.run(prepare(way, project, environ))
    found = asyncio.run(run(way, project, environ))
    if found.exit_code:
        raise RuntimeError(found.output)
    return found


def _observe(bench: Bench, backend: str, way: str, project: Project) -> float:
    if backend == "sqlite":
        file = bench.directory()
        return upgraded(way, project, Database(f"sqlite+aiosqlite:///{file}", backend)).migrating_seconds
    server = bench.server(backend, durable=True)
    database = server.create_database()
    seconds = upgraded(way, project, database).migrating_seconds
    server.drop_database(database)
    return seconds


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Run both mixes on each backend both ways, once a round."""
    projects = {mix: make_timed_project(bench.directory(), FIRST, text) for mix, text in _MIXES.items()}
    while True:
        yield {
            f"{way}: {mix} on {backend}": [_observe(bench, backend, way, project)]
            for backend in _BACKENDS
            for mix, project in projects.items()
            for way in WAYS
        }


GROUP = Group(
    rows=[
        Row(13, f"200 {mix} statements, {name}", f"orchestrator: {mix} on {it}", f"alembic: {mix} on {it}", limit)
        for mix, limit in _LIMITS.items()
        for it, name in _BACKENDS.items()
    ],
    measure=measure,
    rounds=3,
)

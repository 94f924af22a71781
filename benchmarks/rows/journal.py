"""Row 13: what the journal and the watch cost, beside plain `alembic upgrade head`, with an fsync for each commit.

Two times of each run: `context.run_migrations()`, by the same clock in the same env.py for both, and the whole command.
"""

import asyncio
import itertools
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
_PARTS = {": within run_migrations": "", ": the whole command": ", command"}


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


def _observe(bench: Bench, backend: str, way: str, project: Project) -> Run:
    if backend == "sqlite":
        return upgraded(way, project, Database(f"sqlite+aiosqlite:///{bench.directory()}", backend))
    server = bench.server(backend, durable=True)
    database = server.create_database()
    found = upgraded(way, project, database)
    server.drop_database(database)
    return found


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Run both mixes on each backend both ways, once a round."""
    projects = {mix: make_timed_project(bench.directory(), FIRST, text) for mix, text in _MIXES.items()}
    while True:
        figures: dict[str, list[float]] = {}
        for backend, (mix, project), way in itertools.product(_BACKENDS, projects.items(), WAYS):
            found, name = _observe(bench, backend, way, project), f"{way}: {mix} on {backend}"
            figures |= {name: [found.migrating_seconds], f"{name}, command": [found.process_seconds]}
        yield figures


GROUP = Group(
    rows=[
        Row(
            13,
            f"200 {mix} statements, {name}{what}",
            f"orchestrator: {mix} on {it}{part}",
            f"alembic: {mix} on {it}{part}",
            limit,
        )
        for what, part in _PARTS.items()
        for mix, limit in _LIMITS.items()
        for it, name in _BACKENDS.items()
    ],
    measure=measure,
    rounds=3,
)

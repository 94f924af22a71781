"""The cost of the journal: `orchestrator migrate` and plain `alembic upgrade head` in turns on the same servers.

    python -m benchmarks.journal [--durable] [--backends mariadb,postgresql,mysql] [--mixes ddl,dml,mixed] [--rounds 7]

Each round uses a new database for each of the two, brings it to the first revision (which creates the version table and
the journal), and measures the second one, with 200 small statements. `inside` is the time in
`context.run_migrations()`, by the same clock in the same env.py for both. `process` is the time from the start of the
process to its end, with all imports (also the app's), the waiting and the lock.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

from benchmarks.runs import WAYS, Run, make_timed_project, prepare, run
from benchmarks.servers import serving
from tests.harness import Project
from tests.servers import Server

_FIRST = 'op.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))")'
_DDL = """
for number in range({count}):
    op.execute(f"CREATE TABLE t{{number}} (id INTEGER PRIMARY KEY, name VARCHAR(50))")
"""
_DML = """
for number in range({count}):
    op.execute(f"INSERT INTO plants VALUES ({{number}}, 'rose')")
"""
_MIXED = """
for number in range({count} // 4):
    op.execute(f"CREATE TABLE t{{number}} (id INTEGER PRIMARY KEY, name VARCHAR(50))")
    op.execute(f"INSERT INTO t{{number}} VALUES (1, 'rose')")
    op.execute(f"INSERT INTO plants SELECT id + {{number}}, name FROM t{{number}}")
    op.execute(f"ALTER TABLE t{{number}} ADD COLUMN height INTEGER")
"""
MIXES = {"ddl": _DDL, "dml": _DML, "mixed": _MIXED}


async def measured(way: str, project: Project, server: Server) -> Run:
    """Run the second revision in a separate database, and return the figures.

    Raises:
        RuntimeError: it failed.
    """
    database = server.create_database()
    try:
        await prepare(way, project, {"DATABASE_URL": database.url})
        found = await run(way, project, {"DATABASE_URL": database.url})
    finally:
        server.drop_database(database)
    if found.exit_code:
        raise RuntimeError(found.output)
    return found


async def compare(mix: str, server: Server, rounds: int, count: int) -> dict[str, list[Run]]:
    """All runs, in turns, each way first as often as the other; the first round warms up and does not count."""
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as directory:
        project = make_timed_project(Path(directory) / "project", _FIRST, MIXES[mix].format(count=count))
        for number in range(rounds + 1):
            for way in sorted(WAYS, reverse=bool(number % 2)):
                runs[way].append(await measured(way, project, server))
    return {way: each[1:] for way, each in runs.items()}


def report(backend: str, mix: str, runs: dict[str, list[Run]]) -> None:
    """Two lines: inside Alembic, and the whole process."""
    for name, what in (("inside", "migrating_seconds"), ("process", "process_seconds")):
        plain, ours = (sorted(getattr(each, what) for each in runs[way]) for way in WAYS)
        before, now = statistics.median(plain), statistics.median(ours)
        print(
            f"{backend:<11} {mix:<6} {name:<8} alembic {before:7.3f} s ({plain[0]:.3f}-{plain[-1]:.3f})"
            f"  orchestrator {now:7.3f} s ({ours[0]:.3f}-{ours[-1]:.3f})  ratio {now / before:5.2f}",
            flush=True,
        )


def main() -> None:
    """Compare on each backend, each mix."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backends", default="mariadb,postgresql,mysql", help="joined by commas")
    parser.add_argument("--mixes", default="ddl,dml,mixed", help="joined by commas")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--statements", type=int, default=200)
    parser.add_argument("--durable", action="store_true", help="servers on disk, with fsync")
    options = parser.parse_args()
    for backend in options.backends.split(","):
        with serving(backend, durable=options.durable) as server:
            for mix in options.mixes.split(","):
                report(backend, mix, asyncio.run(compare(mix, server, options.rounds, options.statements)))


if __name__ == "__main__":
    main()

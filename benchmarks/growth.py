"""How the journal's cost grows with a revision: queries, time and memory beside plain Alembic, at three sizes.

    python -m benchmarks.growth [--backend mariadb] [--shapes creates,inserts,...] [--size 100]

Each shape is one revision of `size`, then of twice and of four times that. Linear means that queries and seconds double
with it, and the memory of reads does not grow. A line ends with the ratio to plain Alembic.
"""

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runs import WAYS, make_timed_project, prepare, run
from benchmarks.servers import serving
from tests.servers import Server

_FIRST = """
op.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))")
op.execute("CREATE TABLE book (page TEXT)")
op.execute("INSERT INTO book VALUES (REPEAT('x', 10000))")
"""
PEAK = """
import resource
with open("peak", "w") as file:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=file)
"""
SHAPES = {
    "creates": 'op.execute(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY)")',
    "alters": "op.execute(f\"ALTER TABLE plants COMMENT '{n}'\")",
    "renames": "op.execute(f\"ALTER TABLE {'plants' if n == 0 else f'p{n - 1}'} RENAME TO p{n}\")",
    "inserts": "op.execute(f\"INSERT INTO plants VALUES ({n}, 'rose')\")",
    "reads": 'op.get_bind().exec_driver_sql("SELECT page FROM book").all()',
}
_DROPS = '\nfor n in range({size}):\n    op.execute(f"DROP TABLE t{{n}}")\n'
_STREAM = """
digits = "(SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)"
rows = "SELECT page FROM book, " + ", ".join(f"{{digits}} d{{n}}" for n in range(9)) + " LIMIT {size}00"
for _ in op.get_bind().execute(sa.text(rows).execution_options(yield_per=100)):
    pass
"""


@dataclass(frozen=True)
class Cost:
    """The cost of a revision."""

    queries: int
    seconds: float
    megabytes: int


def revision(shape: str, size: int) -> str:
    """The `upgrade` of a shape and size."""
    if shape == "stream":  # rows of 10 KB, `size` times 100
        return _STREAM.format(size=size) + PEAK
    loop = f"for n in range({size}):\n    {SHAPES[shape]}\n"
    return loop + (_DROPS.format(size=size) if shape == "creates" else "") + PEAK


async def cost(way: str, shape: str, size: int, server: Server) -> Cost:
    """Run the revision on a new database.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        project = make_timed_project(Path(directory) / "project", _FIRST, revision(shape, size))
        database = server.create_database()
        try:
            environ = {"DATABASE_URL": database.url}
            await prepare(way, project, environ)
            before = _queries(server)
            found = await run(way, project, environ)
            queries = _queries(server) - before
        finally:
            server.drop_database(database)
        if found.exit_code:
            raise RuntimeError(found.output)
        return Cost(queries, found.migrating_seconds, int((project.path / "peak").read_text()) // 1024)


def _queries(server: Server) -> int:
    ((_, queries),) = server.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
    return int(queries)


def report(shape: str, size: int, server: Server) -> None:
    """One line for a shape and size."""
    plain, ours = (asyncio.run(cost(way, shape, size, server)) for way in WAYS)
    print(
        f"{shape:<8} {size:>6}  alembic {plain.queries:>7} queries {plain.seconds:7.2f} s {plain.megabytes:>5} MB"
        f"  orchestrator {ours.queries:>7} queries {ours.seconds:7.2f} s {ours.megabytes:>5} MB"
        f"  ratio {ours.queries / plain.queries:5.2f} {ours.seconds / plain.seconds:5.2f}"
        f" {ours.megabytes / plain.megabytes:5.2f}",
        flush=True,
    )


def main() -> None:
    """Each shape at three sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", default="mariadb", choices=["mariadb", "mysql"])
    parser.add_argument("--shapes", default=",".join([*SHAPES, "stream"]), help="joined by commas")
    parser.add_argument("--size", type=int, default=100)
    options = parser.parse_args()
    with serving(options.backend, durable=False) as server:
        for shape in options.shapes.split(","):
            for size in (options.size, 2 * options.size, 4 * options.size):
                report(shape, size, server)


if __name__ == "__main__":
    main()

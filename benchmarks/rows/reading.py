"""Row 13, memory: a revision that reads 200 MB, all rows at once and as a stream."""

from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.growth import PEAK
from benchmarks.row import Group, Row, Samples, Unit
from benchmarks.rows.journal import upgraded
from benchmarks.runs import WAYS, make_timed_project
from tests.harness import Project

_BOOK = """
op.execute("CREATE TABLE book (page TEXT)")
op.execute("CREATE TABLE numbers (n INTEGER)")
op.execute("INSERT INTO book VALUES (REPEAT('x', 10000))")
for number in range(145):
    op.execute(f"INSERT INTO numbers VALUES ({number})")
"""
_READ = """
pages = sa.text("SELECT page FROM book, numbers first, numbers second"){options}
print(sum(len(page) for (page,) in op.get_bind().execute(pages)))
"""
_SHAPES = {"at once": "", "as a stream": ".execution_options(yield_per=100)"}


def _megabytes(bench: Bench, way: str, project: Project) -> float:
    server = bench.server()
    database = server.create_database()
    upgraded(way, project, database)
    server.drop_database(database)
    return int((project.path / "peak").read_text()) / 1024


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Read both ways, with plain Alembic and with ours, once a round."""
    projects = {
        shape: make_timed_project(bench.directory(), _BOOK, _READ.format(options=options) + PEAK)
        for shape, options in _SHAPES.items()
    }
    while True:
        yield {
            f"{way}: {shape}": [_megabytes(bench, way, project)] for shape, project in projects.items() for way in WAYS
        }


GROUP = Group(
    rows=[
        Row(
            13,
            f"Reading 200 MB {shape}: more memory",
            f"orchestrator: {shape}",
            f"alembic: {shape}",
            limit=16,
            unit=Unit.MEGABYTES,
        )
        for shape in _SHAPES
    ],
    measure=measure,
    rounds=1,
)

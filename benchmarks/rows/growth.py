"""Row 13, the large ones: a revision of 20,000 statements, and 2,000 revisions; both must grow in proportion."""

from collections.abc import Generator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.growth import PEAK
from benchmarks.row import Group, Row, Samples, Unit
from benchmarks.rows.journal import FIRST, upgraded
from benchmarks.runs import WAYS, make_timed_project
from tests.harness import Project

_INSERT = "op.execute(f\"INSERT INTO plants VALUES ({number}, 'rose')\")"
_LARGER = 4  # times as large


@dataclass(frozen=True)
class _Tree:
    project: Project
    prepared: bool


def _statements(bench: Bench, count: int) -> _Tree:
    body = f"for number in range({count}):\n    {_INSERT}\n{PEAK}"
    return _Tree(make_timed_project(bench.directory(), FIRST, body), prepared=True)


def _revisions(bench: Bench, count: int) -> _Tree:
    project = make_timed_project(bench.directory(), FIRST, "pass")
    for number in range(count):
        last = PEAK if number == count - 1 else ""
        project.add_revision(f"n{number}", f"number = {number}\n{_INSERT}\n{last}")
    return _Tree(project, prepared=False)


def _observe(name: str, way: str, tree: _Tree, bench: Bench) -> Samples:
    server = bench.server(durable=True)
    database = server.create_database()
    seconds = upgraded(way, tree.project, database, prepared=tree.prepared).migrating_seconds
    server.drop_database(database)
    megabytes = int((tree.project.path / "peak").read_text()) / 1024
    found = {f"{way}: {name}": [seconds], f"{way}: {name}, memory": [megabytes]}
    return found | {f"{way}: {name}, in proportion": [_LARGER * seconds]}


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Run both at two sizes once a round; plain Alembic only at the larger."""
    trees = {
        "5,000 statements": _statements(bench, 5_000),
        "20,000 statements": _statements(bench, 20_000),
        "500 revisions": _revisions(bench, 500),
        "2,000 revisions": _revisions(bench, 2_000),
    }
    while True:
        figures: dict[str, list[float]] = {}
        for name, tree in trees.items():
            for way in WAYS:
                if way == "orchestrator" or name.startswith(("20,000", "2,000")):
                    figures |= {key: list(values) for key, values in _observe(name, way, tree, bench).items()}
        yield figures


def _rows(large: str, small: str) -> list[Row]:
    ours, before = f"orchestrator: {large}", f"orchestrator: {small}"
    return [
        Row(13, f"{large}, MariaDB", ours, f"alembic: {large}", 1.10),
        Row(13, f"{large} against {small}, time by size", ours, f"{before}, in proportion", 1.10),
    ]


_MEMORY = (  # Alembic keeps each script of a tree: the journal does not add that part
    Row(
        13,
        "20,000 statements against 5,000 statements, peak memory",
        "orchestrator: 20,000 statements, memory",
        "orchestrator: 5,000 statements, memory",
        1.05,
        of=Unit.MEGABYTES,
    ),
    Row(
        13,
        "2,000 revisions: more memory",
        "orchestrator: 2,000 revisions, memory",
        "alembic: 2,000 revisions, memory",
        16,
        unit=Unit.MEGABYTES,
    ),
)

GROUP = Group(
    rows=[*_rows("20,000 statements", "5,000 statements"), *_rows("2,000 revisions", "500 revisions"), *_MEMORY],
    measure=measure,
    rounds=1,
)

"""Rows 1 to 4, 8, 10 and 17: single starts, and what they use and how they stop when idle."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.launching import answers, launched, run
from benchmarks.projects import ADDRESS_FILE, make_app_project
from benchmarks.row import Group, Row, Samples, Unit
from tests.harness import Project
from tests.servers import Database, Server


@dataclass(frozen=True)
class _Case:
    """A start.

    Attributes:
        database: its database; None: a new, empty one each time.
        asked: DATABASE_URL is not set, so that env.py must give the address.
    """

    way: str
    project: Project
    database: Database | None
    asked: bool = False


def _observe(name: str, case: _Case, server: Server) -> Samples:
    """Start, wait until it serves, stop."""
    database = case.database or server.create_database()
    (case.project.path / ADDRESS_FILE).write_text(database.url)
    with launched(case.way, case.project, {} if case.asked else {"DATABASE_URL": database.url}) as process:
        seen = asyncio.run(answers(process))
        memory, stopped = process.resident_megabytes, process.stop()
    if not case.database:
        server.drop_database(database)
    figures = {"answer": seen.first, "served": seen.served, "memory": memory, "stopped": stopped}
    return {f"{name}: {what}": [value] for what, value in figures.items()}


def _cases(bench: Bench, server: Server) -> dict[str, _Case]:
    usual, small, large = projects = [make_app_project(bench.directory(), count) for count in (20, 5, 2000)]
    heads = [server.create_database() for _ in projects]
    for project, database in zip(projects, heads, strict=True):
        for command in ("freeze", "migrate"):
            run(project, database.url, command)
    return {
        "uvicorn": _Case("uvicorn", usual, heads[0]),
        "startup.sh": _Case("script", usual, heads[0]),
        "orchestrator": _Case("orchestrator", usual, heads[0]),
        "orchestrator, asked": _Case("orchestrator", usual, heads[0], asked=True),
        "startup.sh, pending": _Case("script", usual, None),
        "orchestrator, pending": _Case("orchestrator", usual, None),
        "5 revisions": _Case("orchestrator", small, heads[1]),
        "2,000 revisions": _Case("orchestrator", large, heads[2]),
    }


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Start each case once a round; a first start of each writes the bytecode and does not count."""
    server = bench.server()
    cases = _cases(bench, server)
    for name, case in cases.items():
        _observe(name, case, server)
    while True:
        figures: dict[str, list[float]] = {}
        for name, case in cases.items():
            figures |= {key: list(values) for key, values in _observe(name, case, server).items()}
        yield figures


GROUP = Group(
    rows=(
        Row(1, "Start at head, to the first served request", "orchestrator: served", "startup.sh: served", 0.45),
        Row(1, "Start at head, to the first served request", "orchestrator: served", "uvicorn: served", 1.05),
        Row(
            2,
            "Start with 20 pending revisions",
            "orchestrator, pending: served",
            "startup.sh, pending: served",
            0.50,
        ),
        Row(3, "Start to the first answer of any kind", "orchestrator: answer", "startup.sh: answer", 0.12),
        Row(4, "Start at head, 2,000 revisions against 5", "2,000 revisions: served", "5 revisions: served", 1.02),
        Row(8, "Resident memory while serving", "orchestrator: memory", "uvicorn: memory", 1.03, of=Unit.MEGABYTES),
        Row(
            10,
            "SIGTERM to exit, idle: later",
            "orchestrator: stopped",
            "uvicorn: stopped",
            0.03,
            unit=Unit.SECONDS,
        ),
        Row(
            17,
            "Start at head, address asked of env.py",
            "orchestrator, asked: served",
            "startup.sh: served",
            0.60,
        ),
    ),
    measure=measure,
)

"""Row 15: the health check, beside the least that Python needs to open a socket."""

import asyncio
import sys
from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.launching import BIN, answers, launched
from benchmarks.probe import check
from benchmarks.projects import make_app_project
from benchmarks.row import Group, Row, Samples, Unit

_CHECKS = 5
_COMMANDS = {"probe": [str(BIN / "orchestrator"), "probe"], "import socket": [sys.executable, "-c", "import socket"]}


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Start a service, and run both commands by turns a few times, once a round; the first pair does not count."""
    project, database = make_app_project(bench.directory(), 1), bench.server().create_database()
    while True:
        figures: dict[str, list[float]] = {}
        with launched("orchestrator", project, {"DATABASE_URL": database.url}) as process:
            asyncio.run(answers(process))
            for number in range(_CHECKS + 1):
                for name, command in _COMMANDS.items():
                    found = check(command, process.port)
                    if number:
                        figures.setdefault(f"{name}: seconds", []).append(found.seconds)
                        figures.setdefault(f"{name}: memory", []).append(found.megabytes)
        yield figures


GROUP = Group(
    rows=(
        Row(15, "orchestrator probe, from start to exit", "probe: seconds", "import socket: seconds", 1.3),
        Row(15, "orchestrator probe, memory", "probe: memory", limit=12, unit=Unit.MEGABYTES),
    ),
    measure=measure,
    rounds=6,
    programs=("/usr/bin/time",),
)

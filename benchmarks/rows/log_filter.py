"""Row 14: `orchestrator filter` and jq select the same lines of a log of 100 MB; both take time in proportion to it."""

import subprocess
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.filter import make_log
from benchmarks.launching import BIN, TIMEOUT_SECONDS
from benchmarks.row import Goal, Group, Row, Samples, Unit

_LINES = 250_000
_COMMANDS = {
    "filter": (str(BIN / "orchestrator"), "filter", '{ $.event = "migration_failed" }'),
    "jq": ("jq", "--compact-output", 'select(.event == "migration_failed")'),
}


def _select(command: Sequence[str], log: Path, into: Path) -> float:
    with log.open("rb") as source, into.open("wb") as target:
        began = time.monotonic()
        subprocess.run(command, stdin=source, stdout=target, check=True, timeout=TIMEOUT_SECONDS)
        seconds = time.monotonic() - began
    with into.open("rb") as found:
        if sum(1 for _ in found) != _LINES // 5:
            raise RuntimeError(f"{command} selected other lines than every fifth")
    return seconds


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Run both once a round."""
    directory = bench.directory()
    directory.mkdir()
    log, selected = directory / "log", directory / "selected"
    make_log(log, _LINES)
    while True:
        times = {name: _select(command, log, selected) for name, command in _COMMANDS.items()}
        yield {f"{name}: lines": [_LINES / seconds] for name, seconds in times.items()}


GROUP = Group(
    rows=(
        Row(
            14,
            "orchestrator filter on 100 MB: times as fast",
            "filter: lines",
            "jq: lines",
            2.0,
            of=Unit.RATE,
            goal=Goal.AT_LEAST,
        ),
    ),
    measure=measure,
    rounds=3,
    programs=("jq",),
)

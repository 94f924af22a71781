"""How fast `orchestrator filter` reads: lines a second, beside grep and the shortest Python that looks at a field.

    python -m benchmarks.filter [--lines 300000] [--rounds 5]

Each round runs each command once, in turn, over the same file of events like the catalogue's `request`. The times are
the processor's (user and system, start of the process included), so a busy machine does not show; medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_NAIVE = """
import json, sys
for line in sys.stdin.buffer:
    if json.loads(line).get("event") == "migration_failed":
        sys.stdout.buffer.write(line)
"""
_PATTERNS = {
    "one field": '{ $.event = "migration_failed" }',
    "two fields": '{ $.event = "request" && $.status >= 500 }',
    "regex": "{ $.path = %^/plants/[0-9]{3}$% }",
    "any field": '{ $.* = "*-5000" }',
}
_EVENTS = ("request", "lock_waiting", "revision_applied", "migration_failed", "state_changed")


def make_log(path: Path, lines: int) -> None:
    """Write a log of so many events, each of some 400 bytes, a fifth of them `migration_failed`."""
    with path.open("w") as file:
        for number in range(lines):
            event = {
                "timestamp": "2026-11-23T00:00:00.000Z",
                "level": "info",
                "event": _EVENTS[number % len(_EVENTS)],
                "message": "A sentence that says what was done, and to what",
                "state": "serving",
                "outcome": "success",
                "service": "app",
                "version": "1.2.3",
                "logger": "orchestrator",
                "schema": 1,
                "boot_id": f"0123456789abcdef-{number}",
                "elapsed_seconds": number / 7,
                "method": "GET",
                "path": f"/plants/{number}",
                "status": (200, 404, 500)[number % 3],
                "duration_seconds": 0.0012,
                "client": "10.0.0.1",
            }
            file.write(json.dumps(event) + "\n")


def seconds(command: Sequence[str], log: Path) -> float:
    """Return the processor time of a run in seconds.

    Raises:
        RuntimeError: it failed, or matched nothing.
    """
    with log.open("rb") as source:
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print a line a command: lines a second, and how many times the time of `json.loads` and a comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    commands = {
        "json.loads and ==": (sys.executable, "-c", _NAIVE),
        "grep": ("grep", "migration_failed"),
        **{name: (sys.executable, "-m", "orchestrator", "filter", text) for name, text in _PATTERNS.items()},
    }
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        make_log(log, options.lines)
        rounds = [{name: seconds(command, log) for name, command in commands.items()} for _ in range(options.rounds)]
    medians = {name: statistics.median(times[name] for times in rounds) for name in commands}
    for name, median in medians.items():
        print(f"{name:20} {options.lines / median:>10,.0f} lines/s {median / medians['json.loads and ==']:>6.2f}")


if __name__ == "__main__":
    main()

"""The cost of the health check and of alternatives that an image could run: time, processor time, memory.

    python -m benchmarks.probe [--rounds 50] [--python python3.13]

A service without a database is checked in turns, each way once per round, after a first round that does not count. The
memory is the maximum that the kernel saw, as GNU time prints it: a child's own figure would include its parent's.
"""

import argparse
import asyncio
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.harness import Orchestrator, make_project

TIME = "/usr/bin/time"
URL = "http://127.0.0.1:{port}/readyz"


@dataclass(frozen=True)
class Check:
    """One run: seconds from its start to its end, seconds on a processor, and megabytes at most."""

    seconds: float
    processor_seconds: float
    megabytes: float


def ways(python: str, port: int) -> dict[str, list[str]]:
    """The commands, by what they are called in the report."""
    url = URL.format(port=port)
    return {
        "python -c pass": [python, "-c", "pass"],
        "orchestrator probe": [python, "-m", "orchestrator", "probe"],
        "http.client": [python, "-c", _HTTP_CLIENT.format(port=port)],
        "urllib.request": [python, "-c", f"import urllib.request; urllib.request.urlopen({url!r}, timeout=3)"],
        "curl": ["curl", "--silent", "--fail", "--max-time", "3", "--output", os.devnull, url],
    }


_HTTP_CLIENT = (
    "import http.client\n"
    "connection = http.client.HTTPConnection('127.0.0.1', {port}, timeout=3)\n"
    "connection.request('GET', '/readyz')\n"
    "assert connection.getresponse().status == 200\n"
)


def check(command: list[str], port: int) -> Check:
    """Run it once.

    Raises:
        RuntimeError: it found the service not healthy.
    """
    env = {"PATH": os.environ["PATH"], "PORT": str(port), "LANG": "C.UTF-8"}
    began = time.perf_counter()
    done = subprocess.run(
        [TIME, "-f", "%M %U %S", *command], check=False, capture_output=True, text=True, env=env, timeout=30
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")
    kilobytes, user, system = done.stderr.split()[-3:]
    return Check(seconds, float(user) + float(system), int(kilobytes) / 1024)


async def compare(python: str, rounds: int) -> dict[str, list[Check]]:
    """All runs of all ways."""
    found: dict[str, list[Check]] = {}
    with tempfile.TemporaryDirectory() as directory:
        with contextlib.redirect_stdout(io.StringIO()):  # Alembic prints a line for each file
            project = make_project(Path(directory) / "project")
        async with Orchestrator("serve", cwd=project.path) as process:
            await process.event("server_started")
            for _ in range(rounds + 1):
                for name, command in ways(python, process.port).items():
                    found.setdefault(name, []).append(await asyncio.to_thread(check, command, process.port))
    return {name: checks[1:] for name, checks in found.items()}


def report(found: dict[str, list[Check]]) -> None:
    """One line a way."""
    for name, checks in found.items():
        milliseconds = sorted(each.seconds * 1000 for each in checks)
        processor = statistics.mean(each.processor_seconds * 1000 for each in checks)
        spread = f"({milliseconds[0]:.1f}-{milliseconds[-1]:.1f})"
        print(
            f"{name:<20} median {statistics.median(milliseconds):6.1f} ms {spread:<14}"
            f"  processor {processor:6.1f} ms  memory {max(each.megabytes for each in checks):5.1f} MB"
        )


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that finds this package")
    options = parser.parse_args()
    report(asyncio.run(compare(options.python, options.rounds)))


if __name__ == "__main__":
    main()

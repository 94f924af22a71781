"""Row 9: requests a second and their 99th percentile under wrk, with and without an access log."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Generator, Iterator

from benchmarks.bench import Bench
from benchmarks.launching import answers, launched, run
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit
from tests.harness import Project
from tests.servers.ports import HOST

_WRK = ("wrk", "--threads", "1", "--connections", "16", "--latency")
_WARM, _MEASURED = "1s", "3s"
_SILENT = {"UVICORN_ACCESS_LOG": "false"}
_CASES: dict[str, tuple[str, dict[str, str]]] = {
    "uvicorn, no log": ("uvicorn", _SILENT),
    "orchestrator, no log": ("orchestrator", _SILENT),
    "uvicorn, text log": ("uvicorn", {}),
    "orchestrator, JSON log": ("orchestrator", {}),
}
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def _wrk(port: int, duration: str) -> tuple[float, float]:
    """Return requests a second, and the 99th percentile in seconds.

    Raises:
        RuntimeError: not every request got its answer.
    """
    command = [*_WRK, "--duration", duration, f"http://{HOST}:{port}/"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec: +([0-9.]+)", text)
    slow = re.search(r"99% +([0-9.]+)(us|ms|s)", text)
    if not rate or not slow or "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    return float(rate[1]), float(slow[1]) * _UNITS[slow[2]]


@contextlib.contextmanager
def _log_reader() -> Iterator[subprocess.Popen[bytes]]:
    """Read the log from a pipe and drop it, as a log driver would read it."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        yield reader


def _observe(name: str, project: Project, url: str) -> Samples:
    way, settings = _CASES[name]
    with (
        _log_reader() as reader,
        launched(way, project, {"DATABASE_URL": url, **settings}, stdout=reader.stdin or subprocess.DEVNULL) as process,
    ):
        asyncio.run(answers(process))
        _wrk(process.port, _WARM)
        rate, slow = _wrk(process.port, _MEASURED)
    return {f"{name}: rate": [rate], f"{name}: p99": [slow]}


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Load each case once a round."""
    project, database = make_app_project(bench.directory(), 1), bench.server().create_database()
    run(project, database.url, "migrate")
    while True:
        figures: dict[str, list[float]] = {}
        for name in _CASES:
            figures |= {key: list(values) for key, values in _observe(name, project, database.url).items()}
        yield figures


GROUP = Group(
    rows=(
        Row(
            9,
            "Requests a second without an access log",
            "orchestrator, no log: rate",
            "uvicorn, no log: rate",
            0.99,
            of=Unit.RATE,
            goal=Goal.AT_LEAST,
        ),
        Row(
            9,
            "Requests a second, JSON access log against text",
            "orchestrator, JSON log: rate",
            "uvicorn, text log: rate",
            1.15,
            of=Unit.RATE,
            goal=Goal.AT_LEAST,
        ),
        Row(9, "99th percentile without an access log", "orchestrator, no log: p99", "uvicorn, no log: p99", 1.01),
        Row(
            9,
            "99th percentile, JSON access log against text",
            "orchestrator, JSON log: p99",
            "uvicorn, text log: p99",
            goal=Goal.NONE,
        ),
    ),
    measure=measure,
    rounds=4,
    programs=("wrk",),
)

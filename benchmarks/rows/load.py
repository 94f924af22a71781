"""Row 9: requests a second and their 99th percentile under wrk, with and without an access log."""

import asyncio
import re
import subprocess
from collections.abc import Generator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.launching import TIMEOUT_SECONDS, answers, launched, run
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit
from tests.harness import Project
from tests.servers.ports import HOST

_WRK = ("wrk", "--threads", "1", "--connections", "16", "--latency")
_WARM, _MEASURED = "1s", "3s"
_COUNT = ("/usr/bin/wc", "--lines")
_SILENT = {"UVICORN_ACCESS_LOG": "false"}
_CASES: dict[str, tuple[str, dict[str, str]]] = {
    "uvicorn, no log": ("uvicorn", _SILENT),
    "orchestrator, no log": ("orchestrator", _SILENT),
    "uvicorn, text log": ("uvicorn", {}),
    "orchestrator, JSON log": ("orchestrator", {}),
}
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class _Load:
    """What wrk saw: how many requests, how many a second, and their 99th percentile in seconds."""

    requests: int
    rate: float
    slow: float


def _wrk(port: int, duration: str) -> _Load:
    """Return what wrk saw.

    Raises:
        RuntimeError: not every request got its answer.
    """
    command = [*_WRK, "--duration", duration, f"http://{HOST}:{port}/"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_SECONDS).stdout
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec: +([0-9.]+)", text)
    slow = re.search(r"99% +([0-9.]+)(us|ms|s)", text)
    if not requests or not rate or not slow or "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    return _Load(int(requests[1]), float(rate[1]), float(slow[1]) * _UNITS[slow[2]])


def _observe(name: str, project: Project, url: str) -> Samples:
    """Load a case, whose log goes into a pipe that another process reads, as a log driver would.

    Raises:
        RuntimeError: the log lacks requests, or has some although it is off.
    """
    way, settings = _CASES[name]
    with subprocess.Popen(_COUNT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as counter:
        log = counter.stdin or subprocess.DEVNULL
        with launched(way, project, {"DATABASE_URL": url, **settings}, stdout=log) as process:
            asyncio.run(answers(process))
            warm, load = (_wrk(process.port, duration) for duration in (_WARM, _MEASURED))
            process.stop()
        try:
            lines, _ = counter.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            counter.kill()
    requests = warm.requests + load.requests
    if (int(lines) < requests) if settings != _SILENT else (int(lines) > requests / 2):
        raise RuntimeError(f"{name}: {int(lines)} lines of {requests} requests")
    return {f"{name}: rate": [load.rate], f"{name}: p99": [load.slow]}


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
    rounds=3,
    programs=("wrk",),
)

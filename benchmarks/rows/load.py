"""Row 9: requests a second and their 99th percentile under wrk, with and without an access log."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.launching import TIMEOUT_SECONDS, Process, answers, launched, run
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit
from tests.harness import Project
from tests.servers.ports import HOST

_WRK = ("wrk", "--threads", "1", "--connections", "16", "--latency")
_WARM, _MEASURED, _TURNS = "1s", "1s", 4
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


class _Loaded:
    """A started case, whose log goes into a pipe that another process reads, as a log driver would."""

    def __init__(self, name: str, process: Process, counter: "subprocess.Popen[bytes]") -> None:
        self.name, self._process, self._counter = name, process, counter
        self._requests = _wrk(process.port, _WARM).requests

    def load(self) -> Samples:
        """Load it for a moment."""
        load = _wrk(self._process.port, _MEASURED)
        self._requests += load.requests
        return {f"{self.name}: rate": [load.rate], f"{self.name}: p99": [load.slow]}

    def end(self) -> None:
        """Stop it.

        Raises:
            RuntimeError: the log lacks requests, or has some although it is off.
        """
        self._process.stop()
        lines, requests = int(self._counter.communicate(timeout=TIMEOUT_SECONDS)[0]), self._requests
        silent = _CASES[self.name][1] == _SILENT
        if (lines > requests / 2) if silent else (lines < requests):
            raise RuntimeError(f"{self.name}: {lines} lines of {requests} requests")


@contextlib.contextmanager
def _started(name: str, project: Project, url: str) -> Iterator[_Loaded]:
    way, settings = _CASES[name]
    with subprocess.Popen(_COUNT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as counter:
        try:
            log = counter.stdin or subprocess.DEVNULL
            with launched(way, project, {"DATABASE_URL": url, **settings}, stdout=log) as process:
                asyncio.run(answers(process))
                yield _Loaded(name, process, counter)
        finally:
            counter.kill()


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Start all cases once a round, and load each for a second, in turns: a slow second is one of each."""
    project, database = make_app_project(bench.directory(), 1), bench.server().create_database()
    run(project, database.url, "migrate")
    while True:
        figures: dict[str, list[float]] = {}
        with contextlib.ExitStack() as exits:
            cases = [exits.enter_context(_started(name, project, database.url)) for name in _CASES]
            for turn in range(_TURNS):
                for case in cases if turn % 2 else reversed(cases):  # no case is always the first
                    for key, values in case.load().items():
                        figures.setdefault(key, []).extend(values)
            for case in cases:
                case.end()
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

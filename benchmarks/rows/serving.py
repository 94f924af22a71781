"""Rows 10, 11 and 12: how steadily the gate answers while the app starts, the first requests, a stop under load."""

import asyncio
import time
from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.launching import Process, launched, run, status_of
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit

_EVERY_SECONDS = 0.005
_BUDGET = "2"
_REQUESTS = 10
_CASES = {
    "orchestrator": {"ORCHESTRATOR_SHUTDOWN_SECONDS": _BUDGET},
    "uvicorn": {"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": _BUDGET},
}


async def _observe(way: str, process: Process) -> Samples:
    """Watch a start, ask ten times, then stop while a request runs that takes half a minute."""
    stall = await _watch(process)
    first, *others = [await _latency(process.port, "/") for _ in range(_REQUESTS)]
    slow = asyncio.create_task(status_of(process.port, "/slow"))
    await asyncio.sleep(0.2)
    stopped = await asyncio.to_thread(process.stop)
    await slow
    return {f"{way}: {name}": [value] for name, value in _named(stall, first, others[-1], stopped).items()}


def _named(stall: float, first: float, tenth: float, stopped: float) -> dict[str, float]:
    return {"stall": stall * 1000, "first": first, "tenth": tenth, "stopped in a request": stopped}


async def _watch(process: Process) -> float:
    """Ask every 5 ms from the first answer until it is ready; return the longest that an answer took."""
    slowest = 0.0
    while True:
        began = time.monotonic()
        status = await status_of(process.port, "/readyz")
        took = time.monotonic() - began
        slowest = max(slowest, took if status else 0.0)
        if status in {b"200", b"404"}:  # bare uvicorn has no such page, and serves when it reports so
            return slowest
        if process.popen.poll() is not None:
            raise ChildProcessError(f"it ended with {process.popen.returncode}")
        await asyncio.sleep(max(0.0, _EVERY_SECONDS - took))


async def _latency(port: int, path: str) -> float:
    began = time.monotonic()
    if await status_of(port, path) != b"200":
        raise RuntimeError(f"{path} did not answer 200")
    return time.monotonic() - began


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Start both ways once a round."""
    project, database = make_app_project(bench.directory(), 20), bench.server().create_database()
    for command in ("freeze", "migrate"):
        run(project, database.url, command)
    while True:
        figures: dict[str, list[float]] = {}
        for way, limit in _CASES.items():
            with launched(way, project, {"DATABASE_URL": database.url, **limit}) as process:
                figures |= {key: list(values) for key, values in asyncio.run(_observe(way, process)).items()}
        yield figures


GROUP = Group(
    rows=(
        Row(
            10,
            "SIGTERM to exit, SHUTDOWN_SECONDS=2, request in flight",
            "orchestrator: stopped in a request",
            limit=2.0,
            unit=Unit.SECONDS,
        ),
        Row(
            11,
            "Longest wait for an answer while starting",
            "orchestrator: stall",
            limit=30,
            unit=Unit.MILLISECONDS,
        ),
        Row(12, "First request after the start, against the tenth", "orchestrator: first", "orchestrator: tenth", 1.5),
        Row(
            12,
            "First request after the start, against the tenth: bare uvicorn",
            "uvicorn: first",
            "uvicorn: tenth",
            goal=Goal.NONE,
        ),
    ),
    measure=measure,
    rounds=7,
)

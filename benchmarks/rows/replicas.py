"""Rows 6 and 7: sixteen replicas start at once; the last one that serves counts."""

import asyncio
import contextlib
from collections.abc import Generator

from benchmarks.bench import Bench
from benchmarks.launching import Process, answers, launched, run
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit
from tests.harness import Project

_REPLICAS = 16
_POLL_SECONDS = 0.1  # of each: sixteen that are asked every 25 ms spend a sixth of the machine on it


async def _last(processes: list[Process]) -> tuple[float, int]:
    """Return when the last replica served, in seconds after its start, and how many ended instead."""
    waiting = (answers(process, poll_seconds=_POLL_SECONDS) for process in processes)
    found = await asyncio.gather(*waiting, return_exceptions=True)
    for error in found:
        if isinstance(error, BaseException) and not isinstance(error, ChildProcessError):
            raise error
    served = [each.served for each in found if not isinstance(each, BaseException)]
    return max(served, default=0.0), _REPLICAS - len(served)


def _observe(way: str, project: Project, url: str) -> tuple[float, int]:
    with contextlib.ExitStack() as exits:
        environ = {"DATABASE_URL": url}
        processes = [exits.enter_context(launched(way, project, environ)) for _ in range(_REPLICAS)]
        return asyncio.run(_last(processes))


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Start sixteen of each way once a round, and of the script with pending revisions, which is for the record.

    Raises:
        RuntimeError: a replica ended that had to serve.
    """
    project, server = make_app_project(bench.directory(), 20), bench.server()
    head = server.create_database()
    for command in ("freeze", "migrate"):
        run(project, head.url, command)
    while True:
        pending = [server.create_database() for _ in range(2)]
        bare, alive = _observe("uvicorn", project, head.url)
        at_head, ours = _observe("orchestrator", project, head.url)
        migrated, migrating = _observe("orchestrator", project, pending[0].url)
        scripts, died = _observe("script", project, pending[1].url)
        for database in pending:
            server.drop_database(database)
        if alive or ours or migrating:
            raise RuntimeError(f"of 16 replicas ended: uvicorn {alive}, orchestrator {ours} and {migrating}")
        yield {
            "uvicorn": [bare],
            "orchestrator": [at_head],
            "orchestrator, pending": [migrated],
            "startup.sh, pending": [scripts],
            "startup.sh: died": [float(died)],
        }


GROUP = Group(
    rows=(
        Row(6, "16 replicas, 20 pending revisions: the last one serves", "orchestrator, pending", "uvicorn", 1.15),
        Row(
            6,
            "16 replicas, 20 pending revisions: how many of startup.sh die",
            "startup.sh: died",
            unit=Unit.COUNT,
            goal=Goal.NONE,
        ),
        Row(7, "16 replicas at head: the last one serves", "orchestrator", "uvicorn", 1.05),
    ),
    measure=measure,
    rounds=3,
)

"""Row 5: the database comes up 1 to 30 s after the start; from its first possible login to the way past the wait.

Fifty orchestrators and ten scripts start one after the other, each behind a port that refuses connections until its
time has come. So some fifteen wait at a time, and a wait costs next to no processor time.
"""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Generator
from datetime import datetime

from sqlalchemy import make_url

from benchmarks.bench import Bench
from benchmarks.launching import TIMEOUT_SECONDS, Process, launched, run
from benchmarks.projects import make_app_project
from benchmarks.row import Goal, Group, Row, Samples, Unit
from tests.harness import Project
from tests.servers import Database
from tests.servers.proxy import Mode, Proxy

_OURS, _SCRIPTS = 50, 10
_EARLIEST_SECONDS, _LATEST_SECONDS = 1.0, 30.0
_BETWEEN_STARTS_SECONDS = 1.1
_POLL_SECONDS = 0.002


def _delays(count: int) -> list[float]:
    """Return delays evenly over the range, in random order."""
    span = (_LATEST_SECONDS - _EARLIEST_SECONDS) / count
    delays = [_EARLIEST_SECONDS + span * (number + random.random()) for number in range(count)]  # noqa: S311  # no secret
    random.shuffle(delays)
    return delays


async def _observe(way: str, project: Project, database: Database, delay: float) -> float:
    """Start, let the database come up after `delay`; return how many seconds later the wait is over."""
    address = make_url(database.url)
    async with Proxy(address.port or 0) as proxy:
        await proxy.set(Mode.REFUSE)
        url = address.set(port=proxy.port).render_as_string(hide_password=False)
        with launched(way, project, {"DATABASE_URL": url}, stdout=subprocess.PIPE) as process:
            await asyncio.sleep(delay)
            opened = time.time()
            await proxy.set(Mode.PASS)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                ended = await (_connected(proxy) if way == "script" else asyncio.to_thread(_ready, process))
    return ended - opened


async def _connected(proxy: Proxy) -> float:
    """Return the time of the script's first connection: a moment before its probe ends, in its favour."""
    while not proxy.accepted:  # noqa: ASYNC110  # it has no event for that
        await asyncio.sleep(_POLL_SECONDS)
    return time.time()


def _ready(process: Process) -> float:
    """Return the timestamp of `database_ready`."""
    for line in process.popen.stdout or ():
        event = json.loads(line)
        if event["event"] == "database_ready":
            return datetime.fromisoformat(event["timestamp"]).timestamp()
    raise ChildProcessError("it ended without database_ready")


async def _all(project: Project, database: Database) -> Samples:
    starts = [("orchestrator", delay) for delay in _delays(_OURS)]
    for number, delay in enumerate(_delays(_SCRIPTS)):
        starts.insert(number * (_OURS // _SCRIPTS + 1), ("script", delay))
    async with asyncio.TaskGroup() as group:
        tasks = []
        for way, delay in starts:
            task = group.create_task(_observe(way, project, database, delay))
            tasks.append((way, task))
            await asyncio.sleep(_BETWEEN_STARTS_SECONDS)
    found = {way: [task.result() for each, task in tasks if each == way] for way in ("orchestrator", "script")}
    return {"orchestrator": found["orchestrator"], "startup.sh": found["script"]}


def measure(bench: Bench) -> Generator[Samples, None, None]:
    """Measure all of them; one round is enough."""
    project, database = make_app_project(bench.directory(), 20), bench.server().create_database()
    for command in ("freeze", "migrate"):
        run(project, database.url, command)
    while True:
        yield asyncio.run(_all(project, database))


GROUP = Group(
    rows=(
        Row(5, "Database up late: until database_ready", "orchestrator", limit=0.15, unit=Unit.SECONDS),
        Row(
            5,
            "Database up late: until database_ready, worst of 50",
            "orchestrator",
            limit=1.2,
            unit=Unit.SECONDS,
            worst=True,
        ),
        Row(
            5,
            "Database up late: until startup.sh knows, worst of 10",
            "startup.sh",
            unit=Unit.SECONDS,
            goal=Goal.NONE,
            worst=True,
        ),
    ),
    measure=measure,
    rounds=1,
)

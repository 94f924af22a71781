"""`orchestrator timeline`: its picture of a real race of five tasks, and how many lines it reads per second.

    python -m benchmarks.timeline [--svg docs/timeline.svg] [--lines 300000]

The tasks start against one PostgreSQL: one migrates, two wait for it, one gives up and is started a second time, and
one looks for the database at a wrong address.
"""

import argparse
import asyncio
import contextlib
import io
import json
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.timeline.drawing import read
from orchestrator.timeline.svg import render
from tests.acceptance.migrations import WAIT_FOR_GO, go
from tests.harness import Orchestrator, Project, make_project
from tests.servers import Database, Servers, free_port
from tests.servers.peers import listening

_TASKS = ("6af613b6569c5c22", "98123fde012f5ff3", "4b166dbe5f0c4d1a", "b04965e6a5ba4a0e", "6ed955c6506a5343")
_APP_TAKES_SECONDS = "\nimport os, time\ntime.sleep(float(os.environ.get('IMPORT_SECONDS', '0.5')))\n"
_CREATE = "op.create_table({!r}, sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)))"
_REQUEST = """{"timestamp":"2026-11-22T14:03:07.123Z","level":"info","event":"request","message":"GET /plants/17 200",
"state":"serving","service":"plants","version":"1.4.2","logger":"orchestrator","schema":1,
"boot_id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","elapsed_seconds":100.5,"task_id":"6af613b6569c5c22","cluster":"garden",
"outcome":"unknown","method":"GET","path":"/plants/17","status":200,"duration_seconds":0.004,"client":"10.0.0.1"}"""
_SLEEP = "op.execute('SELECT pg_sleep({})')"


@dataclass
class _Race:
    """The state that the tasks share, and the started tasks."""

    project: Project
    database: Database
    metadata_port: int
    stack: contextlib.AsyncExitStack
    tasks: list[Orchestrator]

    async def start(self, task: str, **settings: str) -> Orchestrator:
        """Start a task in what looks like ECS."""
        env = {
            "DATABASE_URL": self.database.url,
            "ORCHESTRATOR_SERVICE": "plants",
            "ORCHESTRATOR_VERSION": "1.4.2",
            "ORCHESTRATOR_HEARTBEAT_SECONDS": "1",
            "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{self.metadata_port}/{task}",
        }
        process = Orchestrator("serve", env=env | settings, cwd=self.project.path)
        self.tasks.append(await self.stack.enter_async_context(process))
        return process


async def _metadata(reader: StreamReader, writer: StreamWriter) -> None:
    """The task metadata endpoint, as far as it is asked."""
    task = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().split("/")[1]
    about = {"TaskARN": f"task/{task}", "Cluster": "garden", "Family": "plants", "Revision": "42"}
    body = json.dumps(about).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()


def _project(directory: Path) -> Project:
    project = make_project(directory)
    project.add_revision("7c1f0d2a9b34", _CREATE.format("plants"), description="create plants")
    slow = f"op.add_column('plants', sa.Column('height', sa.Integer))\n{_SLEEP.format(4)}"
    project.add_revision("1e55a8c07f21", slow, description="add the height of plants")
    slow = f"{WAIT_FOR_GO}\n{_SLEEP.format(6)}\nop.create_index('plants_name', 'plants', ['name'])"
    project.add_revision("b2d94c6e8810", slow, description="fill and index the names")
    project.add_revision("f0a7713c5d92", _CREATE.format("beds"), description="create beds")
    app = directory / "app" / "main.py"
    app.write_text(app.read_text() + _APP_TAKES_SECONDS)
    return project


@contextlib.asynccontextmanager
async def _racing(directory: Path, servers: Servers) -> AsyncIterator[_Race]:
    server = servers["postgresql"]
    database = server.create_database()
    async with listening(_metadata) as endpoint, contextlib.AsyncExitStack() as stack:
        yield _Race(_project(directory), database, endpoint.port, stack, [])
    server.drop_database(database)


async def _race(race: _Race) -> list[str]:
    """Run it; returns all log lines."""
    migrates = await race.start(_TASKS[0])
    await migrates.event("lock_acquired")
    fails = await race.start(_TASKS[1], ORCHESTRATOR_LOCK_TIMEOUT_SECONDS="2")
    waits = await race.start(_TASKS[2])
    slow = await race.start(_TASKS[3], IMPORT_SECONDS="2.5")
    nowhere = race.database.url.replace(race.database.url.rpartition(":")[2].partition("/")[0], str(free_port()))
    lost = await race.start(_TASKS[4], DATABASE_URL=nowhere, ORCHESTRATOR_WAIT_TIMEOUT_SECONDS="3")
    await asyncio.gather(*(task.event("lock_waiting") for task in (waits, slow)))
    await asyncio.gather(*(task.event("startup_failed") for task in (fails, lost)))
    go(race.project)
    await asyncio.gather(*(task.event("server_started", within=60) for task in (migrates, waits, slow)))
    again = await race.start(_TASKS[1])
    await again.event("server_started")
    await slow.stop()
    return [line for task in race.tasks for line in task.lines]


async def _lines() -> list[str]:
    with tempfile.TemporaryDirectory() as directory, Servers() as servers:
        async with _racing(Path(directory), servers) as race:
            return await _race(race)


def _measure(amount: int) -> None:
    """Requests are nearly all that a log has: they are read, and not kept."""
    line = _REQUEST.replace("\n", "")
    page = {"events": [{"logStreamName": "web/app/1", "timestamp": 1, "message": line, "eventId": "3"}] * amount}
    for form, content in (("lines", f"{line}\n" * amount), ("filter-log-events", json.dumps(page, indent=4))):
        began = time.perf_counter()
        read(io.BytesIO(content.encode()))
        print(f"{form}: {amount / (time.perf_counter() - began):,.0f} lines/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--lines", type=int, default=300_000)
    given = parser.parse_args()
    if given.svg:
        log = "\n".join(asyncio.run(_lines()))
        given.svg.write_bytes(render(read(io.BytesIO(log.encode()))))
    _measure(given.lines)

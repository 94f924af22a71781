"""Starts side by side: bare uvicorn, the shell script that this project replaces, and the orchestrator.

    python -m benchmarks.starts [--rounds 11] [--json benchmarks/results.json]

All rows are measured in one run on one MariaDB, round by round, so that a busy machine slows all of them. The app is a
FastAPI app that creates its engine at import, as most do. Ratios are medians of the rounds' ratios.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import serving
from tests.harness import Project, make_project
from tests.servers import Database, Server
from tests.servers.ports import free_port

SCRIPT = Path(__file__).with_name("startup.sh")
BIN = Path(sys.executable).parent
TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.002
_ENVIRONMENT = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/"}
_REAL = 20  # revisions that make a table; the others of a large tree do nothing

_APP = """
import os
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ.get("DATABASE_URL") or open("address").read())
app = FastAPI()

@app.get("/")
async def root() -> dict[str, str]:
    return {"hello": "world"}
"""
_CREATE = "op.execute('CREATE TABLE t{0} (id INTEGER PRIMARY KEY, name VARCHAR(50))')"
WAYS = {
    "uvicorn": ["uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", "{port}"],
    "script": [str(SCRIPT)],
    "orchestrator": ["orchestrator", "serve"],
}


@dataclass(frozen=True)
class Start:
    """One start, in seconds from the creation of the process.

    Attributes:
        answer: until the first HTTP answer of any kind.
        served: until the first 200.
        memory: resident, in MB, while serving.
        stopped: from SIGTERM to the end.
    """

    answer: float
    served: float
    memory: float
    stopped: float


@dataclass(frozen=True)
class Case:
    """The start that is measured.

    Attributes:
        database: its database; None: a new, empty one each time.
        asked: DATABASE_URL is not set, so that env.py must give the address.
    """

    way: str
    project: Project
    database: Database | None
    asked: bool = False


@dataclass(frozen=True)
class Row:
    """One comparison: the median of `one` divided by that of `other`, and the goal."""

    name: str
    one: str
    other: str
    value: Callable[[Start], float]
    goal: float


def observe(case: Case, server: Server) -> Start:
    """Start, wait until it serves, stop."""
    port, url = free_port(), (case.database or server.create_database()).url
    (case.project.path / "address").write_text(url)
    env = {**_ENVIRONMENT, "PORT": str(port)} | ({} if case.asked else {"DATABASE_URL": url})
    name, *arguments = (each.format(port=port) for each in WAYS[case.way])
    began = time.monotonic()
    process = subprocess.Popen(  # our own commands
        [shutil.which(name, path=env["PATH"]) or name, *arguments],
        cwd=case.project.path,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer, served = asyncio.run(_answers(port, began))
        memory = _resident(process.pid)
        stopping = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)
        return Start(answer, served, memory, time.monotonic() - stopping)
    finally:
        process.kill()
        process.wait()


async def _answers(port: int, began: float) -> tuple[float, float]:
    first = 0.0
    while time.monotonic() - began < TIMEOUT_SECONDS:
        status = await _status(port)
        if status and not first:
            first = time.monotonic() - began
        if status == b"200":
            return first, time.monotonic() - began
        await asyncio.sleep(_POLL_SECONDS)
    raise TimeoutError


async def _status(port: int) -> bytes:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    with contextlib.closing(writer), contextlib.suppress(OSError):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return (await reader.readline())[9:12]
    return b""


def _resident(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:"))


def _project(path: Path, revisions: int) -> Project:
    with contextlib.redirect_stdout(io.StringIO()):  # Alembic names each file
        project = make_project(path)
    project.write("app/main.py", _APP)
    env = (path / "alembic/env.py").read_text()
    address = 'os.environ.get("DATABASE_URL") or open("address").read()'
    env = env.replace(
        "target_metadata = None\n", f'target_metadata = None\nconfig.set_main_option("sqlalchemy.url", {address})\n', 1
    )
    project.write("alembic/env.py", "import os\n" + env)
    for number in range(revisions):
        project.add_revision(f"r{number}", _CREATE.format(number) if number < _REAL else "pass")
    return project


def _at_head(project: Project, server: Server) -> Database:
    """Freeze the scripts, and return a database at head."""
    database = server.create_database()
    (project.path / "address").write_text(database.url)
    for command in ("freeze", "migrate"):
        env = {**_ENVIRONMENT, "DATABASE_URL": database.url}
        argv = [BIN / "orchestrator", command]
        subprocess.run(argv, cwd=project.path, env=env, check=True, stdout=subprocess.DEVNULL)  # ours
    return database


def cases(directory: Path, server: Server) -> dict[str, Case]:
    """Return everything that is started, by name."""
    usual, small, large = (_project(directory / str(count), count) for count in (20, 5, 2000))
    heads = {project.path: _at_head(project, server) for project in (usual, small, large)}
    return {
        "uvicorn": Case("uvicorn", usual, heads[usual.path]),
        "script": Case("script", usual, heads[usual.path]),
        "orchestrator": Case("orchestrator", usual, heads[usual.path]),
        "asked": Case("orchestrator", usual, heads[usual.path], asked=True),
        "script, pending": Case("script", usual, None),
        "orchestrator, pending": Case("orchestrator", usual, None),
        "5 revisions": Case("orchestrator", small, heads[small.path]),
        "2000 revisions": Case("orchestrator", large, heads[large.path]),
    }


ROWS = [
    Row("at head, to the first served request", "orchestrator", "script", lambda start: start.served, 0.45),
    Row("at head, to the first served request", "orchestrator", "uvicorn", lambda start: start.served, 1.05),
    Row("20 revisions pending", "orchestrator, pending", "script, pending", lambda start: start.served, 0.50),
    Row("to the first answer of any kind", "orchestrator", "script", lambda start: start.answer, 0.12),
    Row("2,000 revisions in the tree", "2000 revisions", "5 revisions", lambda start: start.served, 1.02),
    Row("memory while serving", "orchestrator", "uvicorn", lambda start: start.memory, 1.03),
    Row("SIGTERM to the end", "orchestrator", "uvicorn", lambda start: start.stopped, 1.0),
    Row("at head, address asked of env.py", "asked", "script", lambda start: start.served, 0.60),
]


def summary(starts: dict[str, list[Start]]) -> list[dict[str, object]]:
    """Return each row with its medians, the median ratio of the rounds, and its quartiles."""
    found = []
    for row in ROWS:
        ones, others = ([row.value(each) for each in starts[name]] for name in (row.one, row.other))
        low, middle, high = statistics.quantiles([one / other for one, other in zip(ones, others, strict=True)])
        medians = {name: round(statistics.median(each), 4) for name, each in ((row.one, ones), (row.other, others))}
        ratios = {"ratio": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}
        found.append({"row": row.name, "medians": medians, **ratios, "goal": row.goal, "reached": middle <= row.goal})
    return found


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, serving("mariadb", durable=False) as server:
        found = cases(Path(directory), server)
        starts: dict[str, list[Start]] = {name: [] for name in found}
        for _ in range(options.rounds):
            for name, case in found.items():
                starts[name].append(observe(case, server))
    rows = summary(starts)
    for row in rows:
        print(f"{row['ratio']:6.3f} {row['quartiles']} goal {row['goal']}  {row['row']}: {row['medians']}")
    if options.json:
        options.json.write_text(json.dumps({"rounds": options.rounds, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

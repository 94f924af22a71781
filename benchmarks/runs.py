"""Shared by the benchmarks: a project whose env.py prints its time, and plain Alembic for comparison."""

import asyncio
import contextlib
import io
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.harness import Project, make_project

WAYS = {"alembic": ("alembic", "upgrade", "head"), "orchestrator": ("orchestrator", "migrate")}

_TIMES = "BENCHMARK_TIMES"  # names the file to which env.py adds what `context.run_migrations()` took
_CONFIGURED = """\
target_metadata = None
config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))
"""
_TIMED = f"""\
        began = time.monotonic()
        context.run_migrations()
        with open(os.environ["{_TIMES}"], "a") as file:
            print(time.monotonic() - began, file=file)
"""


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        exit_code: 0 if it did what it should.
        process_seconds: from the start of the process to its end.
        migrating_seconds: inside `context.run_migrations()`: heads, revisions, commits; no imports, no connecting.
        output: what it wrote, stdout and stderr.
    """

    exit_code: int
    process_seconds: float
    migrating_seconds: float
    output: str


def make_timed_project(path: Path, first: str, second: str) -> Project:
    """Make a project of two revisions with Alembic's async template, which takes its URL from DATABASE_URL."""
    with contextlib.redirect_stdout(io.StringIO()):  # Alembic prints a line for each file
        project = make_project(path)
    env = (path / "alembic/env.py").read_text()
    env = env.replace("        context.run_migrations()\n", _TIMED)
    env = env.replace("target_metadata = None\n", _CONFIGURED, 1)
    project.write("alembic/env.py", "import os\nimport time\n" + env)
    project.add_revision("r1", first)
    project.add_revision("r2", second)
    return project


async def prepare(way: str, project: Project, environ: Mapping[str, str]) -> None:
    """Bring a new database to the first revision; that also makes the version table, and the journal if there is one.

    Raises:
        RuntimeError: it failed.
    """
    second = project.path / "alembic/versions/r2.py"
    hidden = second.rename(project.path / "r2.hidden")
    try:
        done = await run(way, project, environ)
    finally:
        hidden.rename(second)
    if done.exit_code:
        raise RuntimeError(done.output)


async def run(way: str, project: Project, environ: Mapping[str, str]) -> Run:
    """Bring the database to head, one of the two ways."""
    times = project.path / "times"
    times.unlink(missing_ok=True)
    name, *arguments = WAYS[way]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), _TIMES: str(times), **environ}
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name(name),
        *arguments,
        cwd=project.path,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    seconds = time.monotonic() - began
    told = times.read_text().split() if times.exists() else []
    return Run(process.returncode or 0, seconds, sum(map(float, told)), output.decode())

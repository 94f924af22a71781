"""The orchestrator in other people's programs and tests; docs/testing.md is run word by word."""

import asyncio
import contextlib
import os
import re
import select
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from orchestrator import EventNotSeenError, Orchestrator, Settings, StartFailedError, migrate, wait
from tests.harness import Project, make_project

ROOT = Path(__file__).parents[2]
DOCS, CACHE = ROOT / "docs" / "testing.md", ROOT / ".mypy_cache"
CREATE = "op.create_table('plants', sa.Column('id', sa.Integer, primary_key=True))"
SHOP = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/")
def root() -> str:
    return "hello"
"""
ENV = """
import os
from alembic import context
from sqlalchemy import Column, Integer, MetaData, Table, create_engine

metadata = MetaData()
Table("plants", metadata, Column("id", Integer, primary_key=True))
with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE)
    return project


async def test_a_program_serves_awaits_events_and_stops(project: Project) -> None:
    """The whole life, with two event loops: a fixture may have another one than the test."""
    orchestrator = Orchestrator(database_url="sqlite+aiosqlite:///x.db", cwd=project.path)
    async with orchestrator:
        started = await orchestrator.serving()
        assert f":{started['port']}" in orchestrator.url
        assert await orchestrator.event("revision_applied", revision="r1") == orchestrator.wait_for("revision_applied")
        waiting = asyncio.create_task(asyncio.to_thread(uvloop.run, orchestrator.event("stop_requested")))
        assert await orchestrator.stop() == 0
        assert (await waiting)["signal"] == "SIGTERM"
    assert orchestrator.find("process_stopped", exit_code=0)


async def test_a_failed_start_raises_its_failure(project: Project) -> None:
    """The caller gets what a person on call gets: exit code, reason, hint."""
    with pytest.raises(StartFailedError, match="nowhere") as failed:
        async with Orchestrator(
            Settings(app="nowhere:app"), database_url="sqlite+aiosqlite:///x.db", cwd=project.path
        ) as started:
            await started.serving()
    assert (failed.value.exit_code, failed.value.event["exit_code"]) == (3, 3)
    assert str(failed.value).endswith(f"→ {failed.value.event['hint']}")


async def test_a_cancelled_command_leaves_no_process(project: Project) -> None:
    """A migration that nobody awaits any more must not go on in the background."""
    os.mkfifo(project.path / "pid")
    project.write("sitecustomize.py", "import os; open('pid', 'w').write(str(os.getpid()))")
    variables = {"PYTHONPATH": str(project.path)}
    url = "mysql+asyncmy://app:secret@127.0.0.1:1/app"
    command = asyncio.create_task(wait(database_url=url, cwd=project.path, env=variables))
    pid = int(await asyncio.to_thread((project.path / "pid").read_text))
    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_misuse_is_told_and_leaves_no_process(project: Project) -> None:
    """Before the start, a second start, a second stop, and a wait after the end."""
    child = Orchestrator(database_url="sqlite+aiosqlite:///x.db", cwd=project.path)
    with pytest.raises(RuntimeError, match="it is not started"):
        await child.serving()
    with pytest.raises(RuntimeError, match="it is not started"):
        await child.stop()
    async with child:
        with pytest.raises(RuntimeError, match="it was started before"):
            child.start()
        await child.event("process_started")
        code = await child.stop()
        assert await child.stop() == code
        with pytest.raises(StartFailedError, match=f"exit code {code}"):
            await child.serving()
    with pytest.raises(RuntimeError, match="it was started before"):
        async with child:
            pass


async def test_commands_run_to_their_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events arrive even if the caller's environment configures the log."""
    monkeypatch.setenv("ORCHESTRATOR_LOG_LEVEL", "error")
    monkeypatch.setenv("ORCHESTRATOR_LOG_FORMAT", "text")
    first = await migrate(database_url="sqlite+aiosqlite:///x.db", cwd=project.path)
    again = await wait(database_url="sqlite+aiosqlite:///x.db", cwd=project.path)
    assert [event["revision"] for event in first.events if event["event"] == "revision_applied"] == ["r1"]
    assert again.exit_code == 0
    with pytest.raises(StartFailedError, match="exit code 78"):
        await migrate(Settings(wait_timeout_seconds=-1), database_url="sqlite+aiosqlite:///x.db", cwd=project.path)


async def test_an_event_that_does_not_come_is_named_with_the_story(project: Project) -> None:
    """A failing test must show what happened instead."""
    async with Orchestrator(database_url="sqlite+aiosqlite:///x.db", cwd=project.path) as orchestrator:
        await orchestrator.serving()
        with pytest.raises(EventNotSeenError, match=r"(?s)request path='/nothing'.*within 0\.1 s.*Serving on"):
            await orchestrator.event("request", path="/nothing", within_seconds=0.1)
        assert await orchestrator.stop() == 0
        with pytest.raises(EventNotSeenError, match="the process ended without it"):
            await orchestrator.event("request")


def test_the_guide_is_true_and_typed(project: Project) -> None:
    """Its example, copied into a project: pytest with the plugin passes, mypy in strict mode finds nothing."""
    (example,) = re.findall(r"```python\n# tests/test_shop.py\n(.*?)```", DOCS.read_text(), re.DOTALL)
    shutil.move(project.path / "app", project.path / "shop")
    project.write("shop/main.py", SHOP)
    project.write("alembic/env.py", ENV)
    project.write("tests/test_shop.py", example)
    project.write("pytest.ini", "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    quiet = ("-p", "no:randomly", "-p", "no:cacheprovider", "-q")
    for argv in (["pytest", *quiet, "tests"], ["mypy", "--strict", "--cache-dir", str(CACHE), "tests/test_shop.py"]):
        done = subprocess.run(
            [sys.executable, "-m", *argv], cwd=project.path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


_PARENT = """
import asyncio, sys
from orchestrator import Orchestrator

async def main():
    env = {"TAKES_SECONDS": sys.argv[2]}
    async with Orchestrator(database_url="sqlite+aiosqlite:///x.db", env=env) as orchestrator:
        await orchestrator.event(sys.argv[1])
        print(orchestrator.process.pid, flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""
_SLOW = """
import os, time
op.create_table('plants', sa.Column('id', sa.Integer, primary_key=True))
time.sleep(float(os.environ["TAKES_SECONDS"]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the end of a process that is not ours is seen in /proc")
@pytest.mark.parametrize(("at", "seconds"), [("server_started", "0"), ("revision_started", "2")])
def test_a_caller_that_is_killed_leaves_no_process(tmp_path: Path, at: str, seconds: str) -> None:
    """A test run that CI kills must not leave a server, nor a migration that is half done."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", _SLOW)
    project.write("app/main.py", SHOP + "\nimport sys\nassert sys.stdin.read() == ''\n")
    argv = [sys.executable, "-c", _PARENT, at, seconds]
    with subprocess.Popen(argv, cwd=project.path, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        ended = os.pidfd_open(pid)
        parent.kill()
    assert select.select([ended], [], [], 30)[0]
    os.close(ended)
    with contextlib.closing(sqlite3.connect(project.path / "x.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("r1",)]

"""`orchestrator run -- COMMAND`: wait, migrate, and become another program, as `exec` in a shell."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Project, make_project
from tests.servers.ports import free_port

URL = "sqlite+aiosqlite:///app.db"
REPORT = """
import json, os, signal, sys
state = {
    "argv": sys.argv[1:],
    "pid": os.getpid(),
    "stdin": sys.stdin.read(),
    "url": os.environ.get("DATABASE_URL"),
    "secret": os.environ.get("MIGRATION_DATABASE_PASSWORD"),
    "descriptors": [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")],
    "blocked": open("/proc/self/status").read().split("SigBlk:")[1].split()[0],
    "handlers": [str(int(signal.getsignal(number))) for number in (signal.SIGTERM, signal.SIGHUP)],
    "tables": __import__("sqlite3").connect("app.db").execute("SELECT count(*) FROM alembic_version").fetchone()[0],
}
print(json.dumps(state), flush=True)
sys.exit(7)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision, and programs to become."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.write("report.py", REPORT)
    return project


@contextlib.asynccontextmanager
async def started(
    project: Project, *command: str, env: Mapping[str, str] | None = None, under: tuple[str, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run COMMAND behind the product; it is killed when the context is left."""
    argv = (*under, sys.executable, "-m", "orchestrator", "run", "--", *command)
    environ = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])), "DATABASE_URL": URL}
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=project.path,
        env=environ | dict(env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
        await process.wait()


async def line(process: asyncio.subprocess.Process, *words: str) -> str:
    """Return the next line that holds these words."""
    assert process.stdout
    async with asyncio.timeout(60):
        seen = []
        while text := (await process.stdout.readline()).decode():
            seen.append(text)
            if all(word in text for word in words):
                return text
    raise AssertionError("".join(seen))


async def answer(port: int, path: str = "/") -> bytes:
    """Ask; every way to fail raises."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()


async def test_the_program_finds_what_exec_would_leave_it(project: Project) -> None:
    """Arguments, input, environment, signals and process id; its exit code is the process's."""
    async with started(project, sys.executable, "report.py", "--flag", "a b") as process:
        assert process.stdin
        process.stdin.write(b"given")
        process.stdin.close()
        last = json.loads(await line(process, '"event"', "command_started"))
        told: dict[str, Any] = json.loads(await line(process, '"argv"'))
        assert await process.wait() == 7
    assert last["command"] == f"{sys.executable} report.py --flag 'a b'"
    assert (told["argv"], told["pid"], told["stdin"]) == (["--flag", "a b"], process.pid, "given")
    assert told["descriptors"] == ["0", "1", "2"]
    assert (told["blocked"], told["handlers"]) == ("0" * 16, ["0", "0"])
    assert (told["url"], told["tables"]) == (URL, 1)


async def test_a_stop_before_it_leaves_the_program_unstarted(project: Project) -> None:
    """As `serve`: a deployment that is taken back is no failure."""
    env = {"DATABASE_URL": "mysql+asyncmy://u:p@127.0.0.1:1/d"}
    async with started(project, sys.executable, "report.py", env=env) as process:
        await line(process, "database_retry_scheduled")
        process.send_signal(signal.SIGTERM)
        assert "process_stopped" in await line(process, "process_stopped")
        assert await process.wait() == 0


async def test_a_program_that_is_not_there_is_told_before_anything_is_touched(project: Project) -> None:
    """Like an app that does not import."""
    async with started(project, "nosuchprogram") as process:
        assert "nosuchprogram" in await line(process, "app_failed")
        assert await process.wait() == 3
    assert not (project.path / "app.db").exists()


async def test_workers_wait_until_another_has_migrated(project: Project) -> None:
    """ORCHESTRATOR_MIGRATE=false: a queue's workers behind the web service that migrates."""
    env = {"ORCHESTRATOR_MIGRATE": "false"}
    async with started(project, sys.executable, "report.py", env=env) as process:
        await line(process, "database_retry_scheduled", "not_at_head")
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orchestrator", "migrate", cwd=project.path,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": URL}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert await done.wait() == 0
        assert process.stdin
        process.stdin.close()
        assert json.loads(await line(process, '"argv"'))["tables"] == 1


def child_of(pid: int) -> int:
    """Return the process that `unshare` has started."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


async def test_process_1_hands_signals_on_and_reaps(project: Project) -> None:
    """As an image's entrypoint; the exit code is the program's, as a shell has it."""
    unshare = shutil.which("unshare")
    assert unshare
    code = "import signal, sys; print('up', flush=True); signal.pause()"
    async with started(project, sys.executable, "-c", code, under=(unshare, "-pf", "--mount-proc")) as process:
        await line(process, "up")
        os.kill(child_of(process.pid), signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM


# ---------------------------------------------------------------- the recipes of docs/run.md

STARTED = "Application startup complete"
ASGI = [sys.executable, "-m", "uvicorn", "app.main:app"]


async def until_it_answers(port: int) -> None:
    """Wait for a program that binds the port itself: it says that it is ready before it listens."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(ConnectionError):
                assert b"hello" in await answer(port)
                return
            await asyncio.sleep(0.05)


async def serves(
    project: Project, *command: str, env: Mapping[str, str] | None = None, ready: tuple[str, ...] = ()
) -> None:
    """Start it, and see who answers: first the port that waits, then the app, when these lines have come."""
    port = free_port()
    command = tuple(word.replace("PORT", str(port)) for word in command)
    project.write("alembic/versions/a1.py", SLOW)
    async with started(project, *command, env={"PORT": str(port), **dict(env or {})}) as process:
        await line(process, "revision_started")
        assert b"503" in (await answer(port, "/readyz")).split(b"\r\n", 1)[0]
        await line(process, "command_started")
        for words in ready:
            await line(process, words)
        await until_it_answers(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) in {0, -signal.SIGTERM}


SLOW = '''
"""Slow."""
import time
revision, down_revision = "a1", None

def upgrade():
    time.sleep(0.5)
'''


async def test_uvicorn_with_workers(project: Project) -> None:
    """WEB_CONCURRENCY is no fault here."""
    await serves(project, *ASGI, "--port", "PORT", env={"WEB_CONCURRENCY": "2"}, ready=(STARTED, STARTED))


async def test_uvicorn_with_reload(project: Project) -> None:
    """For development, in a compose file."""
    await serves(project, *ASGI, "--port", "PORT", "--reload", ready=(STARTED,))


async def test_uvicorn_takes_the_socket_over(project: Project) -> None:
    """`--fd 3`: nobody is refused between the waiting port and the app."""
    port = free_port()
    async with started(project, *ASGI, "--fd", "3", env={"PORT": str(port)}) as process:
        await line(process, "command_started")
        for _ in range(20):
            assert b"hello" in await answer(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) in {0, -signal.SIGTERM}


async def test_gunicorn_takes_the_socket_over(project: Project) -> None:
    """LISTEN_FDS: nobody is refused between the waiting port and the app."""
    pytest.importorskip("gunicorn")
    port = free_port()
    project.write("wsgi.py", "def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n")
    command = (sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}", "--workers", "2")
    async with started(project, *command, env={"PORT": str(port)}) as process:
        await line(process, "command_started")
        for _ in range(20):
            assert b"hello" in await answer(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0

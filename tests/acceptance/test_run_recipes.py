"""The recipes of docs/run.md: what people start behind a migration."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.migrations import WAIT_FOR_GO, go
from tests.acceptance.running import answer, line, started, until_it_answers
from tests.harness import Project, make_project
from tests.servers.ports import free_port


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    return project


STARTED = "Application startup complete"
ASGI = [sys.executable, "-m", "uvicorn", "app.main:app"]


async def serves(
    project: Project, *command: str, env: Mapping[str, str] | None = None, ready: tuple[str, ...] = ()
) -> None:
    """Start it, and see who answers: first the port that waits, then the app, when these lines have come."""
    port = free_port()
    command = tuple(word.replace("PORT", str(port)) for word in command)
    project.add_revision("b2", WAIT_FOR_GO)
    async with started(project, *command, env={"PORT": str(port), **dict(env or {})}) as process:
        await line(process, "revision_started")
        assert b"503" in (await answer(port, "/readyz")).split(b"\r\n", 1)[0]
        go(project)
        await line(process, "command_started")
        for words in ready:
            await line(process, words)
        await until_it_answers(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) in {0, -signal.SIGTERM}


async def test_uvicorn_with_workers(project: Project) -> None:
    """WEB_CONCURRENCY is not a fault here."""
    await serves(project, *ASGI, "--port", "PORT", env={"WEB_CONCURRENCY": "2"}, ready=(STARTED, STARTED))


async def test_uvicorn_with_reload(project: Project) -> None:
    """For development, in a compose file."""
    await serves(project, *ASGI, "--port", "PORT", "--reload", ready=(STARTED,))


async def test_uvicorn_takes_the_socket_over(project: Project) -> None:
    """`--fd 3`: no client is refused between the waiting port and the app."""
    port = free_port()
    async with started(project, *ASGI, "--fd", "3", env={"PORT": str(port)}) as process:
        await line(process, "command_started")
        for _ in range(20):
            assert b"hello" in await answer(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) in {0, -signal.SIGTERM}


async def test_gunicorn_takes_the_socket_over(project: Project) -> None:
    """LISTEN_FDS: no client is refused between the waiting port and the app."""
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


async def test_gunicorn_with_uvicorn_workers(project: Project) -> None:
    """The classic of an image with several workers."""
    worker = ("-k", "uvicorn.workers.UvicornWorker", "--workers", "2")
    bind = ("--bind", "127.0.0.1:PORT")
    await serves(project, sys.executable, "-m", "gunicorn", "app.main:app", *worker, *bind)


CELERY = """
from celery import Celery
app = Celery(broker="memory://", backend="cache+memory://")
"""


@pytest.mark.parametrize("role", ["worker", "beat"])
async def test_celery_behind_the_service_that_migrates(project: Project, role: str) -> None:
    """A queue's workers must not meet the schema of yesterday."""
    project.write("tasks.py", CELERY)
    pool = ["--pool", "solo"] if role == "worker" else []
    command = (sys.executable, "-m", "celery", "-A", "tasks", role, "-l", "DEBUG", *pool)
    async with started(project, *command) as process:
        await line(process, "command_started")
        # While beat makes its schedule file, its own signal handler would make it again, and end it with 1.
        await line(process, "ready." if role == "worker" else "Waking up")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


AROUND = """
import os, sys
os.environ["AGENT"] = "here"
os.execvp(sys.argv[1], sys.argv[1:])
"""


async def test_an_agent_behind_run_keeps_the_socket(project: Project) -> None:
    """`opentelemetry-instrument` and `ddtrace-run` set variables and exec, as this does: the process id stays."""
    project.write("opentelemetry-instrument", f"#!{sys.executable}{AROUND}").chmod(0o755)
    project.write("wsgi.py", "def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n")
    port = free_port()
    command = ("./opentelemetry-instrument", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}")
    async with started(project, *command, env={"PORT": str(port)}) as process:
        await line(process, "command_started")
        assert b"hello" in await answer(port)

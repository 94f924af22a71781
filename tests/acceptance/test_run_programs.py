"""The recipes of docs/run.md whose programs are not in the locked environment: each with the program itself."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.programs import install
from tests.acceptance.running import URL, answer, children, line, started, until_it_answers
from tests.harness import Orchestrator, Project, make_project
from tests.servers.ports import free_port

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the programs; returns the variables with which they are found."""
    return install(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.write("Procfile", "web: orchestrator run -- gunicorn app.main:app -k uvicorn.workers.UvicornWorker\n")
    return project


BIND = "127.0.0.1:{port}"
AGENTS = {
    "opentelemetry": ("opentelemetry-instrument", "--traces_exporter", "none", "--metrics_exporter", "none"),
    "ddtrace": ("ddtrace-run",),
}
QUIET = {"DD_TRACE_ENABLED": "false", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "OTEL_LOGS_EXPORTER": "none"}
COMMANDS: dict[str, tuple[str, ...]] = {
    "hypercorn": ("hypercorn", "app.main:app", "--bind", BIND),
    "hypercorn, handed over": ("hypercorn", "app.main:app", "--bind", "fd://3"),
    "granian": ("granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}", "app.main:app"),
    "uvicorn-worker": ("gunicorn", "app.main:app", "-k", "uvicorn_worker.UvicornWorker", "--bind", BIND),
    **{
        name: (*agent, "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", "{port}")
        for name, agent in AGENTS.items()
    },
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_program_behind_run_serves_and_stops(project: Project, programs: dict[str, str], name: str) -> None:
    """It takes the process over, answers, and ends by SIGTERM."""
    port = free_port()
    command = [word.replace("{port}", str(port)) for word in COMMANDS[name]]
    async with started(project, *command, env={"PORT": str(port), **programs, **QUIET}) as process:
        await line(process, "command_started")
        await until_it_answers(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) in {0, -signal.SIGTERM}


@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_behind_run_as_process_1(project: Project, programs: dict[str, str], name: str) -> None:
    """As an image's entrypoint: the signal reaches the server through the small parent."""
    port = free_port()
    command = (*AGENTS[name], "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(port))
    under = (shutil.which("unshare") or "unshare", "-pf", "--mount-proc")
    env = {"PORT": str(port), **programs, **QUIET}
    async with started(project, *command, env=env, under=under) as process:
        await line(process, "command_started")
        await until_it_answers(port)
        os.kill(children(process.pid)[0], signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) in {0, 128 + signal.SIGTERM}


@asynccontextmanager
async def _around(project: Project, env: Mapping[str, str], *agent: str) -> AsyncIterator[Orchestrator]:
    process = Orchestrator("serve", env={"DATABASE_URL": URL, **env}, cwd=project.path, fresh=True)
    process._argv = (*agent, sys.executable, "-m", "orchestrator", "serve")  # noqa: SLF001  # `under`, found by PATH
    async with process:
        yield process


@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_around_serve(project: Project, programs: dict[str, str], name: str) -> None:
    """The agent patches what we import, and our log stays what it is."""
    program, *options = AGENTS[name]
    agent = (str(Path(programs["PATH"].split(os.pathsep)[0], program)), *options)
    async with _around(project, {**programs, **QUIET}, *agent) as process:
        await process.event("server_started", within=60)
        assert b"hello" in await answer(process.port)
        assert await process.stop() == 0


async def test_a_procfile(project: Project, programs: dict[str, str]) -> None:
    """Its manager sets PORT and reads what the programs write."""
    port = free_port()
    honcho = str(Path(programs["PATH"].split(os.pathsep)[0], "honcho"))
    process = await asyncio.create_subprocess_exec(
        honcho, "start", "web", cwd=project.path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**programs, "PORT": str(port), "DATABASE_URL": URL, "HOME": str(project.path)},
    )  # fmt: skip
    try:
        await line(process, "command_started")
        await until_it_answers(port)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) in {0, 128 + signal.SIGTERM}
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # until its programs have closed the pipe

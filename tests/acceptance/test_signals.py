"""SIGTERM, in every state: the exit code of section 5, and every event until the last."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from tests.harness import PROMPT_SECONDS, Orchestrator, Project, make_project

SILENT_DATABASE = "mysql+asyncmy://app:secret@127.0.0.1:1/app"

SLOW_APP = '''
import asyncio

async def app(scope, receive, send):
    """Answer after a while; {lifespan}."""
    if scope["type"] == "lifespan":
        await receive()
        {startup}
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        {shutdown}
        print("lifespan ended")
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    print("request begins")
    await asyncio.sleep({seconds})
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"late"}})
'''


def _slow(project: Project, *, seconds: float = 0.5, startup: str = "pass", shutdown: str = "pass") -> None:
    text = SLOW_APP.format(lifespan="", seconds=seconds, startup=startup, shutdown=shutdown)
    project.write("app/main.py", text)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one quick revision."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    return project


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_while_waiting_is_prompt_and_no_failure(project: Project, number: signal.Signals) -> None:
    """A deployment that is taken back must not raise an alarm; nor may an app that ignores signals prevent it."""
    ignoring = f"import signal; signal.signal({number.value}, signal.SIG_IGN)\n"
    project.write("app/main.py", ignoring + (project.path / "app/main.py").read_text())
    async with Orchestrator("serve", env={"DATABASE_URL": SILENT_DATABASE}, cwd=project.path) as process:
        await process.event("app_loaded")
        await process.event("database_retry_scheduled", after=len(process.events))  # the main thread is back
        process.signal(number)
        assert await process.exit_code(within=PROMPT_SECONDS) == 0
    assert process.find("stop_requested", signal=number.name)
    assert process.events[-1]["event"] == "process_stopped", process.story()
    assert process.events[-1]["exit_code"] == 0
    assert process.stderr == ""


async def test_requests_in_flight_are_finished(project: Project) -> None:
    """A rolling deployment must not cost one answer."""
    _slow(project)
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("server_started")
        answer = asyncio.create_task(client.get("/"))
        await process.event("log", message="request begins")
        process.signal(signal.SIGTERM)
        assert (await answer).text == "late"
        assert await process.exit_code() == 0
    assert process.find("server_drained", requests_cancelled=0)
    assert process.find("log", message="lifespan ended")


async def test_a_request_that_does_not_end_is_cancelled_within_the_budget(project: Project) -> None:
    """ECS kills without asking after its stop timeout; the lifespan must have ended by then."""
    _slow(project, seconds=60)
    env = {"ORCHESTRATOR_SHUTDOWN_SECONDS": "2"}
    async with (
        Orchestrator("serve", env=env, cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        answer = asyncio.create_task(client.get("/"))
        await process.event("log", message="request begins")
        process.signal(signal.SIGTERM)
        assert await process.exit_code(within=PROMPT_SECONDS) == 0
        assert (await answer).status_code == 500
    assert process.find("server_drained", requests_cancelled=1)
    assert process.find("log", message="lifespan ended")
    assert process.events[-1]["event"] == "process_stopped", process.story()


async def test_a_second_signal_does_not_wait_for_requests(project: Project) -> None:
    """Ctrl-C twice means now."""
    _slow(project, seconds=60)
    async with (
        Orchestrator("serve", cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        answer = asyncio.create_task(client.get("/"))
        await process.event("log", message="request begins")
        process.signal(signal.SIGINT)
        await process.event("state_changed", state="draining")
        process.signal(signal.SIGINT)
        assert await process.exit_code(within=PROMPT_SECONDS) == 0
        await asyncio.gather(answer, return_exceptions=True)
    assert process.find("server_drained"), process.story()
    assert process.find("process_stopped"), "the shutdown budget ended it, not the signal"


@pytest.mark.parametrize("command", ["migrate", "wait"])
async def test_a_command_with_a_target_that_is_stopped_has_missed_it(project: Project, command: str) -> None:
    """A pipeline that continues after exit code 0 would deploy an app without its schema."""
    async with Orchestrator(command, env={"DATABASE_URL": SILENT_DATABASE}, cwd=project.path) as process:
        await process.event("database_retry_scheduled")
        assert await process.stop(within=PROMPT_SECONDS) == 12
    assert process.find("migration_stopped", error_type="stopped")
    assert process.events[-1]["event"] == "startup_failed"


@pytest.mark.parametrize("where", ["startup", "shutdown"])
async def test_a_lifespan_that_hangs_does_not_outlast_the_budget(project: Project, where: str) -> None:
    """Stock uvicorn puts no limit to it."""
    hanging = {where: "print('lifespan hangs'); await asyncio.sleep(60)"}
    _slow(project, **hanging)  # type: ignore[arg-type]  # startup or shutdown
    env = {"ORCHESTRATOR_SHUTDOWN_SECONDS": "2"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("log", message="lifespan hangs") if where == "startup" else await process.event(
            "server_started"
        )
        process.signal(signal.SIGTERM)
        assert await process.exit_code(within=PROMPT_SECONDS) == 0
    assert process.events[-1]["event"] == "process_stopped", process.story()


async def test_an_app_that_blocks_the_loop_does_not_outlast_the_budget(project: Project) -> None:
    """No callback of the loop would ever run again, and still the process ends before it is killed."""
    _slow(project, startup="print('loop is blocked'); import time; time.sleep(60)")
    env = {"ORCHESTRATOR_SHUTDOWN_SECONDS": "1"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("log", message="loop is blocked")
        process.signal(signal.SIGTERM)
        assert await process.exit_code(within=PROMPT_SECONDS) == 0
    assert process.events[-1]["event"] == "process_stopped", process.story()


async def test_an_app_that_hangs_at_import_does_not_hold_up_the_stop(project: Project) -> None:
    """Nothing can end an import: the supervisor writes the last event and ends the process."""
    project.write("app/main.py", "print('importing'); import time; time.sleep(60)")
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("log", message="importing")
        assert await process.stop(within=PROMPT_SECONDS) == 0
    assert process.events[-1]["event"] == "process_stopped", process.story()


async def test_process_1_of_a_container_stops_as_every_other(project: Project) -> None:
    """The kernel ignores signals that process 1 does not handle, and stock uvicorn then exits differently."""
    unshare = shutil.which("unshare")
    assert unshare, "install util-linux: a process is made process 1 with its unshare"
    async with Orchestrator("serve", cwd=project.path, under=(unshare, "-pf", "--mount-proc")) as process:
        started = await process.event("process_started")
        assert started["pid"] != 1  # that hands signals on, and waits for what is left to it: see init.py
        await process.event("server_started")
        process.signal_child(signal.SIGTERM)
        assert await process.exit_code() == 0
    assert process.events[-1]["event"] == "process_stopped", process.story()

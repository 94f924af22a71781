"""A stdout without a reader: serving continues, and the last line of a failed start still arrives."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Orchestrator, Project, http_client, make_project, run
from tests.servers import HOST, free_port

LOUD = """
import logging
log = logging.getLogger("app")
told = 0

async def app(scope, receive, send):
    global told
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    for told in range(told, told + int(scope["path"].strip("/") or 0)):
        log.warning("loud", extra={"number": told, "text": "x" * 15_000})
    told += 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(told).encode()})
"""
CALM = "import pathlib\nfor number in range(400):\n    print(number, 'x' * 1000)\npathlib.Path('printed').touch()\n"
HASTY = """
from orchestrator.start import process
from orchestrator.log import formatter, output
process.FAILED_SETTLE_SECONDS = output.PATIENCE_SECONDS = 0.1
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that starts at once."""
    return make_project(tmp_path / "project")


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that no line shows, because none is read."""
    while not condition():  # noqa: ASYNC110  # nobody sets an event
        await asyncio.sleep(0.01)


def _peak_memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1])


async def test_serving_continues_and_what_was_dropped_is_reported(project: Project) -> None:
    """A megabyte a moment into a pipe that is full: memory is bounded, and afterwards every line is accounted for."""
    project.write("app/main.py", LOUD)
    async with (
        Orchestrator("serve", cwd=project.path) as process,
        process.client(timeout=120) as client,
    ):
        await process.event("server_started")
        process.reading.clear()
        for number in range(1, 11):
            answer = await client.get("/2000")
            assert (answer.status_code, answer.text) == (200, str(number * 2000))
            assert (await client.get("/livez")).status_code == 200
        assert _peak_memory_kb(process.pid) < 250_000, "of 300 MB that were logged"
        process.reading.set()
        await process.event("log", logger="orchestrator.log.output")
        assert await process.stop() == 0
    assert_well_formed(process)
    numbers = [event["number"] for event in process.find("log", logger="app")]
    reports = process.find("log", logger="orchestrator.log.output")
    # Requests were logged too, and may be among those that are missing.
    missing = 20_000 - len(numbers) + 20 - len(process.find("request")) - 10
    assert sum(report["lines_dropped"] for report in reports) == missing
    assert numbers == sorted(numbers)
    assert numbers[:500] == list(range(500)), "the first to come is the last to be dropped"
    assert process.events[-1]["event"] == "process_stopped"


async def test_a_service_whose_log_hangs_still_stops_in_order(project: Project) -> None:
    """With exit code 0, and in time: the other lines are lost with their reader."""
    project.write("app/main.py", LOUD)
    async with Orchestrator("serve", cwd=project.path) as process, process.client(timeout=120) as client:
        await process.event("server_started")
        process.reading.clear()
        assert (await client.get("/500")).status_code == 200
        process.process.terminate()
        await _until(lambda: process.process.returncode is not None)
        assert process.process.returncode == 0
        process.reading.set()
        await process.exit_code()
    assert process.stderr == ""


@pytest.mark.parametrize("app", ["raise ValueError('no')", "raise SystemExit(5)", "def app("])
async def test_a_start_that_fails_without_a_reader_keeps_its_lines_for_a_later_reader(
    project: Project, app: str
) -> None:
    """In order, to the last; the process waits with its end for that."""
    project.write("app/main.py", CALM + app if app != "def app(" else app)
    project.write("alembic/env.py", CALM + "raise ValueError('no')")
    async with Orchestrator("serve", cwd=project.path) as process:
        process.reading.clear()
        if app != "def app(":
            await _until((project.path / "printed").exists)
        process.reading.set()
        assert await process.exit_code() == 3
    assert_well_formed(process)
    printed = [event["message"].split()[0] for event in process.find("log", logger="stdout")]
    assert printed == [str(number) for number in range(400 * (app != "def app("))]
    assert [event["event"] for event in process.events][-3:] == ["app_failed", "state_changed", "startup_failed"]


async def test_a_start_that_fails_does_not_wait_for_a_reader_without_limit(project: Project) -> None:
    """A task that hangs is not replaced. The waiting, twenty seconds in life, is cut short here."""
    project.write("hasty.py", HASTY)
    packaged = (Path(__file__).parents[2] / "logging.yaml").read_text()
    project.write("logging.yaml", packaged.replace("orchestrator.log.formatter", "hasty.formatter"))
    project.write("app/main.py", CALM + "raise ValueError('no')")
    async with Orchestrator("serve", cwd=project.path) as process:
        process.reading.clear()
        await _until(lambda: process.process.returncode is not None)
        assert process.process.returncode == 3
        process.reading.set()
        await process.exit_code()
    assert process.stderr == ""


async def test_what_was_said_before_a_crash_is_there(project: Project) -> None:
    """While starting a line is written at once: nothing waits in a process that may die."""
    project.write("app/main.py", "import os\nprint('the last words')\nos._exit(9)")
    result = await run("serve", cwd=project.path)
    assert result.exit_code == 9
    assert result.events[0]["event"] == "process_started"
    assert result.events[-1]["message"] == "the last words"


CLOSED = [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full", "| true"]


@pytest.mark.parametrize("redirection", CLOSED)
@pytest.mark.parametrize(("app", "code"), [("", 0), ("raise ValueError('no')", 3), ("PORT=none", 78)])
@pytest.mark.paired("redirection")
async def test_a_stdout_that_takes_nothing_changes_no_exit_code(
    project: Project, redirection: str, app: str, code: int
) -> None:
    """Closed from the start, a full disk, a reader that has gone: only the exit code is left."""
    if "no" in app and code == 3:
        project.write("app/main.py", app)
    variable = app if code == 78 else ""
    command = f"{{ {variable} {sys.executable} -m orchestrator migrate; echo $? >code; }} {redirection}"
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}
    shell = await asyncio.create_subprocess_shell(command, cwd=project.path, env=environ, stdout=-3)
    await shell.wait()
    assert (project.path / "code").read_text() == f"{code}\n"


async def test_a_service_without_a_stdout_serves(project: Project) -> None:
    """Numbers of descriptors that were closed are given to others: no line may end up in a connection."""
    port = free_port()
    command = f"exec {sys.executable} -m orchestrator serve <&- >&- 2>&-"
    own = {"PORT": str(port), "ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **own}
    process = await asyncio.create_subprocess_shell(command, cwd=project.path, env=environ)
    try:
        async with http_client(f"http://{HOST}:{port}") as client:
            while True:
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        break
                except httpx.ConnectError:
                    assert process.returncode is None
                await asyncio.sleep(0.05)
            for _ in range(20):
                assert (await client.get("/")).text == "hello"
    finally:
        process.terminate()
    assert await process.wait() == 0

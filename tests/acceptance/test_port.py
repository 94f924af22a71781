"""The port, taken or of an app that serves, as probes, load balancers and browsers see it."""

import signal
import socket

import pytest

from orchestrator.errors import StartupError
from orchestrator.serving.server import bind
from orchestrator.settings.model import Settings
from tests.harness import Orchestrator, Project


@pytest.fixture
def project(project: Project) -> Project:
    """Return a project with one revision."""
    project.add_revision("a1")
    return project


async def test_an_empty_probe_path_belongs_to_the_app(project: Project) -> None:
    """An app that has its own /livez keeps it."""
    async with Orchestrator("serve", env={"ORCHESTRATOR_LIVE_PATH": ""}, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            assert (await client.get("/livez")).text == "hello"
            assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_requests_are_events_and_probes_are_not(project: Project) -> None:
    """The access log is for people's requests, without their queries, which may hold secrets."""
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("server_started")
        await client.get("/readyz")
        await client.get("/plants?token=s3cret")
        request = await process.event("request", status=200)
        assert request["method"] == "GET"
        assert request["path"] == "/plants"
        assert request["client"] == "127.0.0.1"
        assert 0 < request["duration_seconds"] < 10
        assert await process.stop() == 0
    assert len(process.find("request")) == 1
    assert not any("s3cret" in line for line in process.lines)


async def test_readiness_goes_first_when_the_task_drains(project: Project) -> None:
    """The load balancer must notice before the listener closes; requests are still answered meanwhile."""
    env = {"ORCHESTRATOR_DRAIN_SECONDS": "3"}
    async with (
        Orchestrator("serve", env=env, cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        process.signal(signal.SIGTERM)
        await process.event("state_changed", state="draining")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/")).text == "hello"
        assert await process.exit_code() == 0
    assert process.find("server_drained")[0]["duration_seconds"] >= 3


async def test_a_taken_port_ends_the_start_before_anything_is_touched(project: Project) -> None:
    """Two processes on one port would otherwise both migrate."""
    async with Orchestrator("serve", cwd=project.path) as first:
        await first.event("server_started")
        (project.path / "app.db").unlink()
        async with Orchestrator("serve", env={"PORT": str(first.port)}, cwd=project.path) as second:
            assert await second.exit_code() == 11
    failure = second.find("bind_failed")[0]
    assert failure["port"] == first.port
    assert failure["hint"] == "End the process that uses the port, or change PORT."
    assert second.events[-1]["event"] == "startup_failed"
    assert not (project.path / "app.db").exists()


@pytest.mark.parametrize(
    ("environ", "host", "hint"),
    [
        ({}, "", "or change PORT (it is not set: {port} is its default)."),
        ({"PORT": "{port}"}, "", "or change PORT."),
        ({"PORT": "8000", "UVICORN_PORT": "{port}"}, "", "or change UVICORN_PORT."),
        ({"ORCHESTRATOR_HOST": "192.0.2.1"}, "192.0.2.1", "the address in ORCHESTRATOR_HOST: 0.0.0.0"),
        ({"UVICORN_HOST": "no.such.host.invalid"}, "no.such.host.invalid", "the address in UVICORN_HOST: 0.0.0.0"),
    ],
)
def test_a_port_that_cannot_be_opened_is_blamed_on_the_variable_that_names_it(
    environ: dict[str, str], host: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several variables can hold it, and PORT is often set by the platform."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name, value in environ.items():
            monkeypatch.setenv(name, value.format(port=port))
        settings = Settings(host=host or "127.0.0.1", port=port)
        vars(settings).update(fields_set=frozenset({"port"} if environ else ()))
        with pytest.raises(StartupError) as failed:
            bind(settings)
    assert hint.format(port=port) in str(failed.value.failure.hint)


async def test_a_log_reader_that_stalls_does_not_stall_the_service(project: Project) -> None:
    """A log driver that hangs must not make a healthy task look dead."""
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("server_started")
        process.reading.clear()
        for _ in range(800):  # far more lines than the pipe and the reader's buffers hold
            assert (await client.get("/" + "x" * 500)).status_code == 200
        assert (await client.get("/livez")).status_code == 200
        process.reading.set()
        assert await process.stop() == 0
    assert len(process.find("request")) == 800
    assert process.events[-1]["event"] == "process_stopped"

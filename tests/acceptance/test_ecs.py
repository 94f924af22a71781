"""In ECS every line names the task that wrote it, and a failing metadata endpoint changes nothing besides."""

import asyncio
import json
import threading
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Any

import pytest

from orchestrator.log import CONTEXT
from orchestrator.start import ecs
from tests.acceptance.outcome import assert_well_formed
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import free_port, peers
from tests.servers.peers import Peer, listening
from tests.unit.records import capture, parsed

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
FIELDS = {"task_id", "cluster", "task_family", "task_revision"}
ID = "158d1c8083dd49d6b527399fd6414f5c"

# The members that the documentation names, each with a value of its kind:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html and
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html.
CONTAINER = {
    "DockerId": f"{ID}-2495160603",
    "Name": "plants",
    "DockerName": "plants",
    "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/plants:1.4.2",
    "ImageID": f"sha256:{'0a' * 32}",
    "Labels": {
        "com.amazonaws.ecs.cluster": "not-this-one",
        "com.amazonaws.ecs.container-name": "plants",
        "com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:111122223333:task/not-this-one/0",
        "com.amazonaws.ecs.task-definition-family": "not-this-one",
        "com.amazonaws.ecs.task-definition-version": "0",
    },
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": {"CPU": 2},
    "CreatedAt": "2026-01-02T03:04:05.678901234Z",
    "StartedAt": "2026-01-02T03:04:05.678901234Z",
    "Type": "NORMAL",
    "LogDriver": "awslogs",
    "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.108"], "AttachmentIndex": 0}],
    "Snapshotter": "overlayfs",
}
BOTH: dict[str, Any] = {
    "TaskARN": f"arn:aws:ecs:eu-west-1:111122223333:task/production/{ID}",
    "Family": "plants-api_2",
    "Revision": "26",
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": {"CPU": 0.25, "Memory": 512},
    "PullStartedAt": "2026-01-02T03:04:00.000000001Z",
    "PullStoppedAt": "2026-01-02T03:04:04Z",
    "AvailabilityZone": "eu-west-1c",
    "Containers": [CONTAINER],
}
FARGATE = BOTH | {
    "Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/production",
    "LaunchType": "FARGATE",
    "ClockDrift": {
        "ClockErrorBound": 0.5,
        "ReferenceTimestamp": "2026-01-02T03:04:05Z",
        "ClockSynchronizationStatus": "x",
    },
    "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 20_496},
    "FaultInjectionEnabled": False,
}
EC2 = BOTH | {"Cluster": "production", "ServiceName": "plants", "VPCID": "vpc-0a", "LaunchType": "EC2"}
OLD_ARN = EC2 | {"TaskARN": f"arn:aws:ecs:eu-west-1:111122223333:task/{ID}"}  # before 2021: without the cluster
EXPECTED = {"task_id": ID, "cluster": "production", "task_family": "plants-api_2", "task_revision": "26"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that starts at once."""
    return make_project(tmp_path)


def answers(body: bytes, status: str = "200 OK", header: str = "") -> Peer:
    """An endpoint that answers so, if it is asked for the task."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"GET /v4/abc/task "):
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{header}\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    return answer


def tells(document: object) -> Peer:
    """An endpoint that has this document."""
    return answers(json.dumps(document).encode())


def address(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """The environment of a task whose endpoint is there."""
    return {VARIABLE: f"http://{host}:{port}/v4/abc"}


WAITS = """
import time
from orchestrator.log import CONTEXT, formatter
while not CONTEXT.task:
    time.sleep(0.01)
"""


def wait_for_the_answer(project: Project) -> None:
    """Let the process begin to log when it knows its task: if that is asked for any later, it never begins."""
    project.write("waits.py", WAITS)
    packaged = (Path(__file__).parents[2] / "logging.yaml").read_text()
    project.write("logging.yaml", packaged.replace("orchestrator.log.formatter", "waits.formatter"))


@pytest.mark.parametrize("document", [FARGATE, EC2, OLD_ARN], ids=["fargate", "ec2", "old-arn"])
async def test_every_line_shows_its_task(project: Project, document: object) -> None:
    """A query over all tasks must distinguish them; the endpoint is asked first, so that no line lacks the task."""
    wait_for_the_answer(project)
    async with (
        listening(tells(document)) as endpoint,
        Orchestrator("serve", env=address(endpoint.port), cwd=project.path) as process,
    ):
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)
    for event in process.events:
        assert event.items() >= EXPECTED.items()
    assert endpoint.connections == 1


async def test_the_task_of_a_failed_start_is_reported_too(project: Project) -> None:
    """Even if it fails at once: the event of wrong settings must name the task."""
    wait_for_the_answer(project)
    project.write("app/main.py", "raise ValueError('no')")
    async with listening(tells(FARGATE)) as endpoint:
        failed = await run("serve", env=address(endpoint.port), cwd=project.path)
    assert failed.exit_code == 3
    for event in failed.events:
        assert event.items() >= EXPECTED.items()


async def test_a_late_answer_is_for_the_lines_to_come(project: Project) -> None:
    """Nothing waits for it: the start is complete before the endpoint answers."""
    started = asyncio.Event()

    async def late(reader: StreamReader, writer: StreamWriter) -> None:
        await started.wait()
        await tells(FARGATE)(reader, writer)

    async with (
        listening(late) as endpoint,
        Orchestrator("serve", env=address(endpoint.port), cwd=project.path) as process,
    ):
        await process.event("process_started")
        started.set()
        while not process.find("request", task_id=ID):
            seen = len(process.events)
            await _ask(process)
            await process.event("request", after=seen)
        assert await process.stop() == 0
    assert not process.events[0].keys() & FIELDS
    assert process.events[-1].items() >= EXPECTED.items()


async def _ask(process: Orchestrator) -> None:
    await process.event("server_started")
    _, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_an_endpoint_may_have_an_address_of_version_six(project: Project) -> None:
    """Clusters without IPv4 have it; its colons are no port."""
    wait_for_the_answer(project)

    async def tell(reader: StreamReader, writer: StreamWriter) -> None:
        await tells(EC2)(reader, writer)
        writer.close()

    port = free_port()
    async with await asyncio.start_server(tell, "::1", port):
        told = await run("wait", env=address(port, "[::1]"), cwd=project.path)
    assert told.events[-1].items() >= EXPECTED.items()


async def _drips(writer: StreamWriter, data: bytes) -> None:
    """Never end, and never leave a socket without a byte for long."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.1)


async def _drips_a_status(_: StreamReader, writer: StreamWriter) -> None:
    await _drips(writer, b"H")


async def _drips_headers(_: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    await _drips(writer, b"x")


async def _drips_its_body(_: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    await _drips(writer, b" ")


async def _asks_to_go_on(_: StreamReader, writer: StreamWriter) -> None:
    await _drips(writer, b"HTTP/1.1 100 Continue\r\n\r\n")


async def _has_no_end(_: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def _has_too_many_headers(_: StreamReader, writer: StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: x\r\n" * 1000)
        await writer.drain()


def without(member: str) -> dict[str, Any]:
    """The document without this member."""
    return {name: value for name, value in FARGATE.items() if name != member}


HOSTILE: dict[str, Peer] = {
    "silent": peers.silent,
    "closes": peers.closes,
    "resets": peers.resets,
    "garbage": peers.garbage,
    "another server": peers.http,
    "drips a status": _drips_a_status,
    "drips headers": _drips_headers,
    "drips its body": _drips_its_body,
    "asks to go on for ever": _asks_to_go_on,
    "has no end": _has_no_end,
    "has too many headers": _has_too_many_headers,
    "500": answers(b"{}", "500 Internal Server Error"),
    "429": answers(json.dumps(FARGATE).encode(), "429 Too Many Requests"),
    "redirects": answers(b"", "302 Found", "Location: /v4/abc/task\r\n"),
    "nothing": answers(b""),
    "no json": answers(b"<html>hunter2</html>"),
    "no text": answers(b"\xff\xfe"),
    "nested too deeply": answers(b"[" * 900_000),
    "a number": tells(1),
    "a list": tells([FARGATE]),
    "null": tells(None),
    "no arn": tells(without("TaskARN")),
    "no cluster": tells(without("Cluster")),
    "no family": tells(without("Family")),
    "no revision": tells(without("Revision")),
    "a revision that is a number": tells(FARGATE | {"Revision": 26}),
    "a family that is a list": tells(FARGATE | {"Family": ["plants"]}),
    "an arn that is null": tells(FARGATE | {"TaskARN": None}),
    "an empty arn": tells(FARGATE | {"TaskARN": ""}),
    "a line end": tells(FARGATE | {"Family": 'plants\n{"event": "migration_failed"}'}),
    "a control character": tells(FARGATE | {"Cluster": "cluster/\x1b[2J"}),
    "a lone surrogate": answers(json.dumps(FARGATE | {"Family": "\udcff"}).encode()),
    "a megabyte": tells(FARGATE | {"Family": "x" * 900_000}),
    "a secret": tells(FARGATE | {"Family": "mysql://app:hunter2@db/app"}),
}


async def said(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the log output for an endpoint that gives no task, in this process."""
    monkeypatch.setattr(CONTEXT, "task", {})
    monkeypatch.setattr(ecs, "CONFIGURED", configured := threading.Event())
    monkeypatch.setattr(ecs, "TIMEOUT_SECONDS", 0.3)
    captured = capture("orchestrator.ecs", monkeypatch)
    ecs.identify(environ)
    configured.set()
    while not captured.records:
        assert CONTEXT.task == {}
        await asyncio.sleep(0.01)
    (record,) = captured.records
    assert record.levelname == "WARNING"
    message: str = parsed(record)["message"]
    return message


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_broken_endpoint_shows_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No field is partly right, and it is reported once; also for an endpoint that sends a byte at a time."""
    async with listening(HOSTILE[name]) as endpoint:
        message = await said(address(endpoint.port), monkeypatch)
    assert message.startswith("The ECS task metadata could not be read: ")
    assert len(message) < 300
    assert "hunter2" not in message
    assert endpoint.connections == 1


@pytest.mark.parametrize(
    "value",
    [
        "https://127.0.0.1:1/v4/abc",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "127.0.0.1/v4/abc",
        "//127.0.0.1/v4/abc",
        "http://",
        "http://127.0.0.1:99999/v4/abc",
        "http://127.0.0.1:port/v4/abc",
        "http://[::1/v4/abc",
        "http://127.0.0.1:1/v4/abc",
        "http://127.0.0.1:1/v4 abc",
        "http://127.0.0.1:1/v4/ä",
        "http://no.such.host.invalid/v4/abc",
        "http://app:hunter2@127.0.0.1:1/",
        "x" * 100_000,
    ],
)
async def test_an_invalid_address_adds_no_fields(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the variable: only plain HTTP is spoken, as ECS has it."""
    message = await said({VARIABLE: value}, monkeypatch)
    assert len(message) < 300
    assert "hunter2" not in message


@pytest.mark.parametrize("name", ["silent", "garbage", "drips its body", "has no end", "a secret"])
async def test_a_broken_endpoint_delays_nothing(project: Project, name: str) -> None:
    """Observing must not disturb the observed."""
    async with (
        listening(HOSTILE[name]) as endpoint,
        Orchestrator("serve", env=address(endpoint.port), cwd=project.path) as process,
    ):
        await process.event("server_started")
        await process.event("log", logger="orchestrator.ecs", level="warning")
        assert await process.stop() == 0
    assert_well_formed(process)
    assert not any(event.keys() & FIELDS for event in process.events)
    assert len(process.find("log", logger="orchestrator.ecs")) == 1
    assert "hunter2" not in "".join(process.lines)
    assert process.stderr == ""


@pytest.mark.parametrize("env", [{}, {VARIABLE: ""}])
async def test_outside_of_ecs_nothing_is_asked(project: Project, env: dict[str, str]) -> None:
    """And nothing is reported about it."""
    result = await run("wait", env=env, cwd=project.path)
    assert_well_formed(result)
    assert not result.find("log")
    assert not result.events[-1].keys() & FIELDS

"""An endpoint of ECS that is broken, hostile or not there: no field is wrong, and nothing is delayed."""

import asyncio
import json
import threading
from asyncio import StreamReader, StreamWriter
from typing import Any

import pytest

from orchestrator.log import CONTEXT
from orchestrator.start import ecs
from tests.acceptance.ecs_endpoint import FARGATE, FIELDS, VARIABLE, address, answers, tells
from tests.acceptance.outcome import assert_well_formed
from tests.harness import Orchestrator, Project
from tests.servers import peers
from tests.servers.peers import Peer, listening
from tests.unit.records import capture, parsed


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

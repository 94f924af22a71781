"""In ECS every line names the task that wrote it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from tests.acceptance.ecs_endpoint import EC2, EXPECTED, FARGATE, FIELDS, ID, OLD_ARN, VARIABLE, address, tells
from tests.acceptance.outcome import assert_well_formed
from tests.harness import Orchestrator, Project, run
from tests.servers import free_port
from tests.servers.peers import listening

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


@pytest.mark.parametrize("env", [{}, {VARIABLE: ""}])
async def test_outside_of_ecs_nothing_is_asked(project: Project, env: dict[str, str]) -> None:
    """And nothing is reported about it."""
    result = await run("wait", env=env, cwd=project.path)
    assert_well_formed(result)
    assert not result.find("log")
    assert not result.events[-1].keys() & FIELDS

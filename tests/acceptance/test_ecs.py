"""In ECS every line tells which task wrote it, and a metadata endpoint that fails changes nothing else."""

import json
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from tests.harness import Orchestrator, Project, make_project
from tests.servers import peers
from tests.servers.peers import Peer, listening

TASK = {
    "Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/production",
    "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/production/158d1c8083dd49d6b527399fd6414f5c",
    "Family": "plants",
    "Revision": "26",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that starts at once."""
    return make_project(tmp_path)


async def _metadata(reader: StreamReader, writer: StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    assert request.startswith(b"GET /v4/abc/task ")
    body = json.dumps(TASK).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()


async def test_the_task_is_on_the_lines_once_it_is_known(project: Project) -> None:
    """One query over all tasks has to tell them apart."""
    async with listening(_metadata) as endpoint:
        env = {"ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{endpoint.port}/v4/abc"}
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("server_started")
            assert await process.stop() == 0
    last = process.events[-1]
    assert last["task_id"] == "158d1c8083dd49d6b527399fd6414f5c"
    assert last["cluster"] == "production"
    assert last["task_family"] == "plants"
    assert last["task_revision"] == "26"
    assert endpoint.connections == 1


@pytest.mark.parametrize("peer", [peers.silent, peers.closes, peers.garbage, peers.http])
async def test_a_broken_endpoint_delays_nothing(project: Project, peer: Peer) -> None:
    """Who observes must not break what is observed."""
    async with listening(peer) as endpoint:
        env = {"ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{endpoint.port}/v4/abc"}
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("server_started")
            assert await process.stop() == 0
    assert "task_id" not in process.events[-1]
    assert process.stderr == ""

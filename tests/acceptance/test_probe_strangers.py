"""Who is on the port that the health check asks: only this container's orchestrator counts."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.serving.probe import signature
from tests.acceptance.migrations import go
from tests.acceptance.probing import assert_not_healthy, probe, probe_port
from tests.harness import Orchestrator, Project
from tests.servers import peers
from tests.servers.peers import Peer, listening

NOT_OURS = "is not of this container's orchestrator"
SERVED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%s\r\n{}"
NEW_MOUNTS = ("unshare", "--mount")


def answers(content: bytes) -> Peer:
    """Make a peer that gives this answer to any request."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        await writer.drain()
        writer.close()

    return peer


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the headers of the request, as debugging servers do."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(SERVED % head.partition(b"\r\n")[2].removesuffix(b"\r\n"))
    await writer.drain()
    writer.close()


async def claims_to_serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Repeat what we sent, in the form of our own answer."""
    sent = (await reader.readuntil(b"\r\n\r\n")).partition(b"x-orchestrator-probe: ")[2].partition(b"\r\n")[0]
    told = [b"%s serving" % sent, b"serving %s" % sent, b"serving", sent]
    writer.write(SERVED % b"".join(b"x-orchestrator-probe: %s\r\n" % each for each in told))
    await writer.drain()
    writer.close()


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header that never ends, so slowly that no single read waits for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header that never ends, as fast as can be."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-long: ")
    while not writer.is_closing():
        writer.write(b"x" * 65_536)
        await writer.drain()


@pytest.mark.parametrize(
    "content",
    [
        SERVED % b"",
        SERVED % b"x-orchestrator-probe: serving\r\n",
        SERVED % f"x-orchestrator-probe: {signature('0123456789abcdef', 'serving')}\r\n".encode(),
        b"HTTP/1.1 301 Moved Permanently\r\nlocation: http://127.0.0.1/readyz\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"200 OK\r\n\r\n",
        b"\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"",
    ],
)
@pytest.mark.parametrize("option", ["--live", "--timeout=20"])
@pytest.mark.paired("option")
async def test_another_process_does_not_answer_for_us(tmp_path: Path, content: bytes, option: str) -> None:
    """A sidecar in the same network, or a proxy with a cached answer from an hour ago."""
    async with listening(answers(content)) as peer:
        assert_not_healthy(await probe_port(peer.port, option, cwd=tmp_path), NOT_OURS)
        assert peer.connections == 1


@pytest.mark.parametrize("peer", [echoes, claims_to_serve, floods])
async def test_a_strange_server_does_not_answer_for_us(tmp_path: Path, peer: Peer) -> None:
    """One that repeats what it hears, and one that never stops talking."""
    async with listening(peer) as other:
        assert_not_healthy(await probe_port(other.port, "--timeout=20", cwd=tmp_path), NOT_OURS)


@pytest.mark.parametrize("peer", [peers.silent, drips])
async def test_the_timeout_is_for_all_of_it(tmp_path: Path, peer: Peer) -> None:
    """A server that accepts and stays silent, or sends a byte now and then, cannot delay the check."""
    async with listening(peer) as other:
        result = await probe_port(other.port, "--timeout", "0.5", cwd=tmp_path)
    assert_not_healthy(result, "no answer within 0.5 s")


@pytest.mark.parametrize("peer", [peers.closes, peers.resets])
async def test_a_connection_that_breaks_is_not_healthy(tmp_path: Path, peer: Peer) -> None:
    """Whatever the kernel calls it."""
    async with listening(peer) as other:
        assert_not_healthy(await probe_port(other.port, "--timeout=20", cwd=tmp_path))


@pytest.mark.skipif(
    not shutil.which("unshare") or bool(subprocess.run([*NEW_MOUNTS, "true"], check=False).returncode),
    reason="this user may not make a mount namespace",
)
async def test_the_orchestrator_of_another_container_does_not_answer_for_us(project: Project) -> None:
    """Two of the same image in one task share the network: on the wrong port, each would be well by the other."""
    go(project)
    async with Orchestrator("serve", cwd=project.path, under=NEW_MOUNTS) as process:
        await process.event("server_started")
        assert_not_healthy(await probe(process), NOT_OURS)
        assert_not_healthy(await probe(process, "--live"), NOT_OURS)
        async with Orchestrator(
            "probe", env=process.env, cwd=project.path, under=("nsenter", f"--mount=/proc/{process.pid}/ns/mnt")
        ) as beside:
            assert await beside.exit_code() == 0


async def test_other_servers_do_not_learn_our_signature(project: Project) -> None:
    """Answers to load balancers reveal nothing about the container, for any request."""
    go(project)
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("server_started")
        for sent in ("", "x-orchestrator-probe: serving\r\n", "x-orchestrator-probe: mnt:[1]/a\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
            writer.write(f"GET /readyz HTTP/1.1\r\nHost: x\r\n{sent}Connection: close\r\n\r\n".encode())
            answer = (await reader.read()).lower()
            writer.close()
            assert b" 200 " in answer
            assert b"orchestrator" not in answer

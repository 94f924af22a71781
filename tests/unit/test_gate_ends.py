"""The end of the gate: what it hands over to the app, and what it answers before it closes."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from orchestrator.serving.gate import Handed
from tests.unit.gates import CLOSED, OpenGate, exchange, loop_errors, open_gate

STAYS = b"GET /livez HTTP/1.1\r\n\r\n"


@pytest.fixture
async def gate() -> AsyncIterator[OpenGate]:
    """Open a gate; it is closed at the end."""
    async with open_gate() as gate:
        yield gate


async def connected(gate: OpenGate, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection whose data, behind a request that was answered, has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(STAYS + data)
    await reader.readuntil(b'"alive"}')
    return reader, writer


async def test_a_half_sent_request_goes_to_the_app_with_its_first_bytes(gate: OpenGate) -> None:
    """Nothing of it is lost or reset."""
    handed = asyncio.Queue[Handed]()
    reader, writer = await connected(gate, b"GET /pl")
    gate.hand_over(handed.put_nowait)
    found = await handed.get()
    assert found.head == b"GET /pl"
    with found.socket:
        found.socket.send(b"from the app")
    assert await reader.read() == b"from the app"
    writer.close()


async def test_all_answers_are_sent_before_the_app_gets_the_connection() -> None:
    """A client that reads slowly loses none of them."""
    loop, handed = asyncio.get_running_loop(), asyncio.Queue[Handed]()
    async with open_gate(send_buffer=4096) as gate:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)  # noqa: FBT003  # the standard library's
            await loop.sock_connect(client, ("127.0.0.1", gate.port))
            await loop.sock_sendall(client, STAYS * 200)
            await exchange(gate.port, CLOSED)
            gate.hand_over(handed.put_nowait)
            reader, writer = await asyncio.open_connection(sock=client)
            found = await asyncio.wait_for(handed.get(), 10)
            found.socket.close()
            assert (await asyncio.wait_for(reader.read(), 10)).count(b'"alive"}') == 200
            writer.close()


@pytest.mark.parametrize("end", ["answered", "dropped"])
async def test_a_connection_that_ends_is_not_handed_over(gate: OpenGate, end: str) -> None:
    """After a refusal, the body of the refused request would be the app's next request."""
    body = b"POST / HTTP/1.1\r\nContent-Length: 39\r\n\r\n"
    reader, writer = await connected(gate, body if end == "answered" else b"")
    if end == "dropped":
        for each in gate.connections:
            each.drop()
    handed: list[Handed] = []
    gate.hand_over(handed.append)
    if end == "answered":
        writer.write(b"GET /secret HTTP/1.1\r\n")
    await reader.read()
    assert handed == []
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n"])
async def test_a_client_that_is_accepted_in_the_moment_of_the_handover_is_handed_over(
    gate: OpenGate, sent: bytes
) -> None:
    """Asyncio makes its connection one round later, and resets it if the server is closed by then."""
    handed = asyncio.get_running_loop().create_future()
    with socket.create_connection(("127.0.0.1", gate.port)) as client:
        client.sendall(sent)
        asyncio.get_running_loop().call_later(0.0, gate.hand_over, handed.set_result)  # in the round of the accept
        (connection, _) = await asyncio.wait_for(handed, 5)
        connection.close()


async def test_a_client_that_is_accepted_in_the_moment_of_the_end_is_not_reset(gate: OpenGate) -> None:
    """It sees the end of the connection, as every other client."""
    with socket.create_connection(("127.0.0.1", gate.port)) as client:
        client.setblocking(False)  # noqa: FBT003  # the standard library's
        loop, closing = asyncio.get_running_loop(), list[asyncio.Task[None]]()
        loop.call_later(0.0, lambda: closing.append(asyncio.ensure_future(gate.close())))  # in the round of the accept
        assert await asyncio.wait_for(loop.sock_recv(client, 1), 5) == b""
        await closing[0]


async def test_a_gate_that_closes_answers_the_requests_that_have_begun(
    gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle client is let go at once, and one that never ends its request after a while."""
    monkeypatch.setattr("orchestrator.serving.gate._CLOSING_SECONDS", 60)
    await exchange(gate.port, CLOSED)
    await gate.emptied.wait()  # before: that is over
    (idle, first), (begun, second) = await connected(gate, b""), await connected(gate, CLOSED[:20])
    with loop_errors() as errors:
        closing = asyncio.create_task(gate.close())
        assert await asyncio.wait_for(idle.read(), 10) == b""
        second.write(CLOSED[20:])
        assert b"HTTP/1.1 200" in await asyncio.wait_for(begun.read(), 10)
        second.close()
        await asyncio.wait_for(closing, 10)
    assert errors == []
    first.close()


async def test_a_gate_that_closes_does_not_wait_for_a_client_that_never_ends_its_request(
    gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program behind `run` needs the port."""
    monkeypatch.setattr("orchestrator.serving.gate._CLOSING_SECONDS", 0.05)
    reader, writer = await connected(gate, CLOSED[:20])
    await asyncio.wait_for(gate.close(), 10)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()

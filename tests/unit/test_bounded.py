"""The limits of a client's connection to the app, with both of uvicorn's protocols for HTTP/1.1."""

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest

from orchestrator.serving.limits import REQUEST_LINE_BYTES
from orchestrator.serving.uvicorn_server import UvicornServer
from tests.unit.gates import loop_errors
from tests.unit.uvicorns import empty, serving

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
LIMITS = "orchestrator.serving.bounded"
PROTOCOLS = pytest.mark.parametrize("http", ["httptools", "h11"])


async def told(port: int, data: bytes, more: bytes = b"") -> bytes:
    """Send data, and `more` after the first bytes of the answer; return all that comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(10):
        first = await reader.read(1)
        writer.write(more)
        rest = await reader.read()
    writer.close()
    return first + rest


async def accepted(server: UvicornServer) -> Any:
    """Return the server's side of the only connection."""
    while not server.server_state.connections:  # noqa: ASYNC110  # uvicorn reports no connection
        await asyncio.sleep(0)
    (protocol,) = server.server_state.connections
    return protocol


def let_its_time_be_up(protocol: Any) -> None:
    """Do what the loop does when the timer of a new connection ends."""
    timer, protocol._timer = protocol._timer, None  # noqa: SLF001
    timer.cancel()
    protocol._too_late(None)  # noqa: SLF001


@PROTOCOLS
async def test_a_client_that_sends_no_request_is_let_go(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that has sent one: its connection is idle, and a load balancer may still use it."""
    async with serving(empty, http=http) as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        let_its_time_be_up(await accepted(server))
        monkeypatch.setattr(f"{LIMITS}.HEAD_SECONDS", 0.05)
        assert await told(port, b"") == b""
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        assert b" 204 " in await asyncio.wait_for(reader.read(), 10)
        writer.close()


@PROTOCOLS
async def test_a_connection_may_be_dropped_unless_its_request_runs(http: str) -> None:
    """First one that never sent a request, then an idle one, then one whose request arrives slowly."""
    release = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await empty(scope, receive, send)

    async with serving(app, http=http) as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        protocol = await accepted(server)
        orders = [protocol.drop_order]
        for piece in (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", b"ab"):
            protocol.data_received(piece)
            orders.append(protocol.drop_order)
        release.set()
        await reader.readuntil(b"\r\n\r\n")
        assert [*orders, protocol.drop_order] == [0, 2, None, 1]
        writer.close()


@pytest.mark.parametrize("earlier", [b"", HEAD + b"\r\n"], ids=["first", "next"])
async def test_a_request_that_does_not_arrive_is_refused(earlier: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head behind another request gets its own time, and not what that one has left."""
    async with serving(empty, http="httptools") as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        protocol = await accepted(server)
        for piece in filter(None, (earlier, HEAD)):
            protocol.data_received(piece)
        monkeypatch.setattr(f"{LIMITS}.HEAD_SECONDS", 0.05)
        let_its_time_be_up(protocol)
        assert (protocol.transport.get_protocol() is protocol) is bool(earlier)
        assert b"HTTP/1.1 408 " in await asyncio.wait_for(reader.read(), 10)
        writer.close()


async def test_a_head_that_comes_long_after_the_last_request_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer of the connection is over by then."""
    async with serving(empty, http="httptools") as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        protocol = await accepted(server)
        protocol.data_received(HEAD + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        let_its_time_be_up(protocol)
        monkeypatch.setattr(f"{LIMITS}.HEAD_SECONDS", 0.05)
        protocol.data_received(HEAD)
        assert b"HTTP/1.1 408 " in await asyncio.wait_for(reader.read(), 10)
        writer.close()


TOO_LONG = b"GET /" + b"x" * REQUEST_LINE_BYTES


async def test_the_first_line_of_each_request_has_its_limit() -> None:
    """Also behind a request that came in pieces."""
    async with serving(empty, http="httptools") as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        protocol = await accepted(server)
        for piece in (HEAD, b"\r\n", TOO_LONG[:-10], TOO_LONG[-10:]):
            protocol.data_received(piece)
        assert b"HTTP/1.1 414 " in await asyncio.wait_for(reader.read(), 10)
        writer.close()


async def test_a_refused_client_knows_at_once_that_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still sends is discarded, so that it can read the refusal; it counts as a connection until its end."""
    monkeypatch.setattr(f"{LIMITS}.LINGER_SECONDS", 600)
    async with serving(empty, http="httptools") as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with loop_errors() as errors:
            writer.write(TOO_LONG)
            assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 414 ")
            writer.write(HEAD + b"\r\n")
            assert b" 204 " in await told(port, HEAD + b"Connection: close\r\n\r\n")
        assert (errors, [type(each).__name__ for each in server.server_state.connections]) == ([], ["_Lingering"])
        writer.close()
        while server.server_state.connections:  # noqa: ASYNC110  # uvicorn reports no end
            await asyncio.sleep(0)


@pytest.mark.parametrize("end", ["time", "stop"])
async def test_a_refused_client_that_stays_is_let_go(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, and at a stop at once."""
    monkeypatch.setattr(f"{LIMITS}.LINGER_SECONDS", 0.05 if end == "time" else 600)
    async with serving(empty, http="httptools", timeout_graceful_shutdown=60) as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(TOO_LONG)
        await asyncio.wait_for(reader.read(), 10)
        while end == "time" and server.server_state.connections:  # noqa: ASYNC110  # uvicorn reports no end
            await asyncio.sleep(0)
    writer.close()


@PROTOCOLS
async def test_a_connection_that_has_ended_is_forgotten(http: str) -> None:
    """Not when its time is up: thousands of clients a second would stay in memory for a minute."""
    async with serving(empty, http=http) as (server, port, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        connection = weakref.ref(await accepted(server))
        writer.close()
        while server.server_state.connections:  # noqa: ASYNC110  # uvicorn reports no end
            await asyncio.sleep(0)
        gc.collect()
        assert connection() is None


async def test_clients_queue_in_the_kernel_while_the_app_blocks_its_loop() -> None:
    """Beyond the queue they would be refused, or try again a second later."""
    async with serving(empty) as (_, port, _):
        clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]  # nobody accepts
        for each in clients:
            each.close()

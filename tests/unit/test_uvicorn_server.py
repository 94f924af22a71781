"""uvicorn as it runs inside: on a real port, in this process."""

import asyncio
import contextlib
import socket
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import uvicorn
import websockets.asyncio.client

from orchestrator.runtime.stop import Stop
from orchestrator.serving.app_server import AppServer
from orchestrator.serving.gate import Handed
from orchestrator.serving.limits import HEAD_BYTES
from orchestrator.settings.model import Settings
from tests.unit.uvicorns import empty, serving


async def test_of_the_requests_that_run_at_the_stop_the_cancelled_ones_are_known() -> None:
    """`server_drained` tells their number; a WebSocket is no request, and one that ended in time is not among them."""
    begun, release = asyncio.Queue[str](), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        begun.put_nowait(scope["path"])
        await (release.wait() if scope["path"] == "/late" else asyncio.Event().wait())
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with serving(app, timeout_graceful_shutdown=0.3) as (server, port, unfinished):
        websocket = await websockets.asyncio.client.connect(f"ws://127.0.0.1:{port}/socket")
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for path, (_, writer) in zip(("/late", "/never", "/nor"), clients, strict=True):
            writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        assert {await begun.get() for _ in range(4)} == {"/socket", "/late", "/never", "/nor"}
        assert not unfinished, "a request costs nothing before the stop"
        server.should_exit = True
        while not unfinished:  # noqa: ASYNC110  # uvicorn looks every 0.1 s, and reports nothing
            await asyncio.sleep(0)
        release.set()
    assert sorted(task.cancelling() for task in unfinished) == [0, 1, 1]
    await websocket.close()
    for _, writer in clients:
        writer.close()


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_body_may_be_longer_than_a_head_in_any_pieces(http: str) -> None:
    """Only the bytes of heads are counted, on a connection's first request and on later ones."""

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # of ASGI
        length = 0
        while True:
            message = await receive()
            length += len(message["body"])
            if not message["more_body"]:
                break
        body = b"%d" % length
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async with serving(app, http=http) as (_, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for size in (HEAD_BYTES * 3, 0, HEAD_BYTES * 2):
            head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
            for piece in (head[:20], head[20:], b"x" * size):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(str(size))) == str(size).encode()
        writer.close()


async def test_a_head_may_begin_in_the_same_piece_as_a_long_body_ends() -> None:
    """A client that pipelines got 431: the bytes of the body were counted as those of the head behind it."""
    lengths = asyncio.Queue[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # of ASGI
        message = {"more_body": True}
        length = 0
        while message["more_body"]:
            message = await receive()
            length += len(message["body"])
        lengths.put_nowait(length)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with serving(app, http="httptools") as (server, port, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        while not server.server_state.connections:  # noqa: ASYNC110  # uvicorn reports no connection
            await asyncio.sleep(0)
        (protocol,) = server.server_state.connections
        for piece in (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % HEAD_BYTES,
            b"x" * HEAD_BYTES + b"GE",
        ):
            protocol.data_received(piece)
        protocol.data_received(b"T / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [await lengths.get(), await lengths.get()] == [HEAD_BYTES, 0]
        writer.close()


@pytest.mark.parametrize("head", [b"", b"GET / HT"])
async def test_a_connection_that_comes_after_the_stop_began_is_closed(head: bytes) -> None:
    """Accepted or handed over in its moment: uvicorn waited for it as for a request, 20 s where 0.2 s is usual."""
    async with asyncio.timeout(10), serving(served) as (server, _, _):
        server.should_exit = True
        while server.servers[0].is_serving():  # noqa: ASYNC110  # uvicorn looks every 0.1 s, and reports nothing
            await asyncio.sleep(0)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003  # the standard library's
        adopting: Any = SimpleNamespace(_uvicorn=server, _config=server.config, _adopted=set())
        AppServer._adopt(adopting, Handed(theirs, head))  # noqa: SLF001  # its own thread calls it
        with ours:
            assert await asyncio.get_running_loop().sock_recv(ours, 1) == b""


async def test_a_half_sent_request_that_is_handed_over_is_answered_by_the_app() -> None:
    """The gate has read its first bytes, and nobody sends them again."""
    async with asyncio.timeout(10), serving(empty) as (server, _, _):
        ours, theirs = socket.socketpair()
        adopting: Any = SimpleNamespace(_uvicorn=server, _config=server.config, _adopted=set())
        AppServer._adopt(adopting, Handed(theirs, b"GET / HT"))  # noqa: SLF001  # its own thread calls it
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 204 " in await reader.read()
        writer.close()


@pytest.mark.parametrize(("given", "seconds"), [({}, 75), ({"UVICORN_TIMEOUT_KEEP_ALIVE": "61"}, 61)])
def test_an_idle_connection_is_kept_longer_than_a_load_balancer_keeps_it(
    given: dict[str, str], seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ALB reuses it for 60 s: with uvicorn's own 5 s, it would send requests into closed connections (502)."""
    monkeypatch.delenv("UVICORN_TIMEOUT_KEEP_ALIVE", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with patch.object(uvicorn.Config, "__init__", side_effect=InterruptedError) as made:
        server = AppServer(Settings(app="tests.unit.test_uvicorn_server:served"), _ANSWERS, _UNUSED, Stop())
        with contextlib.suppress(Exception):
            server.load()
        server.close()
    assert made.call_args.kwargs["timeout_keep_alive"] == seconds


async def served(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing: it is only loaded."""


_ANSWERS: Any = None
_UNUSED: Any = None

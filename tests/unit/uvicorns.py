"""uvicorn on a real port, in the loop of the test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import patch

import uvicorn

from orchestrator.runtime.stop import Stop
from orchestrator.serving.bounded import bounded
from orchestrator.serving.limits import Connections
from orchestrator.serving.uvicorn_server import UvicornServer

App = Callable[..., Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(app: App, **options: Any) -> AsyncIterator[tuple[UvicornServer, int, set[asyncio.Task[Any]]]]:
    """Serve the app; yield the server, its port, and the set of unfinished requests. It stops at the end."""
    listening, unfinished = asyncio.Event(), set[asyncio.Task[Any]]()
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **options)
    config.load()
    config.http_protocol_class = bounded(config.http_protocol_class)
    server = UvicornServer(config, Stop(), listening.set, unfinished)
    server.server_state.connections = Connections()  # type: ignore[assignment]  # as AppServer does
    with socket.create_server(("127.0.0.1", 0)) as listener, patch.object(Stop, "answer_with"):
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await listening.wait()
        yield server, listener.getsockname()[1], unfinished
        server.should_exit = True
        await running


async def empty(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # of ASGI
    """Answer each request without a body."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})

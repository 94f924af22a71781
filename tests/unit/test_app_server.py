"""The app's server as the supervisor uses it: in a thread of its own here, on a real port."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from orchestrator.errors import StartupError
from orchestrator.runtime.stop import Stop
from orchestrator.serving.answers import Answers
from orchestrator.serving.app_server import AppServer
from orchestrator.serving.limits import ACCEPTED_AT_ONCE
from orchestrator.settings.model import Settings
from tests.unit.told import Told

LEFT: list[asyncio.Task[Any]] = []
BEGUN = threading.Event()


async def leaving(scope: Any, receive: Any, send: Any) -> None:
    """Leave a task behind."""
    if scope["type"] == "lifespan":
        await receive()
        LEFT.append(asyncio.create_task(asyncio.Event().wait()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def hanging(scope: Any, receive: Any, send: Any) -> None:
    """Answer no request."""
    if scope["type"] == "lifespan":
        await leaving(scope, receive, send)
    else:
        BEGUN.set()
        await asyncio.Event().wait()


async def failing(_scope: Any, receive: Any, send: Any) -> None:
    """Fail in the lifespan, as Starlette does it."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "Traceback ..."})
    raise RuntimeError("no cache")


def factory() -> Any:
    """Return an app."""
    return leaving


def loaded(name: str, **settings: Any) -> AppServer:
    """Return the server of an app of this module."""
    told, given = Told(), Settings(app=f"{__name__}:{name}", **settings)
    server = AppServer(given, Answers.of(given, told.status), told, Stop())
    try:
        server.load()
    except BaseException:
        server.close()
        raise
    return server


@contextlib.contextmanager
def serving(server: AppServer) -> Iterator[int]:
    """Serve in another thread; yield the port. It is stopped at the end."""
    listening = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, patch.object(Stop, "answer_with"):
        thread = threading.Thread(target=server.serve, args=(listener, listening.set))
        thread.start()
        assert listening.wait(10)
        yield listener.getsockname()[1]
        server.request_stop(10)
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize(("name", "settings"), [("leaving", {}), ("factory", {"app_factory": True})])
def test_what_the_app_has_left_in_its_loop_is_ended(name: str, settings: dict[str, Any]) -> None:
    """Its `finally` blocks run, and nothing of it stays behind; what is called too late does no harm."""
    LEFT.clear()
    server = loaded(name, **settings)
    with serving(server):
        pass
    assert [each.cancelled() for each in LEFT] == [True]
    server.request_stop(1)
    server.cancel()
    nothing: Any = None
    server.adopt(nothing)


def test_a_failed_lifespan_is_told_with_its_cause() -> None:
    """Uvicorn only logs it, and its exit code explains nothing."""
    server = loaded("failing")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        patch.object(Stop, "answer_with"),
        pytest.raises(StartupError) as failed,
    ):
        server.serve(listener, lambda: None)
    assert "its lifespan failed: RuntimeError: no cache" in failed.value.failure.message


@pytest.mark.parametrize("name", ["LEFT", "missing"])
def test_what_is_no_app_is_refused_when_it_is_imported(name: str) -> None:
    """Uvicorn would take any object for an app of ASGI 2, and fail at the first request."""
    with pytest.raises(StartupError):
        loaded(name)


@pytest.mark.parametrize(("own", "seconds"), [(None, 20), (5, 5), (60, 20)])
def test_requests_get_the_time_of_uvicorns_option_within_the_budget(own: int | None, seconds: float) -> None:
    """UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN may be shorter than what the shutdown budget leaves."""
    config = SimpleNamespace(timeout_graceful_shutdown=own)
    server: Any = SimpleNamespace(_config=config, _uvicorn=SimpleNamespace(handle_exit=None), _in_loop=lambda *_: None)
    AppServer.request_stop(server, 20)
    assert config.timeout_graceful_shutdown == seconds


def test_a_stop_in_a_hurry_does_not_wait_for_requests() -> None:
    """Though they were given ten minutes before."""
    server = loaded("hanging")
    with serving(server) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert BEGUN.wait(10)
        server.request_stop(600)
        server.force_stop()
    assert server.requests_cancelled == 1


def test_a_stop_is_told_to_libraries_that_wait_for_it() -> None:
    """They replace the method of uvicorn's server that a signal would call, and end their streams in it."""
    server, heard = loaded("leaving"), list[int]()
    with serving(server):
        handle = server._uvicorn.handle_exit  # noqa: SLF001  # as sse-starlette

        def replaced(number: int, frame: FrameType | None) -> None:
            heard.append(number)
            handle(number, frame)

        server._uvicorn.handle_exit = replaced  # type: ignore[method-assign, assignment]  # noqa: SLF001
    assert heard == [signal.SIGTERM]


def test_probes_are_answered_if_uvicorn_puts_a_prefix_before_each_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """UVICORN_ROOT_PATH is for the app's links; the load balancer asks as ever."""
    monkeypatch.setenv("UVICORN_ROOT_PATH", "/api")
    with serving(loaded("leaving")) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("option", "level", "logged"), [("", 0, True), ("", 30, False), ("false", 0, False), ("true", 20, True)]
)
def test_requests_are_logged_as_uvicorn_would(
    option: str,
    level: int,
    logged: bool,  # noqa: FBT001  # a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its option, and by the level that the app gave its access logger."""
    monkeypatch.setenv("UVICORN_ACCESS_LOG", option)
    access = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(logging.root, "level", logging.INFO)
    access.setLevel(level)
    try:
        server = loaded("leaving")
        server.close()
        assert (server._app._request == server._app._logged) is logged  # noqa: SLF001
    finally:
        access.setLevel(logging.NOTSET)


def test_its_server_accepts_clients_one_by_one_as_the_gate() -> None:
    """Many in a row would use up the descriptors before one of them takes the place of an idle one."""
    server = loaded("leaving")
    server.close()
    assert server._config.backlog == ACCEPTED_AT_ONCE  # noqa: SLF001  # asyncio takes the number from there

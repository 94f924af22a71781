"""The port of `serve`: how it is opened, and how it stops whatever the app does."""

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from orchestrator.errors import StartupError
from orchestrator.runtime.stop import Stop
from orchestrator.serving.server import Port, bind
from orchestrator.settings.model import Settings
from tests.servers.ports import free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Open the port of the settings; it is closed at the end."""
    with bind(Settings(port=free_port())) as listener:
        yield listener


def test_a_port_whose_last_connections_still_end_is_opened(listener: socket.socket) -> None:
    """The kernel keeps them for a minute (TIME_WAIT), in which a service could not be started again."""
    listener.setblocking(True)  # noqa: FBT003  # the standard library's
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        listener.accept()[0].close()  # the side that closes first is the one that waits
        assert client.recv(1) == b""
    listener.close()
    bind(Settings(port=port)).close()


def test_clients_queue_in_the_kernel_before_anything_accepts_them(listener: socket.socket) -> None:
    """Beyond the queue they would be refused, or try again a second later."""
    clients = [socket.create_connection(listener.getsockname(), timeout=10) for _ in range(20)]
    for each in clients:
        each.close()


def test_a_port_that_this_user_may_not_open_is_answered_with_another_one() -> None:
    """Images run as a user of their own, and 80 is what a newcomer sets."""
    refused = PermissionError(errno.EACCES, "Permission denied")
    with patch.object(socket.socket, "bind", side_effect=refused), pytest.raises(StartupError) as failed:
        bind(Settings(port=80))
    assert "below 1024. Set PORT" in str(failed.value.failure.hint)


class Hanging:
    """An app that does not stop, and whose lifespan ends only when it is cancelled."""

    requests_cancelled = 3

    def __init__(self) -> None:
        self.told: list[str] = []
        self.graceful_seconds = -1.0
        self.serving = asyncio.get_running_loop().create_future()
        self.asked = asyncio.Event()

    def request_stop(self, graceful_seconds: float) -> None:
        """As the app's server."""
        self.told.append("stop")
        self.graceful_seconds = graceful_seconds
        self.asked.set()

    def force_stop(self) -> None:
        """As the app's server."""
        self.told.append("force")

    def cancel(self) -> None:
        """As the app's server."""
        self.told.append("cancel")
        self.serving.set_result(None)


def stopping(listener: socket.socket, budget_seconds: float) -> tuple[Hanging, Stop, asyncio.Task[int]]:
    """Return an app that serves, a stop that was requested, and the port that stops."""
    stop, app = Stop(), Hanging()
    nothing: Any = None
    port = Port(listener, nothing, nothing)
    vars(port).update(_app=app, _serving=app.serving, _gate=None)
    stop.budget_seconds = budget_seconds
    stop.request("SIGTERM")
    return app, stop, asyncio.ensure_future(port.stop(stop))


async def test_an_app_that_hangs_is_forced_and_then_cancelled_within_the_budget(listener: socket.socket) -> None:
    """Requests get four fifths of it, and a tenth is kept to force the end: the last events need their time."""
    began = time.monotonic()
    app, _, stopped = stopping(listener, 1.0)
    assert await asyncio.wait_for(stopped, 20) == 3
    assert app.told == ["stop", "force", "cancel"]
    assert app.graceful_seconds <= 0.8
    assert time.monotonic() - began >= 0.85, "its requests had not their time"


async def test_the_second_signal_forces_an_app_that_hangs_at_once(listener: socket.socket) -> None:
    """And not the first one, however late the port hears of that."""
    app, stop, stopped = stopping(listener, 600)
    await app.asked.wait()
    await asyncio.sleep(0.05)  # in which the first one is heard
    assert app.told == ["stop"]
    stop.request("SIGTERM")
    assert await asyncio.wait_for(stopped, 20) == 3
    assert app.told == ["stop", "force", "cancel"]

"""The port of `serve`, as the supervisor uses it: open from `open` to `stop`, first for the gate, then for the app."""

import asyncio
import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BindFailed, StartupError
from orchestrator.events import Emit
from orchestrator.runtime.concurrency import in_main_thread
from orchestrator.runtime.forks import not_in_forks
from orchestrator.runtime.stop import Stop
from orchestrator.serving.answers import Answers
from orchestrator.serving.gate import Gate
from orchestrator.serving.limits import backlog
from orchestrator.settings import uvicorn_options
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from orchestrator.serving.app_server import AppServer

_KEPT_FOR_LIFESPAN = 0.2  # of the shutdown budget
_KEPT_FOR_FORCING = 0.1  # of it
_KEPT_FOR_LAST_EVENTS = 0.05  # of it
_FORCED_SECONDS = 0.5
_NOTICED_SECONDS = 0.3  # uvicorn looks every 0.1 s


def bind(settings: Settings) -> socket.socket:
    """Return a socket that already listens: clients queue in its backlog until the loop accepts them.

    Raises:
        StartupError: with BindFailed: the port is taken or not allowed, or the host is not an address of this machine.
    """
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(backlog())
            listener.setblocking(False)  # noqa: FBT003  # the standard library's
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        failure = BindFailed(
            error_type="bind_failed",
            error_code=error.errno or "",
            error_message=error.strerror or str(error),
            hint=_hint(error, settings),
            host=host,
            port=port,
        )
        raise StartupError(failure) from None
    return not_in_forks(listener)


def _hint(error: OSError, settings: Settings) -> str:
    """Return what to do; it names the variables in which the port and the host are."""
    port, host = (uvicorn_options.variable(name, os.environ) for name in ("port", "host"))
    if "port" not in settings.fields_set:
        port = f"{port} (it is not set: {settings.port} is its default)"
    if error.errno == errno.EACCES:
        return f"This user may not listen on ports below 1024. Set {port} to another one, such as 8000."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"This machine does not have the address in {host}: 0.0.0.0 stands for all it has."
    return f"End the process that uses the port, or change {port}."


async def open_port(settings: Settings, answers: Answers, emit: Emit) -> "Port":
    """Open the port of the settings, and answer on it.

    Raises:
        StartupError: with BindFailed, as `bind`.
    """
    port = Port(bind(settings), answers, emit)
    await port.open()
    return port


class Port:
    """A listening socket. The program that answers on it changes; no connection is refused or reset by that."""

    def __init__(self, listener: socket.socket, answers: Answers, emit: Emit) -> None:
        self.listener, self.answers = listener, answers
        self._gate: Gate | None = Gate(listener, answers, emit)
        self._app: AppServer | None = None
        self._serving: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Answer probes, and refuse other requests."""
        assert self._gate  # noqa: S101  # it is given away later
        await self._gate.open()

    async def close_gate(self) -> None:
        """Close the gate, if it is still open."""
        if self._gate:
            await self._gate.close()
            self._gate = None

    async def hand_over(self, app: "AppServer") -> None:
        """Start the app's lifespan, then give the port to the app.

        Raises:
            StartupError: with AppFailed: the lifespan failed.
        """
        loop, listening = asyncio.get_running_loop(), asyncio.Event()
        self._app = app

        def listens() -> None:
            loop.call_soon_threadsafe(listening.set)

        def serve() -> None:
            app.serve(self.listener, listens)

        self._serving = asyncio.ensure_future(in_main_thread(serve, name="server", context=app.context))
        waiting = asyncio.ensure_future(listening.wait())
        either: set[asyncio.Future[Any]] = {self._serving, waiting}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            self._serving.result()
            raise RuntimeError("uvicorn ended before it listened")
        assert self._gate  # noqa: S101  # see `open`
        self._gate.hand_over(app.adopt)
        self._gate = None

    async def ended(self) -> None:
        """Wait until the app's server ends by itself, for example after UVICORN_LIMIT_MAX_REQUESTS."""
        assert self._serving  # noqa: S101  # it serves
        await asyncio.shield(self._serving)

    async def stop(self, stop: Stop) -> int:
        """Close the listener, let running requests finish, end the lifespan; return how many requests were cancelled.

        Takes no longer than the shutdown budget. Requests get the rest of it, less a fifth for the lifespan.
        """
        if not (self._app and self._serving):
            await self.close_gate()
            self.listener.close()
            return 0
        if self._gate:  # the lifespan was starting
            self._app.cancel()
            await self.close_gate()
        else:
            self._app.request_stop(stop.remaining_seconds(keep=_KEPT_FOR_LIFESPAN))
        if not await self._ends_unless_hurried(self._serving, stop):
            await self._force(self._app, self._serving, stop)
        return self._app.requests_cancelled

    async def _ends_unless_hurried(self, serving: asyncio.Future[None], stop: Stop) -> bool:
        hurried = stop.watch()
        hurried.clear()
        hurry = asyncio.ensure_future(hurried.wait())
        left = stop.remaining_seconds(keep=_KEPT_FOR_FORCING)
        either: set[asyncio.Future[Any]] = {serving, hurry}
        await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        return serving.done()

    async def _force(self, app: "AppServer", serving: asyncio.Future[None], stop: Stop) -> None:
        app.force_stop()
        await asyncio.wait({serving}, timeout=_NOTICED_SECONDS if stop.hurry else 0)
        app.cancel()
        left = _FORCED_SECONDS if stop.hurry else stop.remaining_seconds(keep=_KEPT_FOR_LAST_EVENTS)
        await asyncio.wait({serving}, timeout=left)

    async def abort(self) -> None:
        """Close the port now, because the start failed."""
        if self._app and self._serving and not self._serving.done():
            self._app.cancel()
            await asyncio.wait({self._serving}, timeout=3)
        with contextlib.suppress(OSError):
            await self.close_gate()
        self.listener.close()

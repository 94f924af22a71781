"""uvicorn in this loop: one server on one port from the first moment to the last, and the app's lifespan.

Signals are not its business: stock `serve()` re-raises them inside itself, so that code after it does not run, and as
process 1 behaves differently again. Hence `capture_signals` does nothing here, and `should_exit` is set by us.
"""

import asyncio
import contextlib
import contextvars
import socket
from collections.abc import Iterator
from typing import Any, NoReturn

import uvicorn

from orchestrator.errors import AppFailed, BindFailed, StartupError
from orchestrator.gate import ASGIApp, Gate
from orchestrator.settings import Settings
from orchestrator.stop import Stop

BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens already: clients queue in its backlog until the loop accepts them.

    Raises:
        StartupError: with BindFailed: the port is taken or not allowed, or the host is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        failure = BindFailed(
            error_type="bind_failed",
            error_code=error.errno or "",
            error_message=error.strerror or str(error),
            host=host,
            port=port,
        )
        raise StartupError(failure) from None
    return listener


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, but for its signals; `listening` is set when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when connections are accepted."""
        await super().startup(sockets)
        self.listening.set()


class Server:
    """The port: open from `start` to `stop`, first for the gate, then for the app."""

    def __init__(self, listener: socket.socket, gate: Gate) -> None:
        self._listener, self._gate = listener, gate
        config = uvicorn.Config(
            gate,
            interface="asgi3",
            lifespan="off",  # the app's own is run by `take_over`
            log_config=None,
            access_log=False,  # the gate reports requests, with their durations
            proxy_headers=False,  # done once, around the app
        )
        self._uvicorn = _Uvicorn(config)

    async def start(self) -> None:
        """Accept connections; requests of this server inherit no context of ours."""
        self._task = asyncio.get_running_loop().create_task(
            self._uvicorn.serve(sockets=[self._listener]), context=contextvars.Context(), name="server"
        )
        await self._uvicorn.listening.wait()

    async def take_over(self, app: "LoadedApp") -> None:
        """Start the app's lifespan, then let it answer.

        Raises:
            StartupError: with AppFailed: its lifespan failed.
        """
        lifespan = app.config.lifespan_class(app.config)
        await lifespan.startup()
        if lifespan.should_exit:
            raise StartupError(app_failed(app.name, "its lifespan failed", app.lifespan_error), app.lifespan_error)
        # Requests get a copy of the state that their connection was made with.
        self._uvicorn.lifespan.state.update(lifespan.state)
        lifespan.state = self._uvicorn.lifespan.state
        self._uvicorn.lifespan = lifespan
        self._gate.open_for(app.asgi)

    async def ended(self) -> NoReturn:
        """Wait for an end that nobody asked for, and raise it."""
        await asyncio.shield(self._task)
        raise RuntimeError("the server ended by itself")

    async def stop(self, stop: Stop) -> int:
        """Close the listener, let requests in flight finish, end the lifespan; returns how many were cancelled.

        Takes no longer than the shutdown budget allows. Requests get what is left of it, less a fifth for the lifespan.
        """
        self._uvicorn.config.timeout_graceful_shutdown = stop.remaining_seconds(keep=0.2)  # type: ignore[assignment]  # any number does
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = stop.hurry
        hurried = stop.watch()
        hurried.clear()
        hurry = asyncio.create_task(hurried.wait())
        await asyncio.wait(
            {self._task, hurry},
            timeout=stop.remaining_seconds(keep=0.05),
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurry.cancel()
        if not self._task.done():
            self._uvicorn.force_exit = True
            await asyncio.wait({self._task}, timeout=0.5)
        return self._gate.requests_cancelled

    async def abort(self) -> None:
        """Close the port now: the start failed."""
        self._uvicorn.config.timeout_graceful_shutdown = 1
        self._uvicorn.should_exit = True
        await asyncio.wait({self._task}, timeout=3)


class LoadedApp:
    """The user's app, imported and wrapped as uvicorn would wrap it.

    Attributes:
        name: the import string.
        asgi: the app to call for requests.
        config: uvicorn's configuration for its lifespan.
        lifespan_error: what the lifespan raised, if it did.
    """

    def __init__(self, name: str, app: Any) -> None:
        self.name = name
        self.lifespan_error: BaseException | None = None
        self.config = uvicorn.Config(app, lifespan="on", log_config=None)
        self.config.load()
        self.asgi: ASGIApp = self.config.loaded_app
        self.config.loaded_app = self._remembering

    async def _remembering(self, scope: Any, receive: Any, send: Any) -> None:
        """Uvicorn logs what the lifespan raises and forgets it; the event needs it."""
        try:
            await self.asgi(scope, receive, send)
        except BaseException as error:
            self.lifespan_error = error
            raise


def load_app(settings: Settings) -> LoadedApp:
    """Import the app, in a thread, with all that serving it will need.

    Raises:
        StartupError: with AppFailed, whatever the import or the factory raised.
    """
    try:
        return LoadedApp(settings.app, _imported(settings))
    except (Exception, SystemExit) as error:
        raise StartupError(app_failed(settings.app, "it cannot be imported", error), error) from error


def _imported(settings: Settings) -> Any:
    from uvicorn.importer import import_from_string

    app = import_from_string(settings.app)
    if settings.app_factory:
        app = app()
    if not callable(app):
        raise TypeError(f"{settings.app} is not callable, so it is no ASGI app; is it a factory's result?")
    return app


def app_failed(name: str, what: str, error: BaseException | None) -> AppFailed:
    """The failure for an app that does not start."""
    cause = f"{what}: {type(error).__name__}: {error}" if error else what
    return AppFailed(error_type="app_failed", error_message=" ".join(cause.split())[:1000], app=name)

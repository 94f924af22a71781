"""The user's app, imported and served by uvicorn in the main thread, as under the command `uvicorn`."""

import asyncio
import contextlib
import contextvars
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import uvicorn
from uvicorn.importer import import_from_string

from orchestrator.app.importing import app_failed, hint_for, loop_factory, was_not_found
from orchestrator.errors import StartupError
from orchestrator.events import Emit
from orchestrator.runtime import import_path
from orchestrator.runtime.concurrency import SupervisorEnded
from orchestrator.runtime.stop import Stop
from orchestrator.serving.answers import Answers
from orchestrator.serving.bounded import bounded
from orchestrator.serving.gate import Handed
from orchestrator.serving.limits import ACCEPTED_AT_ONCE
from orchestrator.serving.probed import ProbedApp, warn_of_hidden_routes
from orchestrator.serving.uvicorn_server import UvicornServer
from orchestrator.settings import uvicorn_options
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
# Newer versions of the `uvicorn` command import the app before the loop runs, older ones inside the running loop. We do
# the same.
_IMPORTED_IN_LOOP = not hasattr(uvicorn.Config, "load_app")


class AppServer:
    """Imports the app, then serves it. Methods run in the main thread unless they name another.

    Attributes:
        context: the context variables for the app's import and requests, without ours.
    """

    def __init__(self, settings: Settings, answers: Answers, emit: Emit, stop: Stop) -> None:
        self._settings, self._answers, self._emit, self._stop = settings, answers, emit, stop
        self.context = contextvars.Context()
        self._options = uvicorn_options.config(os.environ)
        self._runner: asyncio.Runner | None = None
        self._directory: Path | None = None  # where its import has left it
        self._adopted: set[asyncio.Task[Any]] = set()
        self._unfinished: set[asyncio.Task[Any]] = set()  # requests that ran when the stop began

    def load(self) -> None:
        """Import the app, with everything that serving it needs.

        Raises:
            StartupError: with AppFailed, for any error of the import, the factory or uvicorn's configuration.
        """
        with self._failing_as("uvicorn cannot serve it"):
            self._runner = asyncio.Runner(loop_factory=loop_factory(self._options.get("loop", "auto")))
        with self._failing_as("it cannot be imported"):
            app = self._run(self._imported_in_loop()) if _IMPORTED_IN_LOOP else self._imported()
        with self._failing_as("uvicorn cannot serve it"):
            self._run(self._configure(app))
        self._directory = import_path.working_directory()

    def serve(self, listener: socket.socket, listening: Callable[[], None]) -> None:
        """Start the app's lifespan, accept on `listener`, call `listening`; return after the server has stopped.

        Raises:
            StartupError: with AppFailed: the lifespan failed.
        """
        import_path.enter(self._directory)
        self._uvicorn = UvicornServer(self._config, self._stop, listening, self._unfinished)
        self._uvicorn.server_state.connections = self._app.connections  # type: ignore[assignment]  # a bounded set
        try:
            self._run(self._uvicorn.serve(sockets=[listener]))
        except SystemExit as error:  # uvicorn's way to report a failed start
            cause = self._app.lifespan_error or error
            raise StartupError(app_failed(self._settings.app, "its lifespan failed", cause), cause) from error
        except asyncio.CancelledError:  # raised by `cancel`
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End the tasks that the app has left in its loop, and close the loop."""
        if self._runner:
            self._runner.close()

    @property
    def requests_cancelled(self) -> int:
        """Return how many requests did not finish in time."""
        return sum(request.cancelling() > 0 for request in self._unfinished)

    # ------------------------------------------------------------ called from the supervisor's thread

    def adopt(self, handed: Handed) -> None:
        """Serve a connection that the gate has accepted."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._uvicorn.loop.call_soon_threadsafe(self._adopt, handed)

    def request_stop(self, graceful_seconds: float) -> None:
        """Stop accepting connections, give running requests `graceful_seconds` to finish, then end the lifespan."""
        own = self._config.timeout_graceful_shutdown
        within = graceful_seconds if own is None else min(own, graceful_seconds)
        self._config.timeout_graceful_shutdown = within  # type: ignore[assignment]  # any number does
        # Libraries replace `handle_exit` to learn of the stop, and then end their streams.
        self._in_loop(self._uvicorn.handle_exit, signal.SIGTERM, None)

    def force_stop(self) -> None:
        """Stop without waiting for requests any longer."""
        self._uvicorn.force_exit = True

    def cancel(self) -> None:
        """Cancel the lifespan, at any point of it."""
        if self._uvicorn.task:
            self._in_loop(self._uvicorn.task.cancel)

    def _in_loop(self, function: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError, AttributeError):  # the loop is closed, or does not run yet
            self._uvicorn.loop.call_soon_threadsafe(function, *arguments)

    # ------------------------------------------------------------ helpers

    @contextlib.contextmanager
    def _failing_as(self, what: str) -> Iterator[None]:
        try:
            yield
        except SupervisorEnded:
            raise
        except BaseException as error:
            hint = hint_for(self._settings, error)
            failure = app_failed(self._settings.app, what, error, hint)
            raise StartupError(failure, None if was_not_found(self._settings, error) else error) from error

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._runner  # noqa: S101  # made by `load`
        return self._runner.run(work)

    async def _imported_in_loop(self) -> Any:
        return self._imported()

    def _imported(self) -> Any:
        app = import_from_string(self._settings.app)
        if not callable(app):  # uvicorn would take it for an ASGI 2 app
            raise TypeError(f"{self._settings.app} is not callable, so it is no ASGI app; is it a factory's result?")
        return app

    async def _configure(self, app: Any) -> None:
        self._config = config = uvicorn.Config(
            app,
            factory=self._settings.app_factory,
            log_config=None,
            access_log=False,  # our `request` events replace it, and add the duration
            workers=1,
            **{**self._options, "backlog": ACCEPTED_AT_ONCE},
        )
        config.load()
        self.imported = config.loaded_app
        warn_of_hidden_routes(config.loaded_app, self._settings)
        config.http_protocol_class = bounded(config.http_protocol_class)
        self._app = ProbedApp(
            config.loaded_app, self._answers, self._emit, root_path=config.root_path, access_log=self._logs_requests()
        )
        config.loaded_app = self._app.handle

    def _logs_requests(self) -> bool:
        """Return whether uvicorn would log requests: by its option, and by the level of its access logger."""
        wanted = uvicorn_options.given(os.environ).get("access_log", True)
        return bool(wanted) and logging.getLogger("uvicorn.access").isEnabledFor(logging.INFO)

    def _adopt(self, handed: Handed) -> None:
        server, config = self._uvicorn, self._config

        def resumed() -> asyncio.Protocol:
            protocol = config.http_protocol_class(  # as in `uvicorn.Server.startup`
                config=config,  # type: ignore[call-arg]
                server_state=server.server_state,
                app_state=server.lifespan.state,
            )
            made = protocol.connection_made

            def connection_made(transport: asyncio.BaseTransport) -> None:
                made(transport)
                if handed.head:  # first, before all other data
                    protocol.data_received(handed.head)

            protocol.connection_made = connection_made  # type: ignore[method-assign]
            return protocol

        task = server.loop.create_task(server.loop.connect_accepted_socket(resumed, handed.socket))
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)

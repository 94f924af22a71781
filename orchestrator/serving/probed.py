"""The app as the port serves it: with the probes, and with a `request` event for each response."""

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from orchestrator.events import Emit, Request
from orchestrator.log import access
from orchestrator.serving.answers import Answer, Answers, answer
from orchestrator.serving.limits import Connections
from orchestrator.serving.trace import trace_id
from orchestrator.settings.model import Settings

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


class LifespanError(Exception):
    """What an app says that reports a failed start, and raises nothing."""


class ProbedApp:
    """An ASGI app around the user's app.

    Attributes:
        connections: The server's connections; if there are too many, only probes are answered.
        lifespan_error: The exception that its lifespan raised, or a `LifespanError`, if any.

    Args:
        app: The user's app, as wrapped by uvicorn.
        root_path: The prefix that uvicorn puts before each path.
        access_log: Whether to write an event for each request.
    """

    def __init__(self, app: ASGIApp, answers: Answers, emit: Emit, *, root_path: str, access_log: bool) -> None:
        self._app, self._emit = app, emit
        self._request = self._logged if access_log else app
        self.connections: Connections[Any] = Connections()
        self._probes = {prefix + path: each for path, each in answers.probes.items() for prefix in ("", root_path)}
        self.lifespan_error: BaseException | None = None

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one scope, as an ASGI app does.

        Every request passes here: a coroutine, or an object that is called, would cost each of them 0.5 % more.
        """
        if probe := self._probes.get(scope.get("path", "")):
            return _send(probe(scope["headers"]), scope, send)
        if self.connections.full:
            return _send(_TOO_MANY, scope, send)
        kind = scope["type"]
        if kind == "http":
            return self._request(scope, receive, send)
        return self._lifespan(scope, receive, send) if kind == "lifespan" else self._app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan and keep its exception: uvicorn only logs it, and the failure's event needs it."""

        def watched(message: Any) -> Awaitable[None]:
            if message["type"] == "lifespan.startup.failed" and message.get("message"):
                self.lifespan_error = LifespanError(message["message"])
            return send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as error:
            self.lifespan_error = error
            raise

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request, then write its event."""
        began, status = time.perf_counter(), 500  # uvicorn's response if the app raises

        def watched(message: Any) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if access.is_told(scope, status):
                self._report(_fields(scope, status, time.perf_counter() - began))

    def _report(self, fields: dict[str, Any]) -> None:
        if not access.write(fields):
            self._emit(Request(**fields))


_TOO_MANY = answer(503, b"text/plain", b"Too many connections are open.", [(b"connection", b"close")])


def _fields(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    """Return the fields of the `request` event, in its order."""
    client = scope.get("client")
    return {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "duration_seconds": round(seconds, 6),
        "client": client[0] if client else "",
        "trace_id": trace_id(scope["headers"]),
    }


async def _send(found: Answer, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": found.status, "headers": found.headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else found.body})


# ---------------------------------------------------------------- routes that a probe hides

_logger = logging.getLogger(__name__)
_DEEPEST = 20  # ASGI middlewares around the app
_HIDDEN = (
    "The app has a route %s, but that path is a probe of orchestrator, which answers it. Set %s to another path, or to"
    " nothing: then the app answers, from the moment it serves."
)


def warn_of_hidden_routes(app: Any, settings: Settings) -> None:
    """Write a warning for each route of the app that a probe answers, unless the probe's path was chosen.

    The app may be wrapped in ASGI middlewares; it has `routes` if it is made with FastAPI, Starlette or Litestar.
    """
    with contextlib.suppress(Exception):  # somebody else's attributes
        paths = set(_paths(app))
        for field in ("live_path", "ready_path", "startup_path"):
            if (path := getattr(settings, field)) in paths and field not in settings.fields_set:
                _logger.warning(_HIDDEN, path, settings.fields[field].name)


def _paths(app: Any) -> Iterator[str]:
    for _ in range(_DEEPEST):
        if routes := getattr(app, "routes", None):
            yield from (path for route in routes if isinstance(path := getattr(route, "path", None), str))
            return
        app = getattr(app, "app", None)

"""What the port answers: the probes for the whole life, and everything else until the app does.

One ASGI app from the first moment to the last. Opening it replaces one attribute, so the app takes the port over
without a listener being closed: there is nothing that could refuse or reset a connection, and connections made before
the switch simply get the app's answers after it.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from orchestrator import probe
from orchestrator.events import Emit, Request
from orchestrator.status import Status

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Header = tuple[bytes, bytes]

RETRY_AFTER_SECONDS = 5
_SIGNATURE = probe.HEADER.encode()
_REQUESTS = logging.getLogger("orchestrator.request")


class Gate:
    """The ASGI app that uvicorn serves."""

    def __init__(self, status: Status, emit: Emit, live_path: str, ready_path: str, startup_path: str) -> None:
        self._status = status
        self._emit = emit
        self._container = probe.container().encode()
        probes = {live_path: self._live, ready_path: self._ready, startup_path: self._startup}
        self._probes: dict[str, ASGIApp] = {path: answers for path, answers in probes.items() if path}
        self._app: ASGIApp = self._logged(self._not_yet)
        self.requests_cancelled = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Not a coroutine itself: that would cost each request of the app one more."""
        return self._probes.get(scope.get("path", ""), self._app)(scope, receive, send)

    def open_for(self, app: ASGIApp) -> None:
        """From now on `app` answers."""
        self._app = self._logged(app)

    # ------------------------------------------------------------ probes

    async def _live(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(scope, send, 200, {"status": "alive"}, self._signature(scope))

    async def _ready(self, scope: Scope, _receive: Receive, send: Send) -> None:
        ready = self._status.state == "serving"
        content = {"status": "ready" if ready else self._status.state}
        await answer_json(scope, send, 200 if ready else 503, content, self._signature(scope))

    async def _startup(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(scope, send, 200, self._status.snapshot(), self._signature(scope))

    def _signature(self, scope: Scope) -> list[Header]:
        """What `orchestrator probe` knows us by; nobody else knows what to ask for."""
        asked = dict(scope["headers"]).get(_SIGNATURE, b"")
        signed = asked.startswith(self._container + b"/")
        return [(_SIGNATURE, b"%s %s" % (asked, self._status.state.encode()))] if signed else []

    # ------------------------------------------------------------ everything else

    async def _not_yet(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "starting"})
        elif _wants_html(scope):
            await answer(scope, send, 503, b"text/html; charset=utf-8", _page())
        else:
            await answer_json(scope, send, 503, {"detail": "The service is starting.", **self._status.snapshot()})

    def _logged(self, app: ASGIApp) -> ASGIApp:
        """`app`, with a `request` event for each of its answers."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not _REQUESTS.isEnabledFor(logging.INFO):
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), 500  # what uvicorn answers when the app raises

            async def watched(message: Any) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watched)
            except BaseException as error:
                self.requests_cancelled += not isinstance(error, Exception)  # asyncio.CancelledError
                raise
            finally:
                self._emit(_request(scope, status, time.perf_counter() - began))

        return logged


def _request(scope: Scope, status: int, seconds: float) -> Request:
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope["path"],
        status=status,
        duration_seconds=round(seconds, 6),
        client=client[0] if client else "",
    )


def _wants_html(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


@cache
def _page() -> bytes:
    return (Path(__file__).parent / "status_page.html").read_bytes()


async def answer_json(
    scope: Scope, send: Send, status: int, content: dict[str, Any], more: Iterable[Header] = ()
) -> None:
    """Answer with JSON."""
    await answer(scope, send, status, b"application/json", orjson.dumps(content), more)


async def answer(  # noqa: PLR0913, PLR0917  # what an answer is made of
    scope: Scope, send: Send, status: int, content_type: bytes, body: bytes, more: Iterable[Header] = ()
) -> None:
    """Answer; nothing of it may be cached, and a 503 says when to come back."""
    if scope["type"] == "websocket":  # a probe's path
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", _POLICY),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    if status == 503:  # noqa: PLR2004  # Service Unavailable
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


# The page is one file without anything from elsewhere; it only asks its own address again.
_POLICY = b"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"

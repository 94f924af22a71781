"""The responses that the port gives by itself: probes during the whole life, and any request until the app serves.

The responses depend only on a request's path and headers. So the gate (before the app serves) and the ASGI app around
the user's app (afterwards) give the same ones.
"""

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, Self

import orjson

from orchestrator.serving import probe
from orchestrator.serving.startup_status import StartupStatus
from orchestrator.settings.model import Settings

Headers = Iterable[tuple[bytes, bytes]]
"""Names are lower case."""

RETRY_AFTER_SECONDS = 5
POLL_HEADER = b"x-orchestrator-page"
"""The header of the status page's own requests: they are not logged."""
_SIGNATURE = probe.HEADER.encode()
_POLICY = b"default-src 'none'"


class Answer(NamedTuple):
    """A complete response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def http(self, *, head_only: bool = False, close: bool = True) -> bytes:
        """Return the response in HTTP/1.1; without a body if `head_only` (a HEAD request)."""
        phrase = HTTPStatus(self.status).phrase
        headers = [*self.headers, (b"connection", b"close")] if close else self.headers
        lines = [f"HTTP/1.1 {self.status} {phrase}".encode(), *(b"%s: %s" % each for each in headers), b"", b""]
        return b"\r\n".join(lines) + (b"" if head_only else self.body)


class Answers:
    """The responses of a process. If a probe's path is empty, the app answers that probe."""

    def __init__(self, status: StartupStatus, paths: Sequence[str], service: str, version: str) -> None:
        self._status, self._service, self._version = status, service, version
        probes = zip(paths, (self._live, self._ready, self._startup), strict=True)
        self.probes: dict[str, Callable[[Headers], Answer]] = {path: each for path, each in probes if path}

    @classmethod
    def of(cls, settings: Settings, status: StartupStatus) -> Self:
        """Return the responses for the paths in the settings."""
        paths = (settings.live_path, settings.ready_path, settings.startup_path)
        return cls(status, paths, settings.service, settings.version)

    def starting(self, path: str, headers: Headers) -> Answer:
        """Return the response to a request that arrives while the app does not serve."""
        if probe_answer := self.probes.get(path):
            return probe_answer(headers)
        if any(name == b"accept" and b"text/html" in value for name, value in headers):
            return self._page()
        return _json(503, {"detail": "The service is starting.", **self._status.snapshot()})

    def _live(self, headers: Headers) -> Answer:
        return _json(200, {"status": "alive"}, self._signature(headers))

    def _ready(self, headers: Headers) -> Answer:
        ready = self._status.state == "serving"
        content = {"status": "ready" if ready else self._status.state}
        return _json(200 if ready else 503, content, self._signature(headers))

    def _startup(self, headers: Headers) -> Answer:
        return _json(200, self._status.snapshot(), self._signature(headers))

    def _page(self) -> Answer:
        from orchestrator.serving import status_page

        body = status_page.render(self._status.snapshot(), self._service, self._version)
        return answer(503, b"text/html; charset=utf-8", body, policy=status_page.policy())

    def _signature(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """Return the header by which `orchestrator probe` recognises this container; empty for any other client."""
        asked = dict(headers).get(_SIGNATURE, b"").decode("latin-1")
        return [(_SIGNATURE, probe.signature(asked, self._status.state).encode())] if probe.is_token(asked) else []


def answer(status: int, content_type: bytes, body: bytes, more: Headers = (), *, policy: bytes = _POLICY) -> Answer:
    """Return a response with headers that forbid caching; a 503 gets `Retry-After` as well.

    `policy` is its Content-Security-Policy.
    """
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", policy),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    return Answer(status, headers, body)


def _json(status: int, content: dict[str, Any], more: Headers = ()) -> Answer:
    return answer(status, b"application/json", orjson.dumps(content), more)

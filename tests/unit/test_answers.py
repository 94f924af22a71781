"""What the port answers by itself: status, headers and body, before the app serves and around it."""

import asyncio
from typing import Any

import orjson
import pytest

from orchestrator.events import Event, Request
from orchestrator.serving import probe
from orchestrator.serving.answers import Answers, answer
from orchestrator.serving.probed import ProbedApp
from orchestrator.serving.startup_status import StartupStatus
from orchestrator.settings.model import Settings

PATHS = ("/livez", "/readyz", "/startupz")
HTML = [(b"accept", b"text/html,*/*")]


def answers(state: str = "waiting", paths: tuple[str, ...] = PATHS) -> Answers:
    """Return the answers of a process in that state."""
    status = StartupStatus("public", lambda: 1.0, lambda value: value)
    status.state = state
    return Answers(status, paths, "plants", "1.2")


@pytest.mark.parametrize("state", ["waiting", "migrating", "serving", "draining", "stopped", "failed"])
def test_only_a_process_that_serves_is_ready_and_any_is_alive(state: str) -> None:
    """A load balancer must send nothing to a process that drains; a platform must not kill one that migrates."""
    found = {path: answers(state).starting(path, []) for path in PATHS}
    assert {path: each.status for path, each in found.items()} == {
        "/livez": 200,
        "/readyz": 200 if state == "serving" else 503,
        "/startupz": 200,
    }
    assert orjson.loads(found["/livez"].body) == {"status": "alive"}
    assert orjson.loads(found["/readyz"].body) == {"status": "ready" if state == "serving" else state}
    assert orjson.loads(found["/startupz"].body)["state"] == state


def test_an_empty_path_leaves_the_probe_to_the_app() -> None:
    """Each of the three has its own setting."""
    status = StartupStatus("public", lambda: 1.0, lambda value: value)
    settings = Settings(live_path="", ready_path="/r", startup_path="/s", service="plants", version="1.2")
    found = Answers.of(settings, status)
    assert [*found.probes] == ["/r", "/s"]
    assert (found.starting("/r", []).status, found.starting("/s", []).status) == (503, 200)
    page = found.starting("/", HTML)
    assert (b"plants" in page.body, b"1.2" in page.body) == (True, True)
    assert (
        dict(page.headers)[b"content-security-policy"]
        != dict(found.starting("/", []).headers)[b"content-security-policy"]
    )


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([], b"application/json"),
        ([(b"accept", b"*/*"), (b"content-type", b"text/html")], b"application/json"),
        (HTML, b"text/html; charset=utf-8"),
    ],
)
def test_any_other_request_is_refused_and_told_to_come_back(headers: Any, kind: bytes) -> None:
    """For a program and for a person."""
    found = answers().starting("/plants", headers)
    told = dict(found.headers)
    assert (found.status, told[b"content-type"], told[b"retry-after"]) == (503, kind, b"5")


@pytest.mark.parametrize("status", [200, 431, 503])
def test_no_answer_is_kept_or_guessed_at(status: int) -> None:
    """A proxy that kept the 503 of a start would refuse for longer than the start takes."""
    told = dict(answer(status, b"text/plain", b"words", [(b"x-more", b"1")]).headers)
    assert told.pop(b"retry-after", None) == (b"5" if status == 503 else None)
    assert told == {
        b"content-type": b"text/plain",
        b"content-length": b"5",
        b"cache-control": b"no-store",
        b"content-security-policy": b"default-src 'none'",
        b"x-content-type-options": b"nosniff",
        b"x-more": b"1",
    }


def test_a_head_request_gets_the_headers_alone() -> None:
    """With the length that the body would have."""
    found = answer(200, b"text/plain", b"words")
    assert found.http(head_only=True, close=False).endswith(b"\r\n\r\n")
    assert b"content-length: 5\r\n" in found.http(head_only=True)
    assert found.http(close=False).startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n")
    assert found.http(close=False).endswith(b"\r\n\r\nwords")
    assert (b"connection: close" in found.http(), b"connection: close" in found.http(close=False)) == (True, False)


async def asked(
    app: ProbedApp, path: str, *, kind: str = "http", method: str = "GET", **scope: Any
) -> list[dict[str, Any]]:
    """Return the messages that the app sends for a request."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "method": method, "headers": [], **scope}
    await app.handle(scope, None, send)  # type: ignore[arg-type]
    return sent


def probed(events: list[Event], **options: Any) -> ProbedApp:
    """Return an app that answers 204, or raises at /broken, with the probes around it."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/broken":
            raise RuntimeError(scope["type"])
        await send({"type": "http.response.start", "status": 204, "headers": []})

    return ProbedApp(app, answers("serving"), events.append, **{"root_path": "/api", "access_log": True, **options})


async def test_around_the_app_probes_are_answered_with_and_without_its_prefix() -> None:
    """A load balancer asks with the prefix, a container's own check without."""
    app = probed([])
    assert [(await asked(app, path))[0]["status"] for path in ("/readyz", "/api/readyz", "/api/other")] == [
        200,
        200,
        204,
    ]
    assert [each.get("body", b"") for each in await asked(app, "/livez", method="HEAD")] == [b"", b""]
    assert await asked(app, "/livez", kind="websocket") == [{"type": "websocket.close", "code": 1008}]


async def test_with_too_many_connections_only_probes_are_answered() -> None:
    """A container that is full must not be replaced for it; a refused client makes room for another one."""
    app = probed([])
    app.connections.full = True
    (live, *_), (other, *_) = [await asked(app, path) for path in ("/livez", "/plants")]
    assert (live["status"], other["status"]) == (200, 503)
    assert (b"connection", b"close") in other["headers"]


async def test_the_error_of_a_lifespan_is_kept_and_raised() -> None:
    """The failure needs it, and uvicorn decides by it whether the app has a lifespan."""
    app = probed([])
    with pytest.raises(RuntimeError, match="lifespan") as raised:
        await asked(app, "/broken", kind="lifespan")
    assert app.lifespan_error is raised.value


TOKEN = b"0123456789abcdef"


@pytest.mark.parametrize("path", PATHS)
async def test_each_probe_answers_a_check_with_its_signature(path: str) -> None:
    """`orchestrator probe` asks any of them, before the app serves and around it; nothing else is sent back."""
    name, signed = probe.HEADER.encode(), probe.signature(TOKEN.decode(), "serving").encode()
    for asks, answered in ((TOKEN, signed), (b"x" * 16, None), (TOKEN + b"0", None), (b"", None)):
        headers = [(name, asks)]
        before = answers("serving").starting(path, headers)
        around, _ = await asked(probed([]), path, headers=headers)
        assert dict(before.headers).get(name) == dict(around["headers"]).get(name) == answered


async def test_a_request_whose_app_raises_is_an_event_with_status_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what uvicorn answers; the client's error rate and ours must agree."""
    monkeypatch.setattr("orchestrator.log.access.write", lambda _: False)
    events: list[Event] = []
    app = probed(events)
    with pytest.raises(RuntimeError):
        await asked(app, "/broken")
    traced = [(b"traceparent", b"00-%b-00f067aa0ba902b7-01" % (TOKEN * 2))]
    await asked(app, "/plants", client=("10.0.0.3", 9), headers=traced)
    await asked(app, "/livez")
    seen = [(each.path, each.status, each.client, each.trace_id) for each in events if isinstance(each, Request)]
    assert seen == [("/broken", 500, "", ""), ("/plants", 204, "10.0.0.3", TOKEN.decode() * 2)]


async def test_what_an_app_says_of_its_failed_start_is_kept() -> None:
    """Not every app raises an exception: the event said `SystemExit: 3`, uvicorn's own end."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "the cache is cold"})

    async def send(message: Any) -> None:
        sent.append(message["type"])

    sent: list[str] = []
    around = ProbedApp(app, answers(), lambda _: None, root_path="", access_log=False)
    await around.handle({"type": "lifespan"}, asyncio.Event().wait, send)
    assert str(around.lifespan_error) == "the cache is cold"
    assert sent == ["lifespan.startup.failed"]

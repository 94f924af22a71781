"""uvicorn's options take effect on a running process, and its failures are reported."""

import contextlib
import json
import signal
from pathlib import Path

import httpx
import pytest

from tests.harness import Orchestrator, Project, http_client, make_project
from tests.servers.ports import free_port

APP = """
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("never called: UVICORN_LIFESPAN is off")
    told = {"path": scope["path"], "root": scope["root_path"], "client": scope["client"][0]}
    told["env"] = os.environ.get("TOLD")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": __import__("json").dumps(told).encode()})

def factory():
    return app
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose app is in a separate directory."""
    project = make_project(tmp_path)
    project.write("backend/web.py", APP)
    project.write("settings.env", "TOLD=by the file\nORCHESTRATOR_SERVICE=plants\n")
    return project


async def test_the_options_have_their_effect(project: Project) -> None:
    """Each as the command `uvicorn` has it; PORT is another program's here."""
    port = free_port()
    env = {
        "PORT": "1",
        "UVICORN_PORT": str(port),
        "UVICORN_APP": "web:factory",
        "UVICORN_FACTORY": "true",
        "UVICORN_APP_DIR": "backend",
        "UVICORN_ENV_FILE": "settings.env",
        "UVICORN_LIFESPAN": "off",
        "UVICORN_LOOP": "asyncio",
        "UVICORN_HTTP": "h11",
        "UVICORN_ROOT_PATH": "/api",
        "UVICORN_SERVER_HEADER": "false",
        "UVICORN_HEADERS": "x-by:us",
        "UVICORN_ACCESS_LOG": "false",
        "UVICORN_LIMIT_MAX_REQUESTS": "5",
        "FORWARDED_ALLOW_IPS": "127.0.0.1",
    }
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started", port=port, service="plants")
        async with http_client(f"http://127.0.0.1:{port}") as client:
            answer = await client.get("/plants", headers={"X-Forwarded-For": "192.0.2.7"})
            assert answer.json() == {
                "path": "/api/plants",
                "root": "/api",
                "client": "192.0.2.7",
                "env": "by the file",
            }
            assert ("server" in answer.headers, answer.headers["x-by"]) == (False, "us")
            for _ in range(4):
                assert (await client.get("/livez")).status_code == 200
        assert await process.exit_code() == 0  # UVICORN_LIMIT_MAX_REQUESTS
    assert not process.find("request")
    assert process.events[-1]["event"] == "process_stopped"


BEHIND_PROXY = """
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/plants/")
async def plants(request: Request) -> dict[str, str]:
    return {"scheme": request.url.scheme, "client": request.client.host}
"""


async def test_only_a_trusted_proxy_says_who_asks_and_how(project: Project) -> None:
    """Behind a load balancer: otherwise redirects lead to http://, and every client looks like the load balancer."""
    project.write("behind.py", BEHIND_PROXY)
    trace = "1-67891233-abcdef012345678912345678"
    told = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Amzn-Trace-Id": f"Root={trace}"}
    env = {"ORCHESTRATOR_APP": "behind:app", "FORWARDED_ALLOW_IPS": "127.0.0.2,10.0.0.0/8"}
    answers = {}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        for address in ("127.0.0.2", "127.0.0.1"):
            transport = httpx.AsyncHTTPTransport(local_address=address)
            async with process.client(transport=transport, headers=told) as client:
                redirect = (await client.get("/plants")).headers["location"].partition(":")[0]
                answers[address] = {**(await client.get("/plants/")).json(), "redirect": redirect}
        assert await process.stop() == 0
    assert answers == {
        "127.0.0.2": {"scheme": "https", "client": "192.0.2.7", "redirect": "https"},
        "127.0.0.1": {"scheme": "http", "client": "127.0.0.1", "redirect": "http"},
    }
    requests = [(each["client"], each["trace_id"]) for each in process.find("request")]
    assert requests == [("192.0.2.7", trace)] * 2 + [("127.0.0.1", trace)] * 2


async def test_an_app_that_is_not_found_is_reported_with_its_variable_and_the_places(project: Project) -> None:
    """The usual first failure of a newcomer: the hint must be enough."""
    project.write("main.py", "from fastapi import FastAPI\napp = FastAPI()\n")
    env = {"ORCHESTRATOR_APP": "backend.nothing:app"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        assert await process.exit_code() == 3
    failed = process.find("app_failed")[0]
    assert "exception" not in failed, "its traceback has no line of the project"
    hint = failed["hint"]
    for words in ("ORCHESTRATOR_APP names backend.nothing:app", "backend/nothing.py", str(project.path), "main:app"):
        assert words in hint
    assert not process.find("lock_acquired")


async def test_a_library_that_uvicorn_cannot_import_ends_the_start_before_it_migrates(project: Project) -> None:
    """An old `websockets` beside a new uvicorn: the port would listen, and nothing would ever be accepted."""
    env = {"UVICORN_WS": "websockets_that_is_missing:Protocol"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        assert await process.exit_code() == 3
    assert "uvicorn cannot serve it" in process.find("app_failed")[0]["error_message"]
    assert not process.find("lock_acquired")


STREAM = """
import asyncio
from sse_starlette.sse import EventSourceResponse

async def words():
    while True:
        yield {"data": "x"}
        await asyncio.sleep(0.05)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await EventSourceResponse(words())(scope, receive, send)
"""


async def test_streams_that_watch_uvicorn_end_with_it(project: Project) -> None:
    """sse-starlette replaces `Server.handle_exit`, or looks for the server behind the signal's handler."""
    project.write("app/main.py", STREAM)
    async with (
        Orchestrator("serve", cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        async with client.stream("GET", "/") as stream:
            received = stream.aiter_raw()
            await anext(received)
            process.signal(signal.SIGTERM)
            with contextlib.suppress(httpx.RemoteProtocolError):  # its streams end so under uvicorn too
                async for _ in received:
                    pass
        assert await process.exit_code() == 0
    assert process.find("server_drained", requests_cancelled=0)
    assert json.loads(process.lines[-1])["event"] == "process_stopped"
    assert process.find("server_drained")[0]["duration_seconds"] < 10, "the budget ended them: 20 of 25 s"

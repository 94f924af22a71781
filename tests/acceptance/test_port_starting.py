"""What the port answers until the app serves, and that no connection is lost when it takes over."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.migrations import WAIT_FOR_GO, go, until
from tests.harness import PATIENCE_SECONDS, Orchestrator, Project, make_project, together

LOOPS = ("asyncio", "uvloop")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose second revision waits until the test has looked."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.add_revision("b2", WAIT_FOR_GO)
    return project


@pytest.fixture(params=LOOPS)
def loop_env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the process runs on this loop."""
    if request.param == "uvloop":
        return {}
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError('hidden by the test')")
    return {"PYTHONPATH": str(hidden)}


async def _exchange(port: int, path: str = "/") -> int:
    """Connect, ask, and return the status; every way to fail raises."""
    return await _ask(*await asyncio.open_connection("127.0.0.1", port), path)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str = "/") -> int:
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1])


async def _until_it_listens(process: Orchestrator) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await _exchange(process.port, "/livez")
            except ConnectionRefusedError:
                await asyncio.sleep(0.005)
            else:
                return


@asynccontextmanager
async def _asked_all_the_time(process: Orchestrator) -> AsyncIterator[Counter[int]]:
    """Connect every few milliseconds, with new connections, and count the answers by their status."""
    seen: Counter[int] = Counter()
    done = asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            seen[await _exchange(process.port)] += 1
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(ask())
        yield seen
        done.set()


async def test_no_connection_is_refused_or_reset_while_the_app_takes_over(
    project: Project, loop_env: dict[str, str]
) -> None:
    """A load balancer that sees one reset takes the task out of service."""
    async with Orchestrator("serve", env=loop_env, cwd=project.path) as process:
        await _until_it_listens(process)
        async with _asked_all_the_time(process) as seen:
            await until(lambda: seen[503] > 20)
            go(project)
            await process.event("server_started")
            for _ in range(50):
                assert await _exchange(process.port) == 200
        assert await process.stop() == 0

    assert set(seen) == {200, 503}


async def test_a_connection_made_before_the_switch_gets_the_answer_of_the_app(
    project: Project, loop_env: dict[str, str]
) -> None:
    """A client that connects early and asks late is neither refused nor sent away."""
    async with Orchestrator("serve", env=loop_env, cwd=project.path) as process:
        await _until_it_listens(process)
        early = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(20)]
        go(project)
        await process.event("server_started")
        assert await together(*(_ask(*each) for each in early)) == [200] * 20


async def test_a_kept_alive_connection_lives_through_the_switch(project: Project) -> None:
    """The health checker's connection is not closed under its feet."""
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await _until_it_listens(process)
        assert (await client.get("/readyz")).status_code == 503
        go(project)
        await process.event("server_started")
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/")).text == "hello"


async def test_the_port_answers_before_the_app_is_imported(project: Project) -> None:
    """An app that takes long to import must not look like a dead container."""
    project.write("app/main.py", WAIT_FOR_GO + (project.path / "app/main.py").read_text())
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("process_started")
        await _until_it_listens(process)
        assert await _exchange(process.port, "/livez") == 200
        assert not process.find("app_loaded")
        go(project)
        await process.event("server_started")


async def test_a_start_shows_where_it_is(project: Project) -> None:
    """Whoever looks at a long start sees what it does and how far it is."""
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("revision_started", revision="b2")
        start = (await client.get("/startupz")).json()
        assert start["state"] == "migrating"
        assert start["phase"] == "applying_revision"
        assert (start["revisions_done"], start["revisions_to_do"], start["progress_percent"]) == (1, 2, 50)
        assert start["elapsed_seconds"] > 0
        assert start["last_error"] is None
        go(project)
        await process.event("server_started")
        start = (await client.get("/startupz")).json()
        assert (start["state"], start["progress_percent"]) == ("serving", 100)


async def test_other_paths_say_that_the_service_is_starting(project: Project) -> None:
    """A client learns that it should come back, and a person sees a page."""
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("revision_started")
        answer = await client.post("/plants", json={"name": "Rose"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["state"] == "migrating"
        page = await client.get("/plants", headers={"Accept": "text/html,*/*;q=0.8"})
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        assert "Migrating the database" in page.text
        head = await client.head("/plants")
        assert (head.status_code, head.content) == (503, b"")
        for each in (answer, page, head, await client.get("/livez"), await client.get("/startupz")):
            assert each.headers["content-security-policy"].startswith("default-src 'none'"), each.url
            assert each.headers["x-content-type-options"] == "nosniff", each.url


@pytest.mark.parametrize(("detail", "told"), [("public", "refused"), ("full", "error_message")])
async def test_the_public_part_of_the_last_error_is_shown(project: Project, detail: str, told: str) -> None:
    """An error message names hosts; its kind does not."""
    env = {
        "DATABASE_URL": "mysql+asyncmy://app:secret@127.0.0.1:1/app",
        "ORCHESTRATOR_STATUS_DETAIL": detail,
    }
    async with Orchestrator("serve", env=env, cwd=project.path) as process, process.client() as client:
        await process.event("database_retry_scheduled")
        error = (await client.get("/startupz")).json()["last_error"]
        assert told in error
        assert ("127.0.0.1" in str(error)) == (detail == "full")


LONG_LIFESPAN = """
import asyncio, pathlib

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("lifespan begins")
        while not pathlib.Path("lifespan-go").exists():
            await asyncio.sleep(0.01)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""


async def test_the_app_answers_nothing_until_its_lifespan_has_started(project: Project) -> None:
    """Its pools and caches are made there: a request before that would fail, or see half of them."""
    project.write("app/main.py", LONG_LIFESPAN)
    go(project)
    async with Orchestrator("serve", cwd=project.path) as process, process.client() as client:
        await process.event("log", message="lifespan begins")
        assert (await client.get("/")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        project.write("lifespan-go", "")
        await process.event("server_started")
        assert (await client.get("/")).text == "hello"
        assert (await client.get("/readyz")).status_code == 200


async def test_a_websocket_is_turned_away_until_the_app_serves(project: Project) -> None:
    """It gets a refusal that it understands, not a hanging connection."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("revision_started")
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws://127.0.0.1:{process.port}/live")
        assert refusal.value.response.status_code == 503
        assert refusal.value.response.headers["retry-after"] == "5"


ECHO = """
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"].upper()})
        await send({"type": "websocket.close"})
"""


async def test_a_websocket_on_a_connection_from_before_the_switch(project: Project, loop_env: dict[str, str]) -> None:
    """A connection that the gate has accepted is a full one of the app's."""
    from websockets.asyncio.client import connect

    project.write("app/main.py", ECHO)
    async with Orchestrator("serve", env=loop_env, cwd=project.path) as process:
        await process.event("revision_started")
        with socket.create_connection(("127.0.0.1", process.port)) as early:
            go(project)
            await process.event("server_started")
            async with connect(f"ws://127.0.0.1:{process.port}/", sock=early) as websocket:
                await websocket.send("hello")
                assert await websocket.recv() == "HELLO"

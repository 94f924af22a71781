"""The rest of the migration's password in a process that serves: nothing that the app could read."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import CREATE
from tests.harness import PATIENCE_SECONDS, Orchestrator, Project, make_project, run
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql")
CORE = "M1gratorZeta9"
PASSWORD = f"@/{CORE}%ü"  # percent-encoded in a URL, but for its core

Env = dict[str, str]

SEARCHING_APP = """
import _asyncio, gc, json, os, sys

TEXTS = str, bytes, bytearray

def referents(each):
    \"\"\"What an object refers to.

    Python 3.12's _asyncio shows objects that it has freed: to hold one breaks its list of them, and the next
    look at that list never ends. The collector knows its live ones.
    \"\"\"
    return [vars(each)] if each is _asyncio else gc.get_referents(each)

def objects():
    \"\"\"All that is alive: what the collector knows, every frame, and whatever these refer to.\"\"\"
    waiting, seen = gc.get_objects(), set()
    for frame in sys._current_frames().values():
        while frame:
            waiting.append(frame)
            frame = frame.f_back
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            if not isinstance(each, TEXTS):
                waiting += referents(each)

def holds(text, backwards):
    return isinstance(text, TEXTS) and backwards in (text if isinstance(text, str) else text.decode("latin-1"))[::-1]

def search(backwards):
    \"\"\"Look for a text that is given backwards, so that the search does not find itself.\"\"\"
    with open("/proc/self/environ", "rb") as file:
        shown = file.read()
    return {
        "os.environ": any(holds(each, backwards) for each in os.environ.values()),
        "/proc/PID/environ": holds(shown, backwards),
        "objects": sum(holds(each, backwards) for each in objects()) > 0,
        "names at the start of its lifespan": names,
    }

async def app(scope, receive, send):
    global names
    if scope["type"] == "lifespan":
        await receive()
        names = [name for name in os.environ if name.startswith("MIGRATION_")]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = json.dumps(search(scope["query_string"].decode())).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""

CARELESS = """
from alembic import context
from sqlalchemy import create_engine

connection = create_engine(context.config.get_main_option("sqlalchemy.url")).connect()
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
"""

FORMS: dict[str, Callable[[URL], Env]] = {
    "a URL": lambda url: {"MIGRATION_DATABASE_URL": url.render_as_string(hide_password=False)},
    "a secret": lambda url: {
        "MIGRATION_DATABASE_SECRET": json.dumps({"username": url.username, "password": url.password})
    },
    "a user": lambda url: {
        "MIGRATION_DATABASE_USER": str(url.username),
        "MIGRATION_DATABASE_PASSWORD": str(url.password),
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate, and an app that looks for what it is asked for."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    project.write("app/main.py", SEARCHING_APP)
    return project


@pytest.fixture
def owner(database: Database, server: Server) -> URL:
    """Return how a user comes in whose password is found nowhere by chance."""
    rights = ("ALL PRIVILEGES",) if database.backend == "mariadb" else ("CREATE",)
    return make_url(server.add_user(database, "owner", PASSWORD, *rights).url)


async def _assert_found_nowhere(env: Env, project: Project, server: Server) -> None:
    """The search finds the app's own password everywhere, so it would find the other."""
    async with Orchestrator("serve", env=env, cwd=project.path, fresh=True) as process:
        await process.event("server_started")
        await _until_alone(server)
        async with process.client() as client:
            own_password = make_url(env["DATABASE_URL"]).password or ""
            own = (await client.get(f"/?{own_password[::-1]}")).json()
            other = (await client.get(f"/?{CORE[::-1]}")).json()
        assert await process.stop() == 0
    names: dict[str, object] = {"names at the start of its lifespan": []}
    assert own == {"os.environ": True, "/proc/PID/environ": True, "objects": True} | names, process.story()
    assert other == {"os.environ": False, "/proc/PID/environ": False, "objects": False} | names, process.story()


async def _until_alone(server: Server) -> None:
    """Wait until no connection of the migration's user is left; the server notices its end a moment later."""
    postgresql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'owner'"
    query = {"postgresql": postgresql}.get(
        server.backend, "SELECT count(*) FROM information_schema.processlist WHERE user = 'owner'"
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while server.execute(query) != [(0,)]:  # noqa: ASYNC110  # the server has no event for it
            await asyncio.sleep(0.01)


@SERVERS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.paired("database")
async def test_an_app_that_is_served_finds_the_migrations_password_nowhere(
    database: Database, server: Server, owner: URL, form: str, project: Project
) -> None:
    """Not in its environment, nor in what the kernel shows of it, nor in any object that is alive."""
    env = {"DATABASE_URL": database.url} | FORMS[form](owner)
    await _assert_found_nowhere(env, project, server)


@SERVERS
async def test_an_env_py_that_leaves_its_connection_open_keeps_neither_it_nor_the_password(
    database: Database, server: Server, owner: URL, project: Project
) -> None:
    """SQLAlchemy holds on to what was checked out, and with it to the right to change tables."""
    project.write("alembic/env.py", CARELESS)
    env = {"DATABASE_URL": database.url} | FORMS["a URL"](owner)
    await _assert_found_nowhere(env, project, server)


@SERVERS
async def test_a_start_at_head_forgets_as_well(
    database: Database, server: Server, owner: URL, project: Project
) -> None:
    """Then only the waiting has used it."""
    env = {"DATABASE_URL": database.url} | FORMS["a secret"](owner)
    assert (await run("migrate", env=env, cwd=project.path)).exit_code == 0
    await _assert_found_nowhere(env, project, server)

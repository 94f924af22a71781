"""env.py and the app run in the main thread, with event loop and signals as under `alembic` and `uvicorn`."""

import signal
import sys
from pathlib import Path

import pytest

from tests.harness import PROMPT_SECONDS, Orchestrator, Project, make_project

APP = """
import asyncio, signal, sqlite3, threading
import contextvars

asyncio.run(asyncio.sleep(0))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
assert asyncio.get_event_loop() is loop
signal.signal(signal.SIGUSR1, lambda *_: print("the app heard it"))
signal.signal(signal.SIGTERM, lambda *_: print("uvicorn would have replaced this handler"))
connection = sqlite3.connect("own.db")
request_id = contextvars.ContextVar("request_id", default="none")
request_id.set("from the import")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan: uvicorn serves such an app")
    text = f"{connection.execute('SELECT 42').fetchone()[0]} {threading.current_thread().name} {request_id.get()}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
"""

ENV = """
import asyncio, signal, sys, threading
from alembic import context
from sqlalchemy import create_engine

signal.signal(signal.SIGTERM, lambda *_: None)  # a stop is heard all the same

async def name():
    return threading.current_thread().name

if sys.version_info < (3, 14):  # later versions make no loop here, under plain Alembic either
    assert asyncio.get_event_loop().run_until_complete(name()) == "MainThread"
asyncio.run(name())
engine = create_engine("sqlite:///app.db")
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision, whose parts ask for the main thread in every way that is known."""
    project = make_project(tmp_path, "generic")
    project.write("app/main.py", APP)
    project.write("alembic/env.py", ENV)
    project.add_revision("a1")
    return project


async def test_what_runs_under_alembic_and_uvicorn_runs_here(project: Project) -> None:
    """A project that starts with those two commands must start with this one."""
    env = {"DATABASE_URL": "sqlite+aiosqlite:///app.db"}
    async with (
        Orchestrator("serve", env=env, cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("server_started")
        assert (await client.get("/")).text == "42 MainThread from the import"
        await process.event("request")
        process.signal(signal.SIGUSR1)
        await process.event("log", message="the app heard it")
        assert await process.stop() == 0
    assert process.find("revision_applied")
    assert process.events[-1]["event"] == "process_stopped"


async def test_a_stop_is_heard_while_the_main_thread_waits_in_c(project: Project) -> None:
    """A synchronous driver waits for its statement in C, where Python runs no signal handler."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    project.add_revision("b2", f"print('in C'); op.execute({endless!r})")
    env = {"DATABASE_URL": "sqlite+aiosqlite:///app.db", "ORCHESTRATOR_SHUTDOWN_SECONDS": "2"}
    async with (
        Orchestrator("serve", env=env, cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("log", message="in C")
        assert (await client.get("/livez")).status_code == 200
        process.signal(signal.SIGTERM)
        await process.event("stop_requested", within=PROMPT_SECONDS)
        assert await process.exit_code(within=PROMPT_SECONDS) == 12
    assert process.events[-1]["event"] == "startup_failed"


@pytest.mark.parametrize("connects", ["", "create_engine('sqlite://').connect()"], ids=["", "held"])
async def test_an_app_may_change_the_directory_for_itself(project: Project, connects: str) -> None:
    """`os.chdir(...)` in main.py: alembic.ini, relative paths of env.py and the hooks were looked for there."""
    project.write("elsewhere/here", "")
    changes = f"import os\nfrom sqlalchemy import create_engine\nos.chdir('elsewhere')\n{connects}\n\nasync def app"
    told = APP.replace("{request_id.get()}", "{os.listdir()}")
    project.write("app/main.py", told.replace("async def app", changes))
    project.write("hook.py", "import pathlib; assert pathlib.Path('alembic.ini').exists()")
    env = {"DATABASE_URL": "sqlite+aiosqlite:///app.db", "ORCHESTRATOR_AFTER_MIGRATE": f"{sys.executable} hook.py"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process, process.client() as client:
        await process.event("server_started")
        assert "['here']" in (await client.get("/")).text
        assert (project.path / "app.db").stat().st_size

"""env.py that migrates on the app's own engine, `from app.db import engine`: the app still begins with empty pools."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import add_two
from tests.harness import Orchestrator, Project, make_project
from tests.servers import Database, backends

_SESSIONS = {
    "postgresql": ("SET search_path TO nowhere, public", "SHOW search_path"),
    "mysql": ("SET SESSION sql_mode = 'ANSI'", "SELECT @@session.sql_mode"),
    "mariadb": ("SET SESSION sql_mode = 'ANSI'", "SELECT @@session.sql_mode"),
    "sqlite": ("PRAGMA case_sensitive_like = ON", "SELECT 'a' LIKE 'A'"),
}
"""A statement that changes a session, and one that shows it."""
_ENV = """
from alembic import context
from sqlalchemy import text
from app.db import engine

def migrate(connection):
    connection.execute(text({change!r}))
    connection.commit()
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_SYNCHRONOUS = """
with engine.connect() as connection:
    migrate(connection)
"""
_ASYNCHRONOUS = """
import asyncio

async def main():
    async with engine.connect() as connection:
        await connection.run_sync(migrate)

{run}
"""
_RUNS = {
    "asyncio.run": "asyncio.run(main())",
    "a thread": """
from concurrent.futures import ThreadPoolExecutor
ThreadPoolExecutor().submit(asyncio.run, main()).result()
""",
}
_APP = """
from app.db import engine
from sqlalchemy import text

async def answer():
    {connect} engine.connect() as connection:
        return str(({call}connection.execute(text({show!r}))).scalar())

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    text = await answer()
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": text.encode()}})
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with two revisions, whose env.py is yet to come."""
    project = make_project(tmp_path)
    add_two(project)
    return project


async def _answers(project: Project, database: Database) -> list[str]:
    """Return the app's first answer after a start that migrates, and after one at head, in which env.py runs too."""
    answers = []
    for _ in range(2):
        async with (
            Orchestrator("serve", env={"DATABASE_URL": database.url}, cwd=project.path) as process,
            process.client() as client,
        ):
            await process.event("server_started")
            answers.append((await client.get("/")).text)
            assert await process.stop() == 0
        assert not process.find("log", level="error"), process.story()
    return answers


async def test_the_app_does_not_get_a_session_that_env_py_has_changed(project: Project, database: Database) -> None:
    """The first requests would read the tables of another schema, or write what the server should refuse."""
    change, show = _SESSIONS[database.backend]
    engine = f"from sqlalchemy import create_engine\nengine = create_engine({database.synchronous_url!r})\n"
    project.write("app/db.py", engine)
    project.write("app/main.py", _APP.format(connect="with", call="", show=show))
    project.write("alembic/env.py", _ENV.format(change=change) + _SYNCHRONOUS)
    [(as_it_is,)] = database.execute(show)
    assert await _answers(project, database) == [str(as_it_is)] * 2


@backends("mysql", "postgresql")
@pytest.mark.parametrize("how", _RUNS)
async def test_the_app_does_not_get_a_connection_of_an_event_loop_that_has_ended(
    project: Project, database: Database, how: str
) -> None:
    """The first request of each start was answered with 500: `attached to a different loop`."""
    change, show = _SESSIONS[database.backend]
    engine = "from sqlalchemy.ext.asyncio import create_async_engine\n"
    project.write("app/db.py", f"{engine}engine = create_async_engine({database.url!r}, pool_pre_ping=True)\n")
    project.write("app/main.py", _APP.format(connect="async with", call="await ", show=show))
    project.write("alembic/env.py", _ENV.format(change=change) + _ASYNCHRONOUS.format(run=_RUNS[how]))
    [(as_it_is,)] = database.execute(show)
    assert await _answers(project, database) == [str(as_it_is)] * 2

"""An app that uses the database while it is imported meets what it meets after `alembic upgrade head`."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.app.hold import outside_the_loop
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers.ports import free_port

TABLES = """
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select
metadata = MetaData()
plants = Table("plants", metadata, Column("id", Integer, primary_key=True))
engine = create_engine("sqlite:///app.db")
"""
SEEDED = """
from app.tables import engine, insert, metadata, plants, select
metadata.create_all(bind=engine)
with engine.begin() as connection:
    if not connection.execute(select(plants)).first():
        connection.execute(insert(plants))
from app.hello import app
"""
ENV = """
import asyncio
from alembic import context
from app.tables import create_engine, metadata

asyncio.run(asyncio.sleep(0))
with create_engine("sqlite:///app.db").connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
ASYNC_ENV = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def connect():
    async with create_async_engine("sqlite+aiosqlite:///app.db").connect() as connection:
        await connection.run_sync(run)

asyncio.run(connect())
"""
MIGRATES = """
from alembic import command
from alembic.config import Config

def make():
    command.upgrade(Config("alembic.ini"), "head")
    from app.hello import app
    return app

app = make()
"""
CREATE = "op.create_table('plants', sa.Column('id', sa.Integer, primary_key=True))"
ADDRESS = {"DATABASE_URL": "sqlite:///app.db"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose main.py makes the tables and a row when it is imported, as many do beside Alembic."""
    project = make_project(tmp_path, "generic")
    (project.path / "app/main.py").rename(project.path / "app/hello.py")
    project.write("app/tables.py", TABLES)
    project.write("app/main.py", SEEDED)
    project.write("alembic/env.py", ENV)
    project.add_revision("r1", CREATE)
    return project


def _rows(project: Project) -> list[tuple[int]]:
    with closing(sqlite3.connect(project.path / "app.db")) as connection:
        return connection.execute("SELECT id FROM plants").fetchall()


async def test_its_tables_and_rows_come_after_the_migration(project: Project) -> None:
    """Otherwise `create_all` makes the table that the first revision creates: it fails with "already exists"."""
    async with Orchestrator("serve", env=ADDRESS, cwd=project.path) as process:
        await process.event("server_started")
    names = [event["event"] for event in process.events]
    story = ["app_import_held", "revision_applied", "migrations_completed", "app_loaded", "server_started"]
    assert [name for name in names if name in story] == story
    assert _rows(project) == [(1,)]


@pytest.mark.parametrize("env", [ENV, ASYNC_ENV], ids=["sync", "async"])
async def test_an_app_that_migrates_by_itself_finds_the_database_at_head(project: Project, env: str) -> None:
    """Otherwise each replica migrates while it imports the app, without lock, journal and events."""
    project.write("alembic/env.py", env)
    project.write("app/main.py", MIGRATES)
    async with Orchestrator("serve", env=ADDRESS, cwd=project.path) as process:
        await process.event("server_started")
    names = [event["event"] for event in process.events]
    story = ["app_import_held", "revision_applied", "migrations_completed", "app_loaded", "server_started"]
    assert [name for name in names if name in story] == story


async def test_a_revision_that_fails_ends_the_start_before_the_rest_of_the_import(project: Project) -> None:
    """The code after the connection must not see a database that is not at head."""
    project.add_revision("r2", "op.execute('no sql')")
    result = await run("serve", env=ADDRESS, cwd=project.path)
    assert (result.exit_code, result.find("app_loaded")) == (7, [])
    assert _rows(project) == []


async def test_a_job_that_migrates_leaves_the_rest_of_the_import_out(project: Project) -> None:
    """`alembic upgrade head` does not import the app."""
    result = await run("migrate", env=ADDRESS, cwd=project.path)
    assert (result.exit_code, _rows(project)) == (0, [])


async def test_a_check_in_ci_ends_the_import_there(project: Project) -> None:
    """`orchestrator check` connects to nothing, so it must not make tables either."""
    result = await run("check", env=ADDRESS, cwd=project.path)
    assert (result.exit_code, (project.path / "app.db").exists()) == (0, False)


async def test_a_module_that_env_py_imports_too_is_not_held(project: Project) -> None:
    """It connects before the migration under `alembic`, too, and half of a module is of no use to env.py."""
    project.write("app/tables.py", TABLES + "metadata.create_all(bind=engine)\nlast = 1")
    project.write("alembic/env.py", "from app.tables import last\n" + ENV)
    project.write(
        "alembic/versions/r1.py", (project.path / "alembic/versions/r1.py").read_text().replace("plants", "x")
    )
    async with Orchestrator("serve", env=ADDRESS, cwd=project.path) as process:
        await process.event("server_started")
    assert _rows(project) == [(1,)]


async def test_it_waits_for_a_database_that_is_not_there_yet(project: Project) -> None:
    """Without this the import fails while the database boots: exit code 3."""
    url = f"mysql+pymysql://app@127.0.0.1:{free_port()}/app"
    project.write("app/tables.py", TABLES.replace('"sqlite:///app.db"', repr(url)))
    async with Orchestrator("serve", env={"DATABASE_URL": url}, cwd=project.path) as process:
        await process.event("app_import_held")
        await process.event("database_retry_scheduled", after=len(process.events))
        assert not process.find("app_failed")


async def test_an_app_that_fails_after_the_migrations_is_said_to_fail_at_its_start(project: Project) -> None:
    """The state is `migrating` until the app serves, and somebody would look for the fault in the revisions."""
    project.write("app/main.py", "async def app(scope, receive, send):\n    raise SystemError('no cache')")
    result = await run("serve", env=ADDRESS | {"UVICORN_LIFESPAN": "on"}, cwd=project.path)
    assert result.exit_code == 3, result.story()
    assert result.find("revision_applied")
    assert result.find("startup_failed", failed_state="migrating", failed_phase="starting_app")


async def test_the_loop_that_imports_the_app_is_hidden_from_env_py() -> None:
    """Older versions of uvicorn import the app inside their loop, and env.py may call `asyncio.run` meanwhile."""
    task = asyncio.current_task()
    with outside_the_loop():
        asyncio.run(asyncio.sleep(0))
    assert asyncio.get_running_loop().is_running()
    assert asyncio.current_task() is task

"""Revisions that begin and commit by themselves do what they do under plain Alembic."""

import signal
from pathlib import Path

import pytest

from orchestrator.address.drivers import ASYNCHRONOUS, DRIVERS
from tests.acceptance.migrations import (
    CREATE,
    INSERT,
    WAIT_FOR_GO,
    environment,
    go,
    migrate,
    stamped,
    tables,
)
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, make_project
from tests.integration.drivers import BACKEND_OF, installed, url_for
from tests.servers import Database, backends

FAIL = "op.execute('INSERT INTO no_such_table VALUES (1)')"
MOOD = """
op.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
op.execute("CREATE TABLE people (id INT PRIMARY KEY, mood mood)")
"""
ADD_VALUE = """
op.execute("COMMIT")
op.execute("ALTER TYPE mood ADD VALUE 'happy'")
op.add_column("people", sa.Column("name", sa.String(50)))
"""
USE_VALUE = """
op.execute("INSERT INTO people VALUES (1, 'happy')")
"""
CONCURRENTLY = """
op.execute("COMMIT")
op.create_index("moods", "people", ["mood"], postgresql_concurrently=True)
"""
BEGIN = """
op.create_table("trees", sa.Column("id", sa.Integer, primary_key=True))
op.execute("BEGIN")
op.execute("INSERT INTO trees VALUES (1)")
op.execute("COMMIT")
op.execute("INSERT INTO trees VALUES (2)")
"""
RECIPE = """
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "connect")
def connect(dbapi_connection, record):
    dbapi_connection.isolation_level = None

@event.listens_for(Engine, "begin")
def begin(connection):
    connection.exec_driver_sql("BEGIN")

"""
BY_HAND = f"""
{INSERT.format(1, "rose")}
pooled = op.get_bind().connection
pooled.cursor().execute("DELETE FROM plants WHERE id = 7")
pooled.dbapi_connection.commit()
"""  # noqa: S608  # our own
OF_POSTGRESQL = [name for name in installed() if BACKEND_OF[DRIVERS[name].database] == "postgresql"]


def _env(project: Project, put: str) -> None:
    """Put something before env.py's own work."""
    env = project.path / "alembic" / "env.py"
    begin = "config = context.config\n"
    assert begin in env.read_text()
    env.write_text(env.read_text().replace(begin, f"{begin}{put}\n"))


@pytest.mark.parametrize("driver", OF_POSTGRESQL)
@backends("postgresql")
async def test_a_commit_in_words_lets_pass_what_no_transaction_may_hold(
    database: Database, driver: str, tmp_path: Path
) -> None:
    """The old recipe for a new value of an enum, and for an index that is built beside the traffic."""
    project = make_project(tmp_path / "project", "async" if driver in ASYNCHRONOUS else "generic")
    _env(project, f"config.set_main_option('sqlalchemy.url', {url_for(driver, database.url)!r})")
    project.add_revision("r1", MOOD)
    begins_another = driver in {"psycopg", "psycopg_async", "pg8000"}  # also under plain Alembic
    project.add_revision("r2", ADD_VALUE + ("" if begins_another else USE_VALUE + CONCURRENTLY))
    project.add_revision("r3", USE_VALUE if begins_another else "pass")
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert database.execute("SELECT mood::text, name FROM people") == [("happy", None)]
    assert stamped(database) == project.revisions[-1:]


@pytest.mark.parametrize("template", ["async", "generic"])
@backends("sqlite")
async def test_sqlalchemys_recipe_for_sqlite_is_obeyed(database: Database, template: str, tmp_path: Path) -> None:
    """Its BEGIN is the only one, and makes a revision one transaction: one that fails leaves nothing behind."""
    project = make_project(tmp_path / "project", template)
    plain = f"\nconfig.set_main_option('sqlalchemy.url', {database.synchronous_url!r})\n"
    _env(project, RECIPE + (plain if template == "generic" else ""))
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", "op.add_column('plants', sa.Column('height', sa.Integer))")
    script = project.add_revision("r3", f"{CREATE.format('trees')}\n{FAIL}")
    result = await migrate(project, database)
    assert result.exit_code == 7, result.story()
    assert stamped(database) == ["r2"], result.story()
    assert tables(database) == ["plants"]
    script.write_text(script.read_text().replace(FAIL, "op.execute('INSERT INTO trees (id) VALUES (1)')"))
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT count(*) FROM trees") == [(1,)]


async def test_a_begin_in_words_begins_nothing_twice(database: Database, tmp_path: Path) -> None:
    """If definitions are not transactional for plain Alembic, there is no transaction for it to join."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", BEGIN)
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert database.execute("SELECT id FROM trees ORDER BY id") == [(1,), (2,)]
    assert stamped(database) == ["r1"]


@backends("postgresql", "sqlite")
async def test_what_the_drivers_own_connection_committed_is_not_done_twice(database: Database, tmp_path: Path) -> None:
    """Nothing of it is on record, so a start after a kill refuses to run the revision again."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", f"{BY_HAND}\n{WAIT_FOR_GO}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        assert await process.exit_code() == -signal.SIGKILL
    go(project)
    failed = failure(await migrate(project, database), "migration_half_applied", exit_code=8)
    assert "the driver's own connection" in failed["error_message"]
    assert database.execute("SELECT count(*) FROM plants") == [(1,)]

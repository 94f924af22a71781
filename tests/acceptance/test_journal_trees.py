"""The journal never changes what a revision does: plain Alembic leaves the same definitions, rows and counters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import revisions, revisions_of_backends
from tests.acceptance.contents import contents, differences, without_journal
from tests.acceptance.migrations import migrate
from tests.acceptance.plain import alembic
from tests.harness import Project, make_project
from tests.servers import Database, backends

BODIES = ("VALUES", "KEYS", "ORM", "READING", "RAW", "OPERATIONS", "ERRORS", "BY_HAND")
SYNCHRONOUS = """
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["TEAM_URL"]).connect() as connection:
    context.configure(connection=connection, transaction_per_migration={each})
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def twin(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """Create a second empty database."""
    if database.backend == "sqlite":
        yield Database(f"sqlite+aiosqlite:///{tmp_path / 'twin.db'}", "sqlite")
        return
    server = request.getfixturevalue("server")
    twin = server.create_database()
    yield twin
    server.drop_database(twin)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose revisions can write down what they see."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", revisions.SEEN)
    return project


async def _assert_same(project: Project, database: Database, twin: Database) -> None:
    """Upgrade both, one by plain Alembic, and compare them; an env.py of the team's own reads TEAM_URL."""
    await alembic(project, twin, "upgrade", "head", TEAM_URL=twin.synchronous_url)
    result = await migrate(project, database, TEAM_URL=database.synchronous_url)
    assert result.exit_code == 0, result.story()
    told = differences(contents(twin), without_journal(contents(database)))
    assert not told, "\n".join(told)


@pytest.mark.parametrize("body", BODIES)
async def test_a_revision_does_the_same_on_record(
    project: Project, database: Database, twin: Database, body: str
) -> None:
    """See `revisions` for what they do."""
    project.add_revision("r2", revisions.TELL + getattr(revisions, body))
    await _assert_same(project, database, twin)


@backends("sqlite", "mariadb", "postgresql")
async def test_returned_rows_are_the_same(project: Project, database: Database, twin: Database) -> None:
    """MySQL knows no RETURNING."""
    project.add_revision("r2", revisions.TELL + revisions.RETURNING)
    await _assert_same(project, database, twin)


async def test_routines_and_views_are_the_same(project: Project, database: Database, twin: Database) -> None:
    """Procedures, functions, triggers, sequences, and what they do."""
    project.add_revision("r2", revisions.TELL + revisions_of_backends.ROUTINES[database.backend])
    await _assert_same(project, database, twin)


async def test_the_session_is_the_same(project: Project, database: Database, twin: Database) -> None:
    """Settings, locks, temporary tables, warnings, generated keys, autocommit."""
    project.add_revision("r2", revisions.TELL + revisions_of_backends.SESSION[database.backend])
    await _assert_same(project, database, twin)


async def test_drivers_of_the_team_do_the_same(project: Project, database: Database, twin: Database) -> None:
    """PyMySQL, psycopg2 and sqlite3: all of the above, one after the other."""
    project.write("alembic/env.py", SYNCHRONOUS.format(each=False))
    bodies = [*(getattr(revisions, name) for name in BODIES), revisions_of_backends.ROUTINES[database.backend]]
    bodies += [] if database.backend == "mysql" else [revisions.RETURNING]
    for number, body in enumerate([*bodies, revisions_of_backends.SESSION[database.backend]], start=2):
        project.add_revision(f"r{number}", revisions.TELL + revisions.CLEAN + body)
    await _assert_same(project, database, twin)


@backends("sqlite", "mariadb", "postgresql")
async def test_asynchronous_functions_do_the_same(project: Project, database: Database, twin: Database) -> None:
    """Alembic runs them on the same connection."""
    project.add_revision("r2", revisions.TELL + revisions.ASYNCHRONOUS)
    await _assert_same(project, database, twin)


async def test_branches_and_merges_are_the_same(project: Project, database: Database, twin: Database) -> None:
    """Each of them is stamped as it is without a journal."""
    create = "op.execute('CREATE TABLE {0} (id INTEGER)')\nop.execute('INSERT INTO {0} VALUES (1)')"
    project.add_revision("left", create.format("l"), down_revision="r1")
    project.add_revision("right", create.format("r"), down_revision="r1")
    project.add_revision("merge", create.format("m"), down_revision=("left", "right"))
    project.add_revision("empty")
    await _assert_same(project, database, twin)


@backends("postgresql")
async def test_a_transaction_is_begun_as_the_revision_wants_it(
    project: Project, database: Database, twin: Database
) -> None:
    """The level can be set only before the first statement, so the orchestrator must not execute one before it."""
    project.write("alembic/env.py", SYNCHRONOUS.format(each=True))
    level = "op.execute('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')"
    project.add_revision("r2", f"{level}\n{revisions.TELL}\ntell(bind.scalar(sa.text('SHOW transaction_isolation')))")
    await _assert_same(project, database, twin)

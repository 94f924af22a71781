"""Failing revisions: the report is right, because 7 is deployed again and 8 is repaired by hand."""

import pytest

from tests.acceptance.migrations import (
    CREATE,
    INSERT,
    environment,
    migrate,
    stamped,
    tables,
    told,
    transaction,
)
from tests.acceptance.outcome import failure
from tests.harness import Project, run
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

IMPATIENT = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "1", "ORCHESTRATOR_DDL_RETRY_SECONDS": "1"}
OAK = INSERT.format(2, "oak")
FAIL = "op.execute('INSERT INTO no_such_table VALUES (1)')"
FAILING_DDL = "op.execute('CREATE TABLE plants (id INTEGER)')"


@backends()
async def test_a_table_that_something_else_made_is_stamped_not_fixed(project: Project, database: Database) -> None:
    """The revision is right: `create_all` or another tool was there first."""
    project.add_revision("r3", CREATE.format("plants"))
    (failed,) = (await migrate(project, database)).find("migration_failed", statements_done=0)
    assert "`alembic stamp r3`" in failed["hint"]


@backends("postgresql", "sqlite")
async def test_where_ddl_is_transactional_a_failed_revision_leaves_nothing(
    project: Project, database: Database
) -> None:
    """The ones before it stay, and the next start begins with the one that failed."""
    script = project.add_revision("r3", f"{CREATE.format('trees')}\n{OAK}\n{FAIL}")
    result = await migrate(project, database)
    assert result.exit_code == 7
    (failure,) = result.find("migration_failed", revision="r3", statement_index=3, statements_done=2)
    assert failure["statement"] == "INSERT INTO no_such_table VALUES (1)"
    assert "no_such_table" in failure["error_message"]
    assert told(result)[-4:] == ["revision_started", "lock_released", "migration_failed", "startup_failed"]
    assert stamped(database) == ["r2"]
    assert "trees" not in database.tables()
    assert database.execute("SELECT id FROM plants") == [(1,)]
    script.write_text(script.read_text().replace("no_such_table VALUES (1)", "trees (id) VALUES (1)"))
    again = await migrate(project, database)
    assert again.exit_code == 0
    assert [event["revision"] for event in again.find("revision_applied")] == ["r3"]


@backends("mariadb", "mysql", "sqlite")
@pytest.mark.parametrize("before", ["", OAK])
async def test_where_nothing_was_committed_nothing_is_left(project: Project, database: Database, before: str) -> None:
    """Rows roll back where DDL does not: such a failure needs no repair."""
    done = 1 if before else 0
    project.add_revision("r3", f"{before}\n{FAIL}")
    result = await migrate(project, database)
    assert result.exit_code == 7
    assert result.find("migration_failed", revision="r3", statements_done=done, statement_index=done + 1)
    assert stamped(database) == ["r2"]
    assert database.execute("SELECT id FROM plants") == [(1,)]


@backends("mariadb", "mysql")
async def test_ddl_that_stays_is_reported(project: Project, database: Database) -> None:
    """The next start would fail at it: a person must know what is done, and what is not."""
    project.add_revision("r3", f"{CREATE.format('trees')}\n{OAK}\n{FAIL}")
    result = await migrate(project, database)
    assert "trees" in database.tables()
    assert result.exit_code == 8
    (failure,) = result.find("migration_half_applied", revision="r3", statement_index=3, statements_done=2)
    assert failure["statement"] == "INSERT INTO no_such_table VALUES (1)"
    assert told(result)[-4:] == ["revision_started", "lock_released", "migration_half_applied", "startup_failed"]
    assert stamped(database) == ["r2"]
    assert database.execute("SELECT id FROM plants") == [(1,)]


@backends("mariadb", "mysql")
async def test_rows_that_a_failing_ddl_committed_are_reported(project: Project, database: Database) -> None:
    """MySQL commits before it tries: the row stays though no DDL has succeeded, and a second try doubles it."""
    project.add_revision("r3", f"{OAK}\n{FAILING_DDL}")
    result = await migrate(project, database)
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r3", statement_index=2, statements_done=1)


@backends("sqlite")
@pytest.mark.parametrize("failing", [FAILING_DDL, f"{CREATE.format('trees')}\n{FAIL}"])
async def test_sqlite_leaves_nothing_after_any_first_statement(
    project: Project, database: Database, failing: str
) -> None:
    """The driver would keep DDL that stands before the first change of rows."""
    project.add_revision("r3", f"{OAK}\n{failing}")
    result = await migrate(project, database)
    assert tables(database) == ["plants"]
    assert database.execute("SELECT id FROM plants") == [(1,)]
    assert result.exit_code == 7


@backends("postgresql")
@pytest.mark.parametrize(
    "fails",
    [
        f"with op.get_context().autocommit_block():\n    {FAIL}",
        f"with op.get_context().autocommit_block():\n    pass\n{FAIL}",
    ],
)
async def test_an_autocommit_block_commits_what_was_before(project: Project, database: Database, fails: str) -> None:
    """Needed for CREATE INDEX CONCURRENTLY; a failure in or after it leaves the first half."""
    project.add_revision("r3", f"{CREATE.format('trees')}\n{fails}")
    result = await migrate(project, database)
    assert "trees" in database.tables()
    assert stamped(database) == ["r2"]
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r3", statement_index=2, statements_done=1)


@backends("postgresql")
async def test_what_an_autocommit_block_did_stays(project: Project, database: Database) -> None:
    """Also when it comes first, and the failure after it."""
    project.add_revision("r3", f"with op.get_context().autocommit_block():\n    {CREATE.format('trees')}\n    {FAIL}")
    result = await migrate(project, database)
    assert "trees" in database.tables()
    assert result.exit_code == 8


@backends("postgresql")
async def test_an_index_that_failed_concurrently_is_left_invalid(project: Project, database: Database) -> None:
    """PostgreSQL leaves the ruin of the index, and the next try finds its name taken."""
    project.add_revision("r3", INSERT.format(2, "rose"))
    unique = "op.create_index('names', 'plants', ['name'], unique=True, postgresql_concurrently=True)"
    project.add_revision("r4", f"with op.get_context().autocommit_block():\n    {unique}")
    result = await migrate(project, database)
    assert database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass") == [(False,)]
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r4", statement_index=1, statements_done=0)


@backends("postgresql", "mariadb", "mysql")
@pytest.mark.parametrize("commit", ["op.execute('COMMIT')", "op.get_bind().commit()"])
async def test_a_commit_by_hand_is_noticed(project: Project, database: Database, commit: str) -> None:
    """As text it passes by SQLAlchemy's own notion of transactions."""
    project.add_revision("r3", f"{OAK}\n{commit}\n{FAIL}")
    result = await migrate(project, database)
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r3")


@backends("mariadb", "postgresql", "mysql")
async def test_a_statement_does_not_queue_for_a_table_without_limit(project: Project, database: Database) -> None:
    """All traffic would queue behind it: it gives way after a moment, tries again, and ends within its budget."""
    await migrate(project, database)
    project.add_revision("r3", "op.add_column('plants', sa.Column('height', sa.Integer))")
    with transaction(database, "SELECT * FROM plants"):
        result = await migrate(project, database, **IMPATIENT)
    assert result.exit_code == 7
    assert len(result.find("revision_retry_scheduled", revision="r3", statement_index=1)) >= 1
    (failure,) = result.find("migration_failed", revision="r3", statement_index=1, statements_done=0)
    assert failure["error_code"] in (1205, "55P03")
    assert "ORCHESTRATOR_DDL_RETRY_SECONDS" in failure["hint"]
    assert failure["statement"].startswith("ALTER TABLE plants ADD COLUMN height")
    assert (await migrate(project, database)).exit_code == 0


@backends("sqlite")
async def test_a_locked_file_is_waited_for_as_long(project: Project, database: Database) -> None:
    """SQLite has one lock for all tables."""
    await migrate(project, database)
    project.add_revision("r3", OAK)
    env = (project.path / "alembic" / "env.py").read_text()
    blocked = f"import sqlite3\nblocker = sqlite3.connect({database.name!r})\nblocker.execute('BEGIN IMMEDIATE')\n"
    project.write("alembic/env.py", blocked + env)
    result = await migrate(project, database, **IMPATIENT)
    assert result.exit_code == 7
    assert result.find("revision_retry_scheduled", revision="r3")
    assert result.find("migration_failed", revision="r3", error_message="database is locked")
    assert stamped(database) == ["r2"]


@backends("sqlite")
@pytest.mark.parametrize("command", ["serve", "migrate"])
async def test_an_image_whose_app_is_broken_migrates_nothing(
    project: Project, database: Database, command: str
) -> None:
    """It will be rolled back, and the image before it should not find a database that is ahead."""
    project.write("app/main.py", "import time\ntime.sleep(1)  # longer than the database takes\nimport no_such_module")
    result = await run(command, env=environment(database), cwd=project.path)
    assert failure(result, "app_failed", exit_code=3)["state"] == "waiting"
    assert result.find("database_ready")
    assert told(result) == ["startup_failed"]
    assert stamped(database) == []


@backends("sqlite")
async def test_a_driver_that_env_misses_is_named_before_anything_is_changed(
    project: Project, database: Database
) -> None:
    """SQLAlchemy imports it in `create_engine`; the revisions have nothing to do with it."""
    project.write("alembic/env.py", "import sqlalchemy\nsqlalchemy.create_engine('postgresql+psycopg2cffi://host/db')")
    result = await migrate(project, database)
    failed = failure(result, "migration_tree_invalid", 9)
    assert failed["error_type"] == "driver_missing"
    assert failed["hint"] == "The driver psycopg2cffi is not installed: pip install psycopg2cffi."
    assert database.tables() == []

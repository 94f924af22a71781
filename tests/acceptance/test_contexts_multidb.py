"""Several databases in one run of env.py, as Alembic's template `multidb` has them: each is migrated once."""

import signal
import textwrap
from pathlib import Path

from tests.acceptance.contexts import contexts_of, multidb
from tests.acceptance.migrations import WAIT_FOR_GO, environment, migrate, stamped, told
from tests.harness import Orchestrator, together
from tests.servers import Database, backends

WAIT = textwrap.indent(WAIT_FOR_GO, "    ")


@backends("mariadb")
async def test_multidb_is_killed_in_its_second_database_and_continues(
    tmp_path: Path, database: Database, other: Database
) -> None:
    """The kill undoes the first one's version, while its tables stay: its journal shows that."""
    project = multidb(tmp_path / "project", database, other, broken=f"op.execute('CREATE TABLE kept (id int)'){WAIT}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        await process.exit_code()
    assert "kept" in other.tables()
    project.write("go", "")
    result = await migrate(project, database)
    assert (result.exit_code, stamped(database), stamped(other)) == (0, ["r2"], ["r2"])
    assert {"one", "three"} <= set(database.tables())
    assert {"two", "four", "kept"} <= set(other.tables())


@backends("mariadb")
async def test_replicas_of_multidb_apply_each_revision_once(
    tmp_path: Path, database: Database, other: Database
) -> None:
    """Each database has a separate lock, and all processes take them in the same order."""
    project = multidb(tmp_path / "project", database, other)
    results = await together(*(migrate(project, database) for _ in range(2)))
    assert [result.exit_code for result in results] == [0, 0], [result.story() for result in results]
    applied = [(each["context"], each["revision"]) for result in results for each in result.find("revision_applied")]
    assert sorted(applied) == [(name, revision) for name in ("engine1", "engine2") for revision in ("r1", "r2")]


@backends("postgresql", "mariadb", "mysql")
async def test_the_multidb_template_migrates_each_database(tmp_path: Path, database: Database, other: Database) -> None:
    """An empty second database beside a first one at head is not passed over."""
    project = multidb(tmp_path / "project", database, other)
    first = await migrate(project, database)
    assert first.exit_code == 0
    assert contexts_of(first, "revision_applied") == ["engine1", "engine1", "engine2", "engine2"]
    for table in other.tables():
        other.execute(f"DROP TABLE {table}")
    second = await migrate(project, database)
    assert (second.exit_code, stamped(other)) == (0, ["r2"])
    assert {"two", "four"} <= set(other.tables())
    assert contexts_of(second, "migrations_current") == ["engine1"]
    third = await migrate(project, database)
    assert (third.exit_code, told(third)) == (0, ["migrations_current", "migrations_current"])


@backends("postgresql")
async def test_two_engines_on_one_database_do_not_wait_for_each_other(tmp_path: Path, database: Database) -> None:
    """The lock is the database's, and the first connection keeps it until env.py commits."""
    project = multidb(tmp_path / "project", database, database)
    for schema in ("engine1", "engine2"):
        database.execute(f"CREATE SCHEMA {schema}")
    env = project.path / "alembic" / "env.py"
    text = env.read_text()
    assert "connection=rec[" in text
    env.write_text(text.replace("connection=rec[", "version_table_schema=name, connection=rec["))
    result = await migrate(project, database, ORCHESTRATOR_LOCK_TIMEOUT_SECONDS="20")
    assert result.exit_code == 0
    assert [stamped(database, f"{schema}.alembic_version") for schema in ("engine1", "engine2")] == [["r2"], ["r2"]]


@backends("postgresql", "mariadb", "mysql")
async def test_multidb_that_fails_in_the_second_database_is_reported_correctly(
    tmp_path: Path, database: Database, other: Database
) -> None:
    """It commits all databases together; where DDL commits by itself, the first one keeps what it was given."""
    project = multidb(tmp_path / "project", database, other, broken="op.execute('SELECT * FROM nothing')")
    failed = await migrate(project, database)
    if database.backend == "postgresql":
        assert failed.exit_code == 7
        assert [table for table in database.tables() if not table.startswith("orchestrator_journal")] == []
    else:
        assert failed.exit_code == 8
        (failure,) = failed.find("migration_half_applied", context="engine2", revision="r2")
        assert "engine1" in failure["hint"]
    script = project.path / "alembic" / "versions" / "r2.py"
    script.write_text(script.read_text().replace("op.execute('SELECT * FROM nothing')", "pass"))
    fixed = await migrate(project, database)
    assert (fixed.exit_code, stamped(database), stamped(other)) == (0, ["r2"], ["r2"])
    assert {"two", "four"} <= set(other.tables())


@backends("postgresql")
async def test_a_two_phase_transaction_is_refused_before_anything_is_changed(
    tmp_path: Path, database: Database, other: Database
) -> None:
    """The journal could not be committed in it."""
    project = multidb(tmp_path / "project", database, other)
    env = project.path / "alembic" / "env.py"
    env.write_text(env.read_text().replace("USE_TWOPHASE = False", "USE_TWOPHASE = True"))
    result = await migrate(project, database)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type="not_supported")
    assert "two-phase" in failure["error_message"]
    assert (database.tables(), other.tables()) == ([], [])

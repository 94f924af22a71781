"""Several contexts in one run of env.py: each has its lock, journal, events and resume, and none is overlooked."""

import contextlib
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.contexts import multidb, tenants
from tests.acceptance.migrations import WAIT_FOR_GO, environment, migrate, stamped, told
from tests.harness import Orchestrator, Output, Project, make_project, together
from tests.servers import Database, Server, backends

WANTED = ["t_one", "t_two", "t_three"]


@pytest.fixture
def names(database: Database, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Return the names of three tenants: schemas of one database on PostgreSQL, separate databases elsewhere."""
    if database.backend == "postgresql":
        yield WANTED
        return
    server: Server = request.getfixturevalue("servers")[database.backend]
    with contextlib.ExitStack() as stack:
        created = [server.create_database() for _ in WANTED]
        for each in created:
            stack.callback(server.drop_database, each)
        yield [each.name for each in created]


def _columns(database: Database, names: list[str]) -> list[int]:
    """Count the columns of each tenant's table."""
    found = dict(
        database.execute(
            "SELECT table_schema, count(*) FROM information_schema.columns WHERE table_name = 't' GROUP BY table_schema"
        )
    )
    return [found.get(name, 0) for name in names]


WAIT = textwrap.indent(WAIT_FOR_GO, "    ")


def _wait_in(project: Project, tenant: str) -> None:
    """Add a revision that waits for us in one tenant."""
    wait = (
        "print('in', op.get_bind().dialect.default_schema_name)\n"
        f"while op.get_bind().dialect.default_schema_name == {tenant!r} and not os.path.exists('go'):\n"
        "    time.sleep(0.01)"
    )
    project.add_revision("r3", f"import os, time\nop.add_column('t', sa.Column('y', sa.Integer))\n{wait}")


def _contexts(output: Output, event: str) -> list[str]:
    return [each["context"] for each in output.find(event)]


@backends("postgresql", "mariadb", "mysql")
async def test_each_tenant_is_migrated_and_none_is_overlooked(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """A tenant that failed, or is new, is behind while the others are at head: one version table is not enough."""
    project = tenants(tmp_path / "project", database, names)
    settings = {"TENANTS": ",".join(names)}
    project.write("broken", "")
    failed = await migrate(project, database, **settings)
    assert failed.exit_code in {7, 8}
    assert failed.events[-1]["event"] == "startup_failed"
    (failure,) = failed.find("migration_failed", context=names[1], revision="r2")
    assert failure["error_message"]
    assert _columns(database, names) == [2, 1, 0]
    (project.path / "broken").unlink()
    second = await migrate(project, database, **settings)
    assert second.exit_code == 0
    assert _columns(database, names) == [2, 2, 2]
    assert _contexts(second, "migrations_current") == names[:1]
    assert _contexts(second, "migrations_planned") == names[1:]
    assert _contexts(second, "revision_applied") == [names[1], names[2], names[2]]
    assert _contexts(second, "migrations_completed") == names[1:]
    third = await migrate(project, database, **settings)
    assert (third.exit_code, told(third)) == (0, ["migrations_current"] * 3)
    assert _contexts(third, "migrations_current") == names


@backends("postgresql", "mariadb", "mysql")
async def test_replicas_share_the_tenants_work(tmp_path: Path, database: Database, names: list[str]) -> None:
    """Nothing is applied twice, in any order of replicas and tenants."""
    project = tenants(tmp_path / "project", database, names)
    results = await together(*(migrate(project, database, TENANTS=",".join(names)) for _ in range(2)))
    assert [result.exit_code for result in results] == [0, 0]
    assert _columns(database, names) == [2, 2, 2]
    applied = [(each["context"], each["revision"]) for result in results for each in result.find("revision_applied")]
    assert sorted(applied) == sorted((name, revision) for name in names for revision in ("r1", "r2"))


@backends("postgresql", "mariadb", "mysql")
async def test_a_kill_in_one_tenant_is_resumed_in_that_tenant(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """It has a separate journal: the first one's progress is not the second one's."""
    project = tenants(tmp_path / "project", database, names)
    _wait_in(project, names[1])
    settings = environment(database, TENANTS=",".join(names))
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        await process.event("log", message=f"in {names[1]}")
        process.signal(signal.SIGKILL)
        await process.exit_code()
    project.write("go", "")
    result = await migrate(project, database, TENANTS=",".join(names))
    assert result.exit_code == 0
    assert _columns(database, names) == [3, 3, 3]
    resumed = [names[1]] if database.backend != "postgresql" else []
    assert _contexts(result, "revision_resumed") == resumed
    assert _contexts(result, "migrations_current") == names[:1]


@backends("postgresql")
async def test_a_stop_in_one_tenant_ends_behind_its_revision(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """The tenant's work is committed, later tenants are left to the next start, and none is reported too early."""
    project = tenants(tmp_path / "project", database, names)
    _wait_in(project, names[1])
    settings = environment(database, TENANTS=",".join(names))
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        await process.event("log", message=f"in {names[1]}")
        process.signal(signal.SIGTERM)
        await process.event("stop_requested")
        project.write("go", "")
        assert await process.exit_code() == 12
    assert _columns(database, names) == [3, 3, 0]
    assert _contexts(process, "migrations_completed") == []
    result = await migrate(project, database, TENANTS=",".join(names))
    assert (result.exit_code, _columns(database, names)) == (0, [3, 3, 3])
    assert _contexts(result, "revision_applied") == [names[2]] * 3


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
    assert _contexts(first, "revision_applied") == ["engine1", "engine1", "engine2", "engine2"]
    for table in other.tables():
        other.execute(f"DROP TABLE {table}")
    second = await migrate(project, database)
    assert (second.exit_code, stamped(other)) == (0, ["r2"])
    assert {"two", "four"} <= set(other.tables())
    assert _contexts(second, "migrations_current") == ["engine1"]
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


@backends("sqlite", "postgresql", "mariadb", "mysql")
async def test_several_version_tables_in_one_schema(project: Project, database: Database) -> None:
    """As services that grew together have them: each is looked at, and named by its table."""
    project.write(
        "alembic/env.py",
        "from alembic import context\n"
        "from sqlalchemy import create_engine\n"
        f"with create_engine({database.synchronous_url!r}).connect() as connection:\n"
        "    for part in ('one', 'two'):\n"
        "        context.configure(connection=connection, version_table=f'{part}_version')\n"
        "        with context.begin_transaction():\n"
        "            context.run_migrations(part=part)\n",
    )
    script = project.add_revision("r1", "op.create_table(part, sa.Column('id', sa.Integer, primary_key=True))")
    script.write_text(script.read_text().replace("def upgrade():", "def upgrade(part):"))
    assert (await migrate(project, database)).exit_code == 0
    assert {"one", "two"} <= set(database.tables())
    database.execute("DROP TABLE two")
    database.execute("DELETE FROM two_version")
    database.execute("DELETE FROM orchestrator_journal_of_two_version")
    second = await migrate(project, database)
    assert (second.exit_code, stamped(database, "two_version")) == (0, ["r1"])
    assert _contexts(second, "revision_applied") == ["two"]


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


@backends("mariadb", "mysql")
async def test_version_tables_in_one_schema_have_a_journal_each(project: Project, database: Database) -> None:
    """A half-applied revision of one is not skipped for the other, even if env.py continues after a failure."""
    project.write(
        "alembic/env.py",
        "from alembic import context\n"
        "from sqlalchemy import create_engine\n"
        f"for part in ('one', 'two'):\n"
        f"    with create_engine({database.synchronous_url!r}).connect() as connection:\n"
        "        context.configure(connection=connection, version_table=f'{part}_version')\n"
        "        try:\n"
        "            with context.begin_transaction():\n"
        "                context.run_migrations(part=part)\n"
        "        except Exception:\n"
        "            pass\n",
    )
    upgrade = (
        "op.create_table(part, sa.Column('id', sa.Integer, primary_key=True))\n"
        "if part == 'one': op.execute('SELECT * FROM nothing')\n"
        "op.create_table(f'{part}_more', sa.Column('id', sa.Integer, primary_key=True))"
    )
    script = project.add_revision("r1", upgrade)
    script.write_text(script.read_text().replace("def upgrade():", "def upgrade(part):"))
    failed = await migrate(project, database)
    assert failed.exit_code == 8
    assert failed.find("migration_half_applied", context="one", revision="r1")
    assert {"one", "two", "two_more"} <= set(database.tables())
    assert (stamped(database, "one_version"), stamped(database, "two_version")) == ([], ["r1"])
    refused = await migrate(project, database, ORCHESTRATOR_WHEN_HALF_APPLIED="fail")
    (failure,) = refused.find("migration_half_applied", context="one", error_type="not_resumable")
    assert "orchestrator_journal_of_one_version_statements" in failure["hint"]


@backends("sqlite", "postgresql")
async def test_one_context_has_no_name(tmp_path: Path, database: Database) -> None:
    """A filter on `context` finds nothing if there is only one."""
    project = make_project(tmp_path / "stock")
    project.add_revision("r1", "pass")
    result = await migrate(project, database)
    assert {each["context"] for each in result.events if "context" in each} == {""}

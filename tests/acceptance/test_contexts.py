"""Several contexts in one run of env.py: each has its lock, journal, events and resume, and none is overlooked."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.contexts import multidb, tenants
from tests.acceptance.migrations import environment, migrate, stamped, told
from tests.harness import Orchestrator, Output, Project, make_project
from tests.servers import Database, Server, backends

WANTED = ["t_one", "t_two", "t_three"]


@pytest.fixture
def names(database: Database, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Name three tenants: schemas of one database on PostgreSQL, databases of their own on MariaDB and MySQL."""
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


def _contexts(output: Output, event: str) -> list[str]:
    return [each["context"] for each in output.find(event)]


@backends("postgresql", "mariadb", "mysql")
async def test_each_tenant_is_migrated_and_none_is_overlooked(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """One that failed, or is new, is behind while the others are at head: the version table of one says nothing."""
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
    """Nothing is applied twice, whoever comes first at which tenant."""
    project = tenants(tmp_path / "project", database, names)
    results = await asyncio.gather(*(migrate(project, database, TENANTS=",".join(names)) for _ in range(2)))
    assert [result.exit_code for result in results] == [0, 0]
    assert _columns(database, names) == [2, 2, 2]
    applied = [(each["context"], each["revision"]) for result in results for each in result.find("revision_applied")]
    assert sorted(applied) == sorted((name, revision) for name in names for revision in ("r1", "r2"))


@backends("postgresql", "mariadb", "mysql")
async def test_a_kill_in_one_tenant_is_resumed_in_that_tenant(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """Its journal is its own: what the first one has done says nothing of the second."""
    project = tenants(tmp_path / "project", database, names)
    wait = (
        "print('in', op.get_bind().dialect.default_schema_name)\n"
        f"while op.get_bind().dialect.default_schema_name == {names[1]!r} and not os.path.exists('go'):\n"
        "    time.sleep(0.01)"
    )
    project.add_revision("r3", f"import os, time\nop.add_column('t', sa.Column('y', sa.Integer))\n{wait}")
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
    database.execute("DELETE FROM orchestrator_journal")
    second = await migrate(project, database)
    assert (second.exit_code, stamped(database, "two_version")) == (0, ["r1"])
    assert _contexts(second, "revision_applied") == ["two"]


@backends("sqlite", "postgresql")
async def test_one_context_has_no_name(tmp_path: Path, database: Database) -> None:
    """A filter on `context` finds nothing where there is nothing to tell apart."""
    project = make_project(tmp_path / "stock")
    project.add_revision("r1", "pass")
    result = await migrate(project, database)
    assert {each["context"] for each in result.events if "context" in each} == {""}

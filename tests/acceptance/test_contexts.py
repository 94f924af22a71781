"""Several contexts in one run of env.py: each has its lock, journal, events and resume, and none is overlooked."""

import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.contexts import contexts_of, tenants
from tests.acceptance.migrations import environment, migrate, stamped, told
from tests.harness import Orchestrator, Project, make_project, together
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


def _wait_in(project: Project, tenant: str) -> None:
    """Add a revision that waits for us in one tenant."""
    wait = (
        "print('in', op.get_bind().dialect.default_schema_name)\n"
        f"while op.get_bind().dialect.default_schema_name == {tenant!r} and not os.path.exists('go'):\n"
        "    time.sleep(0.01)"
    )
    project.add_revision("r3", f"import os, time\nop.add_column('t', sa.Column('y', sa.Integer))\n{wait}")


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
    assert contexts_of(second, "migrations_current") == names[:1]
    assert contexts_of(second, "migrations_planned") == names[1:]
    assert contexts_of(second, "revision_applied") == [names[1], names[2], names[2]]
    assert contexts_of(second, "migrations_completed") == names[1:]
    third = await migrate(project, database, **settings)
    assert (third.exit_code, told(third)) == (0, ["migrations_current"] * 3)
    assert contexts_of(third, "migrations_current") == names


@backends("postgresql", "mariadb", "mysql")
async def test_replicas_share_the_tenants_work(tmp_path: Path, database: Database, names: list[str]) -> None:
    """Nothing is applied twice, in any order of replicas and tenants."""
    project = tenants(tmp_path / "project", database, names)
    results = await together(*(migrate(project, database, TENANTS=",".join(names)) for _ in range(2)))
    assert [result.exit_code for result in results] == [0, 0]
    assert _columns(database, names) == [2, 2, 2]
    applied = [(each["context"], each["revision"]) for result in results for each in result.find("revision_applied")]
    assert sorted(applied) == sorted((name, revision) for name in names for revision in ("r1", "r2"))


@contextlib.asynccontextmanager
async def _migrating_the_second(project: Project, database: Database, names: list[str]) -> AsyncIterator[Orchestrator]:
    """Run `migrate` until a revision of the second tenant waits for `go`."""
    _wait_in(project, names[1])
    settings = environment(database, TENANTS=",".join(names))
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        await process.event("log", message=f"in {names[1]}")
        yield process


@backends("postgresql", "mariadb", "mysql")
async def test_a_kill_in_one_tenant_is_resumed_in_that_tenant(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """It has a separate journal: the first one's progress is not the second one's."""
    project = tenants(tmp_path / "project", database, names)
    async with _migrating_the_second(project, database, names) as process:
        process.signal(signal.SIGKILL)
        await process.exit_code()
    project.write("go", "")
    result = await migrate(project, database, TENANTS=",".join(names))
    assert result.exit_code == 0
    assert _columns(database, names) == [3, 3, 3]
    resumed = [names[1]] if database.backend != "postgresql" else []
    assert contexts_of(result, "revision_resumed") == resumed
    assert contexts_of(result, "migrations_current") == names[:1]


@backends("postgresql")
async def test_a_stop_in_one_tenant_ends_behind_its_revision(
    tmp_path: Path, database: Database, names: list[str]
) -> None:
    """The tenant's work is committed, later tenants are left to the next start, and none is reported too early."""
    project = tenants(tmp_path / "project", database, names)
    async with _migrating_the_second(project, database, names) as process:
        process.signal(signal.SIGTERM)
        await process.event("stop_requested")
        project.write("go", "")
        assert await process.exit_code() == 12
    assert _columns(database, names) == [3, 3, 0]
    assert contexts_of(process, "migrations_completed") == []
    result = await migrate(project, database, TENANTS=",".join(names))
    assert (result.exit_code, _columns(database, names)) == (0, [3, 3, 3])
    assert contexts_of(result, "revision_applied") == [names[2]] * 3


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
    assert contexts_of(second, "revision_applied") == ["two"]


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

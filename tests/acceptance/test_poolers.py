"""Where sessions are shared, or locks are a node's own, nothing is migrated: refused in time, with the cure."""

import asyncio
import sys

from tests.acceptance.migrations import add_two, environment, migrate, stamped, told
from tests.acceptance.outcome import failure
from tests.clients import advisory_locks
from tests.harness import Orchestrator, Project
from tests.servers import Database, Server, backends
from tests.servers.galera import Galera
from tests.servers.pgbouncer import PgBouncer


@backends("postgresql")
async def test_a_pool_of_transactions_is_refused_before_anything_is_changed(
    project: Project, database: Database, server: Server
) -> None:
    """At every start, also where it meets prepared statements of the one before: with the cure, not with a riddle."""
    add_two(project)
    with PgBouncer(database, "transaction") as pool:
        for _ in range(3):
            result = await migrate(project, pool.database)
            failed = failure(result, "database_refused", exit_code=5)
            assert failed["error_type"] == "pooler"
            assert "MIGRATION_DATABASE_URL" in failed["hint"]
            assert told(result) == ["startup_failed"]
        assert pool.database.execute("SHOW lock_timeout") == [("0",)]
        assert advisory_locks(server, database) == 0
    assert database.tables() == []


@backends("postgresql")
async def test_a_direct_address_for_migrating_is_the_cure(project: Project, database: Database) -> None:
    """The app stays behind its pooler, and starts behind it any number of times."""
    add_two(project)
    with PgBouncer(database, "transaction") as pool:
        assert (await migrate(project, pool.database, MIGRATION_DATABASE_URL=database.url)).exit_code == 0
        assert stamped(database) == ["r2"]
        for _ in range(3):
            async with Orchestrator("serve", env=environment(pool.database), cwd=project.path) as process:
                await process.event("server_started")
                assert process.find("migrations_current", current_revision="r2")
                async with process.client() as client:
                    assert (await client.get("/")).text == "hello"
                assert await process.stop() == 0


@backends("postgresql")
async def test_a_pool_of_sessions_will_do(project: Project, database: Database) -> None:
    """A session is ours until we leave, and the lock with it."""
    add_two(project)
    with PgBouncer(database, "session") as pool:
        result = await migrate(project, pool.database)
    assert result.exit_code == 0
    assert stamped(database) == ["r2"]


@backends("postgresql")
async def test_a_tree_that_alembic_must_read_is_refused_with_the_cure_too(project: Project, database: Database) -> None:
    """Its env.py connects as it likes, and may meet the pool's riddles before we have asked."""
    add_two(project)
    env = project.path / "alembic" / "env.py"
    env.write_text(env.read_text().replace("target_metadata=target_metadata", "version_table='team_version'"))
    with PgBouncer(database, "transaction") as pool:
        for _ in range(3):
            result = await migrate(project, pool.database)
            assert result.exit_code in {5, 7}, result.story()
            assert "MIGRATION_DATABASE_URL" in result.events[-1]["hint"], result.story()
    assert database.tables() == []


async def test_galera_is_refused_before_anything_is_changed(project: Project) -> None:
    """And the cure works: one job with plain Alembic, and services that wait for it."""
    add_two(project)
    with Galera() as server:
        database = server.create_database()
        failed = failure(await migrate(project, database), "database_refused", exit_code=5)
        assert failed["error_type"] == "cluster"
        assert database.tables() == []
        env = environment(database, ORCHESTRATOR_MIGRATE="false")
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("database_retry_scheduled", error_type="not_at_head")
            await _alembic_upgrade(project, database)
            await process.event("server_started")
            assert await process.stop() == 0
    assert process.find("migrations_current", current_revision="r2")


async def _alembic_upgrade(project: Project, database: Database) -> None:
    """Run `alembic upgrade head`, with the database's URL where the template's env.py looks for it."""
    ini = project.path / "alembic.ini"
    lines = ini.read_text().splitlines()
    url = f"sqlalchemy.url = {database.url}"
    project.write("job.ini", "\n".join(url if line.startswith("sqlalchemy.url") else line for line in lines))
    argv = [sys.executable, "-m", "alembic", "-c", "job.ini", "upgrade", "head"]
    process = await asyncio.create_subprocess_exec(*argv, cwd=project.path)
    assert await process.wait() == 0

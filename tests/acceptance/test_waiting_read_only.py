"""A database that answers, but is not ready for what the start needs: it takes no writes, or is not at head."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.migrations import tables
from tests.acceptance.outcome import assert_well_formed
from tests.acceptance.waits import BRIEF, PATIENT, UNREACHABLE, gave_up
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import Database, MariaDB, PostgreSQL, Server, backends
from tests.servers.private import PrivateServer

SERVERS = backends("mariadb", "postgresql", "mysql")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    return project


def _mariadb_read_only(server: Server, _: Database, *, read_only: bool) -> None:
    server.execute(f"SET GLOBAL read_only={read_only:d}")


def _postgresql_read_only(server: Server, database: Database, *, read_only: bool) -> None:
    state = "on" if read_only else "off"
    server.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = {state}')


READ_ONLY = [(MariaDB, _mariadb_read_only, 1290), (PostgreSQL, _postgresql_read_only, "25006")]


@pytest.mark.parametrize(("make", "set_read_only", "code"), READ_ONLY)
async def test_a_server_that_takes_no_writes_is_waited_for_if_there_is_something_to_migrate(
    make: type[PrivateServer], set_read_only: Callable[..., None], code: int | str, project: Project
) -> None:
    """A failover passes; at head, a replica does for a start."""
    with make() as server:
        database = server.create_database()
        env = PATIENT | {"DATABASE_URL": database.url}
        set_read_only(server, database, read_only=True)
        async with Orchestrator("migrate", env=env, cwd=project.path) as process:
            await process.event("database_retry_scheduled", attempt=2, error_type="read_only", error_code=code)
            assert not process.find("migrations_planned")
            set_read_only(server, database, read_only=False)
            await process.event("migrations_completed", applied_count=1)
            assert await process.exit_code() == 0
        assert_well_formed(process)
        assert tables(database) == ["plants"]
        set_read_only(server, database, read_only=True)
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("server_started")
            assert process.find("migrations_current")
            assert not process.find("database_retry_scheduled")
            assert await process.stop() == 0


async def test_a_standby_is_distinguished_from_a_primary(project: Project) -> None:
    """It answers for the whole time, and the reported cause is that it accepts no writes."""
    with PostgreSQL() as server:
        database = server.create_database()
        server.restart_as_standby()
        env = BRIEF | {"DATABASE_URL": database.url}
        failed = gave_up(
            await run("migrate", env=env, cwd=project.path), UNREACHABLE, "read_only", "25006", also="timeout"
        )
        assert "replica" in failed["hint"]
        assert (await run("wait", env=env, cwd=project.path)).exit_code == 0


@SERVERS
async def test_a_start_that_does_not_migrate_waits_for_one_that_does(database: Database, project: Project) -> None:
    """With ORCHESTRATOR_MIGRATE=false the service starts when another task has brought the database to head."""
    env = PATIENT | {"DATABASE_URL": database.url}
    async with Orchestrator("serve", env=env | {"ORCHESTRATOR_MIGRATE": "false"}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="not_at_head", attempt=2)
        assert database.tables() == []
        assert (await run("migrate", env=env, cwd=project.path)).exit_code == 0
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)

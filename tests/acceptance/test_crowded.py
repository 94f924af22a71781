"""More replicas than connections: one that needs another connection lets its own go, so that those who work can end."""

import asyncio
import contextlib
import uuid

import psycopg2
import pymysql
import pytest

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go
from tests.acceptance.outcome import assert_well_formed
from tests.acceptance.waits import log_in
from tests.harness import PATIENCE_SECONDS, Orchestrator, Project, run
from tests.servers import Database, MariaDB, PostgreSQL, Server, backends
from tests.servers.private import PrivateServer

FAST = {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "1"}
FULL = (pymysql.err.OperationalError, psycopg2.OperationalError)


@pytest.fixture
def waiting(project: Project) -> Project:
    """Return a project whose env.py waits for us before it connects."""
    env = (project.path / "alembic/env.py").read_text()
    project.write("alembic/env.py", f"{WAIT_FOR_GO}\n{env}")
    project.add_revision("r1", CREATE.format("plants"))
    return project


def _fill(database: Database, connections: contextlib.ExitStack, *, free: int) -> None:
    """Occupy all connections of the server but some."""
    kept = [log_in(database) for _ in range(free)]
    with contextlib.suppress(*FULL):
        while True:
            connections.enter_context(contextlib.closing(log_in(database)))
    for each in kept:
        each.close()


async def _take(database: Database, connections: contextlib.ExitStack) -> None:
    """Occupy the last connection as soon as nobody has it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(*FULL):
                connections.enter_context(contextlib.closing(log_in(database)))
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("make", "code"), [(MariaDB, 1040), (PostgreSQL, "53300")])
@pytest.mark.parametrize("free", [0, 1])
async def test_a_migration_without_a_connection_waits_and_holds_none(
    make: type[PrivateServer], code: int | str, free: int, waiting: Project
) -> None:
    """env.py's login was refused, or it had the last connection and the lock's check another: exit 7, or a deadlock."""
    with make("--max-connections=11") as server, contextlib.ExitStack() as connections:
        database = server.create_database()
        async with Orchestrator("migrate", env=environment(database) | FAST, cwd=waiting.path) as process:
            await process.event("log", message="waiting for go")
            _fill(database, connections, free=free)
            seen = len(process.events)
            go(waiting)
            await process.event("database_retry_scheduled", after=seen, error_type="busy", error_code=code)
            if free:
                await _take(database, connections)
            connections.close()
            await process.event("migrations_completed")
            assert await process.exit_code() == 0
        assert_well_formed(process)
        assert "plants" in database.tables()


@backends("mariadb", "mysql", "postgresql")
async def test_a_login_with_one_connection_migrates_at_once(
    database: Database, server: Server, project: Project
) -> None:
    """The turn's own connection was the only one, or the check of the server's sessions asked for a second one."""
    user = f"u_{uuid.uuid4().hex[:8]}"
    if database.backend == "postgresql":
        login = server.add_user(database, user, "s3cret", "CREATE")
        server.execute(f"ALTER ROLE {user} CONNECTION LIMIT 1")
    else:
        login = server.add_user(database, user, "s3cret", "ALL")
        server.execute(f"ALTER USER {user}@'%' WITH MAX_USER_CONNECTIONS 1")
    project.add_revision("r1", CREATE.format("plants"))
    result = await run("migrate", env=environment(login), cwd=project.path, within=30)
    assert result.exit_code == 0
    assert [event["error_type"] for event in result.find("database_retry_scheduled")] == ["busy"]
    assert "plants" in database.tables()

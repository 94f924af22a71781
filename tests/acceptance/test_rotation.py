"""The password changes in the database and in the secret's file, in either order, while the database is waited for."""

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.outcome import failure
from tests.acceptance.rotating import NEW, OLD, WRONG, Secret, assert_secret
from tests.harness import Orchestrator, run
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql")


@pytest.fixture
def secret(database: Database, server: Server, tmp_path: Path) -> Secret:
    """Return a user with a separate secret."""
    return Secret(database, server, tmp_path)


@SERVERS
async def test_a_file_that_is_behind_the_database_is_waited_for(secret: Secret, tmp_path: Path) -> None:
    """AWS changes the database first; the new password is tried as soon as the file has it."""
    secret.alter(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials", attempt=1)
        secret.write(NEW)
        ready = await process.event("database_ready")
        assert await process.exit_code() == 0
    assert ready["attempts"] == 2
    assert_secret(process)


@SERVERS
async def test_a_file_that_is_ahead_of_the_database_is_tried_again(secret: Secret, tmp_path: Path) -> None:
    """Others change the file first."""
    secret.write(NEW)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials", attempt=1)
        secret.alter(NEW)
        await process.event("database_ready", attempts=2)
        assert await process.exit_code() == 0
    assert_secret(process)


@SERVERS
async def test_a_password_that_stays_wrong_is_refused_at_the_third_attempt(secret: Secret, tmp_path: Path) -> None:
    """There are few attempts, because servers lock accounts; but the start still ends and gives the reason."""
    secret.write(WRONG)
    result = await run("wait", env=secret.env, cwd=tmp_path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("credentials", 3)
    assert "DATABASE_SECRET_FILE" in failed["hint"]
    assert_secret(result)


@SERVERS
async def test_each_change_of_the_file_is_worth_new_attempts(secret: Secret, tmp_path: Path) -> None:
    """The refused ones had another password."""
    secret.write(WRONG)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        for number in range(1, 5):
            await process.event("database_retry_scheduled", error_type="credentials", attempt=number)
            secret.write(f"{WRONG}{number}")
        await process.event("database_retry_scheduled", attempt=5)
        secret.write(OLD)
        await process.event("database_ready", attempts=6)
        assert await process.exit_code() == 0
    assert_secret(process)


@SERVERS
async def test_a_refusal_is_reported_as_such_when_the_budget_is_spent(secret: Secret, tmp_path: Path) -> None:
    """Exit 4 would send a person to look at the network."""
    secret.write(WRONG)
    result = await run("wait", env=secret.env | {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "4"}, cwd=tmp_path)
    assert failure(result, "database_refused", 5)["error_type"] == "credentials"


@SERVERS
async def test_a_rotation_may_change_the_user_too(secret: Secret, tmp_path: Path, server: Server) -> None:
    """With alternating users the old one still lets old tasks in, until the next rotation."""
    rights = ("CREATE",) if server.backend == "postgresql" else ("ALL PRIVILEGES",)
    clone = make_url(server.add_user(secret.database, "gardener_clone", NEW, *rights).url)
    secret.alter(WRONG)
    async with Orchestrator("wait", env=secret.env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="credentials")
        secret.url = clone
        secret.write(NEW)
        await process.event("database_ready")
        assert await process.exit_code() == 0
    assert_secret(process)

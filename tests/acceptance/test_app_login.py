"""The app's own login, where another one migrates: it is tried before the app is served."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import Database, Server, backends


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    return project


def _env(app: str, migration: str) -> dict[str, str]:
    return {"DATABASE_URL": app, "MIGRATION_DATABASE_URL": migration, "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20"}


@backends("mariadb", "postgresql")
async def test_an_app_that_cannot_log_in_is_not_served(project: Project, database: Database) -> None:
    """Ready behind a wrong password, every request would fail."""
    env = _env(make_url(database.url).set(password="wrong").render_as_string(hide_password=False), database.url)
    result = await run("serve", env=env, cwd=project.path)
    refused = failure(result, "database_refused", 5)
    assert refused["error_type"] == "credentials"
    assert "the app's own login" in refused["hint"]
    assert result.find("revision_applied")
    assert not result.find("server_started")


@backends("mariadb", "postgresql")
async def test_an_app_of_another_database_is_not_served(project: Project, database: Database, server: Server) -> None:
    """Its tables would be missing, or old; a second address of the same database is fine."""
    other = server.create_database().url
    refused = failure(await run("serve", env=_env(other, database.url), cwd=project.path), "database_refused", 5)
    assert refused["error_type"] == "another_database"
    same = database.url.replace("127.0.0.1", "localhost")
    async with Orchestrator("serve", env=_env(same, database.url), cwd=project.path) as process:
        assert (await process.event("app_database_ready"))["server"] == "the server"
        await process.event("server_started")
        assert await process.stop() == 0


@backends("postgresql")
async def test_an_app_whose_address_is_unknown_is_reported_as_untried(project: Project, database: Database) -> None:
    """Ready would otherwise seem to prove that the app can log in."""
    env = {"MIGRATION_DATABASE_URL": database.url}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("app_database_unknown")
        await process.event("server_started")
        assert await process.stop() == 0


async def test_logins_for_two_kinds_of_database_contradict_each_other(project: Project) -> None:
    """One of them is wrong; it is not known which."""
    env = _env("mysql://u:p@h/d", "postgresql://u:p@h/d")
    assert failure(await run("serve", env=env, cwd=project.path), "settings_invalid", 78)["variables"] == [
        "MIGRATION_DATABASE_URL"
    ]

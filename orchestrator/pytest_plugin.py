"""Fixtures for pytest: the app behind the orchestrator, a migrated database, a check of the migrations.

Override `orchestrator_settings`, `orchestrator_environment` and `orchestrator_database_url` in conftest.py; see
docs/testing.md. Nothing of the orchestrator is imported before a test uses a fixture.
"""

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.library.child import Orchestrator
    from orchestrator.settings.model import Settings


@pytest.fixture(scope="session")
def orchestrator_settings() -> "Settings":
    """Settings that differ from the defaults and from the environment; override it."""
    from orchestrator.settings.model import Settings

    return Settings()


@pytest.fixture(scope="session")
def orchestrator_environment() -> dict[str, str]:
    """More variables of the process, such as those of the app; override it."""
    return {}


@pytest.fixture(scope="session")
def orchestrator_database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of an empty database for the tests: an SQLite file for each session and worker; override it."""
    return f"sqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"


@pytest.fixture(scope="session")
def orchestrator_server(
    orchestrator_settings: "Settings", orchestrator_environment: dict[str, str], orchestrator_database_url: str
) -> "Iterator[Orchestrator]":
    """Return the app, served on a free port with a migrated database; `url` is where, `events` what happened."""
    from orchestrator.library.child import Orchestrator

    orchestrator = Orchestrator(
        orchestrator_settings, database_url=orchestrator_database_url, env=orchestrator_environment
    )
    with orchestrator:
        orchestrator.wait_until_serving()
        yield orchestrator


@pytest.fixture(scope="session")
def migrated_database(
    orchestrator_settings: "Settings", orchestrator_environment: dict[str, str], orchestrator_database_url: str
) -> str:
    """Return the URL of the database, which is at head."""
    from orchestrator.library.child import run

    run("migrate", orchestrator_settings, database_url=orchestrator_database_url, env=orchestrator_environment)
    return orchestrator_database_url


@pytest.fixture(scope="session")
def checked_migrations(migrated_database: str, orchestrator_environment: dict[str, str]) -> str:
    """Run the revisions from base to head, and fail if `alembic check` finds a difference from the models.

    Returns the URL of the database. It must have been empty before the session.
    """
    environ = os.environ | orchestrator_environment | {"DATABASE_URL": migrated_database}
    argv = [sys.executable, "-m", "alembic", "check"]
    checked = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if checked.returncode:
        pytest.fail(f"`alembic check` failed:\n{checked.stdout}{checked.stderr}", pytrace=False)
    return migrated_database

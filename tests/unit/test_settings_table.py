"""The variables and their defaults are public interface: section 2 of the contract, pinned."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import load

OURS: dict[str, Any] = {
    "ORCHESTRATOR_APP": "app.main:app",
    "ORCHESTRATOR_APP_FACTORY": False,
    "ORCHESTRATOR_ALEMBIC_CONFIG": None,
    "ALEMBIC_CONFIG": None,
    "ORCHESTRATOR_ALEMBIC_NAME": "alembic",
    "ORCHESTRATOR_ALEMBIC_X": "",
    "ORCHESTRATOR_TARGET": "head",
    "ORCHESTRATOR_MIGRATE": True,
    "ORCHESTRATOR_BEFORE_MIGRATE": "",
    "ORCHESTRATOR_AFTER_MIGRATE": "",
    "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS": 300,
    "ORCHESTRATOR_EMBEDDED_DATABASE": "forbid",
    "ORCHESTRATOR_HOST": "127.0.0.1",
    "PORT": 8000,
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": 300,
    "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": 5,
    "ORCHESTRATOR_WAIT_FOR": "",
    "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": 900,
    "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS": None,
    "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": 5,
    "ORCHESTRATOR_DDL_RETRY_SECONDS": 300,
    "ORCHESTRATOR_HEARTBEAT_SECONDS": 10,
    "ORCHESTRATOR_WHEN_AHEAD": "serve",
    "ORCHESTRATOR_WHEN_HALF_APPLIED": "resume",
    "ORCHESTRATOR_DRAIN_SECONDS": 0,
    "ORCHESTRATOR_SHUTDOWN_SECONDS": 25,
    "ORCHESTRATOR_LOG_CONFIG": None,
    "ORCHESTRATOR_LOG_LEVEL": "info",
    "ORCHESTRATOR_LOG_FORMAT": "auto",
    "ORCHESTRATOR_SERVICE": "app",
    "ORCHESTRATOR_VERSION": "",
    "ORCHESTRATOR_LIVE_PATH": "/livez",
    "ORCHESTRATOR_READY_PATH": "/readyz",
    "ORCHESTRATOR_STARTUP_PATH": "/startupz",
    "ORCHESTRATOR_STATUS_DETAIL": "public",
    "ORCHESTRATOR_METRICS": "none",
    "ORCHESTRATOR_METRICS_NAMESPACE": "Orchestrator",
    "ORCHESTRATOR_ENVIRONMENT": "",
    "FORWARDED_ALLOW_IPS": None,
    "WEB_CONCURRENCY": None,
}
DATABASE = [
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "DATABASE_SECRET",
    "DATABASE_SECRET_FILE",
    "DATABASE_DRIVER",
    "DATABASE_HOST",
    "DATABASE_PORT",
    "DATABASE_NAME",
    "DATABASE_USER",
    "DATABASE_PASSWORD",
    "DATABASE_PASSWORD_FILE",
    "DATABASE_SSL_CA",
    "DATABASE_IAM_AUTH",
    "MIGRATION_DATABASE_URL",
    "MIGRATION_DATABASE_URL_FILE",
    "MIGRATION_DATABASE_SECRET",
    "MIGRATION_DATABASE_SECRET_FILE",
    "MIGRATION_DATABASE_HOST",
    "MIGRATION_DATABASE_PORT",
    "MIGRATION_DATABASE_NAME",
    "MIGRATION_DATABASE_USER",
    "MIGRATION_DATABASE_PASSWORD",
    "MIGRATION_DATABASE_PASSWORD_FILE",
]


def test_an_empty_environment_gives_the_defaults_of_the_contract() -> None:
    """A task definition may omit what the documentation lists as the default."""
    settings, credentials = load({})
    assert {name: getattr(settings, field) for name, field in Settings.variables().items()} == OURS
    assert not credentials.embedded
    assert not credentials.known


def test_the_databases_variables_are_those_of_the_contract() -> None:
    """Their names stand in task definitions."""
    assert list(DatabaseSettings.variables()) == DATABASE


def test_each_variable_is_explained_and_its_example_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault shows the example: following it must not lead to the next fault."""
    monkeypatch.chdir(tmp_path)
    database = {"DATABASE_URL": "sqlite+aiosqlite:///some.db"}
    for name in ("alembic.ini", "logging.yaml"):
        (tmp_path / name).touch()
    for name, field in Settings.variables().items():
        defined = Settings.fields[field]
        assert defined.help, name
        settings, _ = load({name: defined.example, **database})
        assert str(getattr(settings, field)).lower() in {defined.example, f"{defined.example}.0"}, name


def test_a_setting_that_does_not_exist_is_refused_in_python_too() -> None:
    """A program that misspells one would get the default in silence."""
    with pytest.raises(TypeError, match="Settings has no wait_timeout"):
        Settings(wait_timeout=5)
    with pytest.raises(AttributeError):
        Settings().port = 1

"""The listeners of one connection work together in any order: SQLAlchemy ignores `insert=True` for `do_connect`."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from orchestrator.databases import backend_for
from orchestrator.databases.credential_refresh import kept_current
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade.connect_hooks import our_connections
from tests.servers import certificates
from tests.unit.environments import read

ENDPOINT = "plants.c9akciq32.eu-central-1.rds.amazonaws.com"
APP = f"mysql+pymysql://app:s3cret@{ENDPOINT}/plants"


def _arguments(credentials: Credentials) -> dict[str, Any]:
    """Return the arguments of the driver when env.py connects with the app's login."""
    found: dict[str, Any] = {}

    def capture(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        found.update(parameters)
        raise ConnectionError

    backend_for("mysql")  # its listener, which encodes passwords, is the first
    with kept_current(credentials), our_connections(credentials):
        event.listen(Engine, "do_connect", capture)
        try:
            with contextlib.suppress(ConnectionError):
                create_engine(APP).connect()
        finally:
            event.remove(Engine, "do_connect", capture)
    return found


def test_the_password_for_migrating_is_encoded() -> None:
    """PyMySQL would send it as Latin-1, and the server would refuse it."""
    found = _arguments(read(DATABASE_URL=APP, MIGRATION_DATABASE_USER="owner", MIGRATION_DATABASE_PASSWORD="0wnër€"))
    assert (found["user"], found["password"]) == ("owner", "0wnër€".encode())


def test_the_login_for_migrating_gets_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has no password, unlike the app's login that env.py has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    certificates.make(tmp_path, ["localhost"])
    credentials = read(
        DATABASE_URL=APP,
        MIGRATION_DATABASE_URL=f"mysql+pymysql://owner@{ENDPOINT}/plants",
        DATABASE_IAM_AUTH="true",
        DATABASE_SSL_CA=str(tmp_path / certificates.AUTHORITY),
    )
    found = _arguments(credentials)
    assert found["user"] == "owner"
    assert "DBUser=owner" in found["password"]

"""Environments that give the database's address, and the result of reading them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.errors import SettingsInvalid, StartupError
from orchestrator.logins.credentials import Credentials
from orchestrator.settings.validation import load

PARTS = {
    "DATABASE_DRIVER": "postgresql+asyncpg",
    "DATABASE_HOST": "db.internal",
    "DATABASE_PORT": "6432",
    "DATABASE_NAME": "plants",
    "DATABASE_USER": "app",
    "DATABASE_PASSWORD": "s3cret",
}
SECRET = {
    "username": "rds",
    "password": "from-secret",
    "host": "rds.internal",
    "port": 3307,
    "dbname": "roses",
    "engine": "mysql",
}


def read(**environ: str) -> Credentials:
    """The credentials, which must be right."""
    credentials, faults = Credentials.read(environ, embedded=True)
    assert credentials is not None, faults
    return credentials


def fault(**environ: str) -> tuple[str, str]:
    """The one fault: variable and problem."""
    credentials, faults = Credentials.read(environ, embedded=True)
    assert credentials is None
    assert len(faults) == 1
    return faults[0].variable, faults[0].problem


def secret(**changes: Any) -> str:
    """An RDS secret; None leaves a key out."""
    return json.dumps({key: value for key, value in (SECRET | changes).items() if value is not None})


def faults_of(environ: Mapping[str, str]) -> SettingsInvalid:
    """Return the failure of `load` for a wrong environment."""
    with pytest.raises(StartupError) as caught:
        load(environ)
    assert isinstance(caught.value.failure, SettingsInvalid)
    return caught.value.failure


def problem_of(environ: Mapping[str, str], name: str) -> str:
    """The problem of the one variable at fault."""
    failure = faults_of(environ)
    assert failure.variables == [name]
    (fault,) = failure.faults
    assert fault["variable"] == name
    assert fault["example"]
    assert failure.fault_count == 1
    assert fault["problem"] in failure.error_message
    return fault["problem"]

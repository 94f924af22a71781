"""Environments that say where the database is, and what becomes of them."""

import json
from typing import Any

from orchestrator.credentials import Credentials

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

"""The settings of the service, from its environment."""

import os
from dataclasses import dataclass
from typing import Self

DEFAULT_DATABASE_URL = "sqlite+aiosqlite:///app.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment, read once, when the service starts."""

    database_url: str = DEFAULT_DATABASE_URL
    database_ssl_ca: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment; an empty variable counts as one that is not there."""
        return cls(
            database_url=os.environ.get("DATABASE_URL") or DEFAULT_DATABASE_URL,
            database_ssl_ca=os.environ.get("DATABASE_SSL_CA") or None,
        )

    def __repr__(self) -> str:
        """Say nothing: the URL holds a password."""
        return "Settings(...)"

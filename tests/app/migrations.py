"""Alembic as its command line runs it, on one database, for tests in an event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import Base

T = TypeVar("T")
PROJECT = Path(__file__).parents[2]


def configuration(url: str) -> Config:
    """Return the project's configuration with this database in it, as the orchestrator sets it."""
    config = Config(PROJECT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def revisions() -> list[str]:
    """Name the revisions, the first one first."""
    script = ScriptDirectory.from_config(Config(PROJECT / "alembic.ini"))
    return [revision.revision for revision in script.walk_revisions()][::-1]


@dataclass(frozen=True)
class Migrations:
    """A database and Alembic's commands on it, in a separate thread because env.py calls asyncio.run."""

    url: str

    async def upgrade(self, revision: str = "head") -> None:
        """Run `alembic upgrade`."""
        await asyncio.to_thread(command.upgrade, configuration(self.url), revision)

    async def downgrade(self, revision: str = "base") -> None:
        """Run `alembic downgrade`."""
        await asyncio.to_thread(command.downgrade, configuration(self.url), revision)

    async def check(self) -> None:
        """Run `alembic check`: an error when autogenerate would find something to do."""
        await asyncio.to_thread(command.check, configuration(self.url))

    async def differences(self) -> list[Any]:
        """Say what distinguishes the models from the tables, the orchestrator's left out."""
        return await self.run(_differences)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do something on a connection, and commit it."""
        engine = create_async_engine(self.url, poolclass=NullPool)
        async with engine.begin() as connection:
            return await connection.run_sync(work)


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    differences: list[Any] = compare_metadata(context, Base.metadata)
    return differences

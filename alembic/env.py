"""Alembic's own asynchronous template; it differs only in where the URL and the tables come from."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from alembic import context
from sqlalchemy import make_url, pool
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import async_engine_from_config

from app.database import connect_arguments
from app.models import Base
from app.settings import Settings

config = context.config
target_metadata = Base.metadata

settings = Settings.from_environment()
if not config.get_main_option("sqlalchemy.url"):
    config.set_main_option("sqlalchemy.url", settings.database_url.replace("%", "%%"))


def include_name(name: str | None, type_: str, _parents: MutableMapping[Any, str | None]) -> bool:
    """Keep autogenerate from dropping tables that are not the app's."""
    return not (type_ == "table" and name is not None and name.startswith("orchestrator_journal"))


def run_migrations_offline() -> None:
    """Write the SQL instead of running it."""
    url = config.get_main_option("sqlalchemy.url")
    context.configure(
        url=url,
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )

    with context.begin_transaction():
        context.run_migrations()


def do_run_migrations(connection: Connection) -> None:
    """Run the migrations on a connection."""
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        include_name=include_name,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )

    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations() -> None:
    """Connect, run the migrations, and leave nothing behind."""
    section = config.get_section(config.config_ini_section, {})
    tls = connect_arguments(make_url(section["sqlalchemy.url"]), settings.database_ssl_ca).get("ssl")
    connectable = async_engine_from_config(
        section,
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
        connect_args={"ssl": tls} if tls else {},
    )

    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)

    await connectable.dispose()


def run_migrations_online() -> None:
    """Run the migrations in an event loop of their own: the caller must be in none."""
    asyncio.run(run_async_migrations())


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()

"""The way to the database: one engine for the life of the service, one session a request."""

import ssl
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.settings import Settings

WRITER_SECONDS = 30  # that a writer of SQLite waits for the others: as long as SQLAlchemy's pool waits for a connection


def create_engine(settings: Settings) -> AsyncEngine:
    """Make the engine; it connects when it is first used, and again after the database was away."""
    url = make_url(settings.database_url)
    engine = create_async_engine(url, connect_args=connect_arguments(url, settings.database_ssl_ca), pool_pre_ping=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _enforce_foreign_keys)
    return engine


def connect_arguments(url: URL, ssl_ca: str | None) -> dict[str, Any]:
    """Return arguments that the URL cannot contain: with a CA bundle, TLS that verifies chain and host name.

    The context is made here because ``ssl=true`` has a different meaning in each driver, and some of them do not
    verify. SQLite has no connection to encrypt, but its writers wait for each other in no order: some waited longer
    than the driver's five seconds and failed with "database is locked".
    """
    if url.get_backend_name() == "sqlite":
        return {"timeout": WRITER_SECONDS}
    if ssl_ca is None:
        return {}
    return {"ssl": ssl.create_default_context(cafile=ssl_ca)}


def _enforce_foreign_keys(connection: DBAPIConnection, _record: object) -> None:
    """Ask SQLite to mean its foreign keys; it forgets with each connection."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Lend a session to one request; what it did not commit never happened."""
    async with request.app.state.sessions() as session:
        yield session


# Scope "function" gives the connection back before the answer is sent: a slow reader holds none.
Session = Annotated[AsyncSession, Depends(open_session, scope="function")]

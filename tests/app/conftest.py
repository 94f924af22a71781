"""The service in this process, with a separate database: its lifespan, and a client without a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.main import app
from tests.app.migrations import Migrations
from tests.servers import Database


@pytest.fixture
def database_url(database: Database) -> str:
    """An empty database: each test that asks for it runs on every server there is."""
    return database.url


@pytest.fixture
def migrations(database_url: str) -> Migrations:
    """Alembic, on the empty database."""
    return Migrations(database_url)


@pytest.fixture
async def client(migrations: Migrations, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, with a migrated database behind it."""
    await migrations.upgrade()
    async with served(migrations.url, monkeypatch) as client:
        yield client


@pytest.fixture
async def careful_client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the service without a database, for requests that must not reach one."""
    async with served("sqlite+aiosqlite:////nowhere/at/all.db", monkeypatch) as client:
        yield client


@asynccontextmanager
async def served(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service's lifespan round a client; what the service does not handle is an error here."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("DATABASE_SSL_CA", raising=False)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://plants.test") as client,
    ):
        yield client

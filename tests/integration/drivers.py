"""Every installed driver that an env.py may use, with a database of its kind."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.address.drivers import ASYNCHRONOUS, DRIVERS
from tests.servers import BACKENDS, Database

T = TypeVar("T")

BACKEND_OF = {"mysql": "mariadb", "postgresql": "postgresql", "sqlite": "sqlite"}


def installed() -> list[str]:
    """Name them, as SQLAlchemy does."""
    return [each.name for each in DRIVERS.values() if each.installed and BACKEND_OF[each.database] in BACKENDS]


@pytest.fixture(params=installed())
def driver(request: pytest.FixtureRequest) -> str:
    """Return the name of each driver."""
    return str(request.param)


@pytest.fixture
def its_database(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Create an empty database of the driver's kind."""
    backend = BACKEND_OF[DRIVERS[driver].database]
    if backend == "sqlite":
        yield Database(f"sqlite+aiosqlite:///{tmp_path / 'app.db'}", backend)
        return
    server = request.getfixturevalue("servers")[backend]
    database = server.create_database()
    yield database
    server.drop_database(database)


def url_for(driver: str, url: str) -> str:
    """Exchange the driver of a URL."""
    found = make_url(url)
    return found.set(drivername=f"{found.get_backend_name()}+{driver}").render_as_string(hide_password=False)


def on_a_connection(driver: str, url: str, work: Callable[[Connection], T]) -> T:
    """Do something on a connection of this driver, as a stock env.py of its kind would."""
    if driver not in ASYNCHRONOUS:
        with create_engine(url_for(driver, url), poolclass=NullPool).connect() as connection:
            return work(connection)

    async def run() -> T:
        engine = create_async_engine(url_for(driver, url), poolclass=NullPool)
        async with engine.connect() as connection:
            return await connection.run_sync(work)

    return asyncio.run(run())

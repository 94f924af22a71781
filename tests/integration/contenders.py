"""Contenders for the migration lock, each on a separate real connection."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, NullPool, create_engine

from orchestrator.databases import MigrationLock, backend_for
from tests.servers import Database

CONTENDERS = 5


@dataclass
class Contender:
    """A contender for the lock, on a separate connection."""

    connection: Connection
    lock: MigrationLock

    def wait(self) -> None:
        """Take the lock, as soon as it is free."""
        deadline = time.monotonic() + 60
        while not self.lock.try_acquire():
            assert time.monotonic() < deadline
            time.sleep(self.lock.pause_seconds)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as the driver has it from the server."""
        driver = self.connection.connection.driver_connection
        assert driver
        match self.connection.dialect.driver:
            case "psycopg2":
                return bool(driver.info.transaction_status)
            case "pymysql":
                return bool(driver.server_status & 1)
        return bool(driver.in_transaction)


@contextlib.contextmanager
def contender(database: Database) -> Iterator[Contender]:
    """Connect with the synchronous driver."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool, connect_args=_any_thread(database))
    with engine.connect() as connection:
        lock = backend_for(database.backend).lock(connection.connection.dbapi_connection)
        yield Contender(connection, lock)
        if database.backend == "sqlite":
            lock.release()  # it lives as long as its process, not as its connection


def _any_thread(database: Database) -> dict[str, bool]:
    return {"check_same_thread": False} if database.backend == "sqlite" else {}

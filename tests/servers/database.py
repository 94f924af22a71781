"""A database as a test sees it: its address and its content."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
import sqlalchemy
from sqlalchemy.engine import URL, Inspector, make_url
from sqlalchemy.pool import NullPool

_SYNCHRONOUS = {"mysql": "pymysql", "mariadb": "pymysql", "postgresql": "psycopg2", "sqlite": "pysqlite"}
_make_context: Any = pymysql.Connection._create_ssl_ctx  # noqa: SLF001


@functools.cache
def _context_that_verifies_nothing() -> Any:
    return _make_context(None, {})


# Without options PyMySQL verifies no certificate, but reads all the system's for each connection: 20 ms of CPU.
pymysql.Connection._create_ssl_ctx = lambda self, options: (  # noqa: SLF001
    _make_context(self, options) if options else _context_that_verifies_nothing()
)


@dataclass(frozen=True)
class Database:
    """An empty database of the test's own.

    Attributes:
        url: For the application's user, with the asynchronous driver; holds the password.
        backend: `sqlite`, `mariadb`, `postgresql` or `mysql`.
    """

    url: str
    backend: str

    @property
    def name(self) -> str:
        """The database's name; of SQLite, its file."""
        return make_url(self.url).database or ""

    @property
    def synchronous_url(self) -> str:
        """The same with the synchronous driver, as other people's env.py have it."""
        return synchronous(make_url(self.url)).render_as_string(hide_password=False)

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement, committed, as the application's user."""
        return execute(make_url(self.synchronous_url), statement, parameters)

    def tables(self) -> list[str]:
        """Name the tables, sorted."""
        engine = _engine(make_url(self.synchronous_url))
        with engine.connect() as connection:
            inspector: Inspector = sqlalchemy.inspect(connection)
            return sorted(inspector.get_table_names())


def synchronous(url: URL) -> URL:
    """Exchange the driver of a URL."""
    backend = url.get_backend_name()
    return url.set(drivername=f"{backend}+{_SYNCHRONOUS[backend]}")


def execute(url: URL, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run a statement on a new connection and return its rows."""
    with _engine(url).connect() as connection:
        result = connection.exec_driver_sql(statement, tuple(parameters) or None)
        return [tuple(row) for row in result] if result.returns_rows else []


@functools.cache  # knows the server's version from its first connection, and holds none
def _engine(url: URL) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        execution_options={"no_parameters": True},  # a % without parameters is a %
    )

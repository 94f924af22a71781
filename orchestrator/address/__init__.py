"""The address of the orchestrator's own connections: the app driver's arguments, translated for our driver.

The app and its env.py may use any driver. Ours is the async one for the same database, so the other drivers' options
are translated. An option without a counterpart is reported, because our connection may then differ from the app's.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from orchestrator.address import mysql, postgresql, sqlite
from orchestrator.address.dialects import DATABASES, OWN
from orchestrator.address.drivers import DRIVERS, Parameters
from orchestrator.address.options import AddressError, Options

__all__ = ["AddressError", "OwnAddress", "of_call", "of_url", "with_driver"]

_TRANSLATE = {"mysql": mysql.translate, "postgresql": postgresql.translate, "sqlite": sqlite.translate}
_DEFAULT = {"mysql": "mysqldb", "postgresql": "psycopg2", "sqlite": "pysqlite"}
"""The driver that a URL without one is read as: SQLAlchemy's choice, which for PostgreSQL differs between versions."""
_LOCATION = {
    "host": "host",
    "port": "port",
    "user": "username",
    "username": "username",
    "password": "password",
    "passwd": "password",
    "db": "database",
    "dbname": "database",
    "database": "database",
}


@dataclass(frozen=True)
class OwnAddress:
    """How our own connections reach the app's database.

    Attributes:
        url: with our driver and the login, without options.
        connect_args: the options, for `create_async_engine(..., connect_args=...)`.
        prefers_tls: use TLS if the server offers it, without verification, as the app's driver does.
        ignored: the names of options without a counterpart.
    """

    url: URL
    connect_args: Parameters = field(default_factory=dict, repr=False)
    prefers_tls: bool = False
    ignored: tuple[str, ...] = ()


def with_driver(url: URL) -> URL:
    """Return a URL that SQLAlchemy has a dialect for: it may lack a driver, or begin with libpq's `postgres://`.

    Raises:
        AddressError: the database is not supported.
    """
    backend, _, driver = url.drivername.partition("+")
    if backend not in DATABASES:
        raise AddressError("", f"`{backend}` is not MySQL, MariaDB, PostgreSQL or SQLite")
    backend = "postgresql" if backend == "postgres" else backend
    return url.set(drivername=f"{backend}+{driver or _DEFAULT[DATABASES[backend]]}")


def of_url(url: URL) -> OwnAddress:
    """Return the address in `url`, for any driver.

    Raises:
        AddressError: no connection can be made with it.
    """
    url = with_driver(url)
    backend, _, driver = url.drivername.partition("+")
    if not url.query and driver in DRIVERS and DATABASES[backend] != "sqlite":  # skips the import of the dialect
        return _address(DATABASES[backend], driver, backend, (), url.translate_connect_args())
    try:
        dialect = url.get_dialect()()
        arguments, parameters = dialect.create_connect_args(url)
    except NoSuchModuleError:
        raise AddressError("", f"SQLAlchemy knows no driver `{url.drivername.partition('+')[2]}`") from None
    except (ArgumentError, ValueError, TypeError) as error:
        raise AddressError("", f"SQLAlchemy does not take it ({type(error).__name__})") from None
    return _address(DATABASES[backend], dialect.driver, backend, arguments, parameters)


def of_call(dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> OwnAddress:
    """Return the address that a driver is about to be called with, as SQLAlchemy's event `do_connect` gives it.

    Args:
        dialect: the app's.
        arguments: positional arguments of the driver's `connect`.
        parameters: its keyword arguments; they are not changed.

    Raises:
        AddressError: no connection can be made with them.
    """
    database = DATABASES.get(dialect.name)
    if database is None:
        raise AddressError("", f"`{dialect.name}` is not MySQL, MariaDB, PostgreSQL or SQLite")
    return _address(database, dialect.driver, dialect.name, arguments, parameters)


def _address(
    database: str, driver: str, backend: str, arguments: Sequence[Any], parameters: Mapping[str, Any]
) -> OwnAddress:
    """Return the same; `backend` is the database's name in our URL (`mariadb` is a synonym of `mysql`)."""
    options = Options(driver, _merged(database, arguments, parameters))
    location = {_LOCATION[key]: options.given.pop(key) for key in [*options.given] if key in _LOCATION}
    translated = _TRANSLATE[database](options, location)
    url = URL.create(f"{backend}+{OWN[database]}", **_plain(location, translated.arguments))
    return OwnAddress(url, translated.arguments, translated.prefers_tls, tuple(sorted(set(options.ignored))))


def _plain(location: dict[str, Any], arguments: Parameters) -> dict[str, Any]:
    """Return the parts that a URL can hold; move the others (several hosts, a socket, a callable) to `arguments`."""
    found: dict[str, Any] = {}
    for part, value in location.items():
        if part == "password" and isinstance(value, bytes):
            found[part] = value.decode("utf-8", "surrogateescape")
        elif part == "port" and str(value).isdigit():
            found[part] = int(value)
        elif part == "query":
            found[part] = value
        elif part == "database" or (isinstance(value, str) and not value.startswith("/")):
            found[part] = str(value) or None
        else:
            arguments["user" if part == "username" else part] = value
    return found


def _merged(database: str, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> Parameters:
    """Return positional arguments by name: SQLite's file, and the parts of a libpq connection string."""
    if database == "sqlite":
        return {**parameters, "database": arguments[0]} if arguments else dict(parameters)
    merged = dict(parameters)
    if database == "postgresql":
        for text in (*arguments, merged.pop("dsn", None), merged.pop("conninfo", None)):
            merged = {**_connection_string(str(text or "")), **merged}
    return merged


def _connection_string(text: str) -> Parameters:
    """Return the parts of a libpq connection string: a URI, or `key=value` pairs."""
    if "://" not in text:
        return dict(pair.split("=", 1) for pair in shlex.split(text) if "=" in pair)
    url = with_driver(make_url(text)).set(drivername="postgresql+psycopg2")
    return dict(url.get_dialect()().create_connect_args(url)[1])

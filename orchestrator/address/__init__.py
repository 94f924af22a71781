"""The address of the orchestrator's own connections: the app driver's arguments, translated for our driver.

The app and its env.py may use any driver. Ours is the async one for the same database, so the other drivers' options
are translated. An option without a counterpart is reported, because our connection may then differ from the app's.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from orchestrator.address.drivers import DRIVERS, Parameters
from orchestrator.address.options import AddressError, Options, Translation, shown
from orchestrator.dialects import DIALECTS, SUPPORTED, Kind, standard

__all__ = ["AddressError", "OwnAddress", "of_call", "of_url", "with_driver"]

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


class OwnAddress(NamedTuple):
    """How our own connections reach the app's database.

    Attributes:
        url: with our driver and the login, without options.
        connect_args: the options, for `create_async_engine(..., connect_args=...)`.
        prefers_tls: use TLS if the server offers it, without verification, as the app's driver does.
        ignored: the names of options without a counterpart.
    """

    url: URL
    connect_args: Parameters
    prefers_tls: bool
    ignored: tuple[str, ...]

    def __repr__(self) -> str:
        """Show no options: one of them may be a password."""
        return f"OwnAddress({self.url!r})"


def with_driver(url: URL) -> URL:
    """Return a URL that SQLAlchemy has a dialect for: it may lack a driver, or begin with libpq's `postgres://`.

    Raises:
        AddressError: the database is not supported.
    """
    dialect, _, driver = standard(url.drivername).partition("+")
    return url.set(drivername=f"{dialect}+{driver or _known(dialect).default_driver}")


def of_url(url: URL) -> OwnAddress:
    """Return the address in `url`, for any driver.

    Raises:
        AddressError: no connection can be made with it.
    """
    url = with_driver(url)
    dialect_name, _, driver = url.drivername.partition("+")
    kind = _known(dialect_name)
    if not url.query and driver in DRIVERS and not kind.is_file:  # skips the import of the dialect
        return _address(kind, driver, dialect_name, (), url.translate_connect_args())
    try:
        dialect = url.get_dialect()()
        arguments, parameters = dialect.create_connect_args(url)
    except NoSuchModuleError:
        raise AddressError("", f"SQLAlchemy knows no driver `{url.drivername.partition('+')[2]}`") from None
    except (ArgumentError, ValueError, TypeError) as error:
        raise _wrong_form(url, error) from None
    return _address(kind, dialect.driver, dialect_name, arguments, parameters)


def _wrong_form(url: URL, error: Exception) -> AddressError:
    """Return which option SQLAlchemy cannot convert, if its message has the value."""
    for name, value in url.query.items():
        if repr(value) in str(error):
            return AddressError(name, f"{shown(value)} does not have the right form")
    return AddressError("", f"SQLAlchemy does not take it ({type(error).__name__})")


def _known(dialect: str) -> Kind:
    """Return the kind of database of a dialect.

    Raises:
        AddressError: it is not supported.
    """
    if dialect not in DIALECTS:
        raise AddressError("", f"`{dialect}` is not {SUPPORTED}")
    return DIALECTS[dialect]


def of_call(dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> OwnAddress:
    """Return the address that a driver is about to be called with, as SQLAlchemy's event `do_connect` gives it.

    Args:
        dialect: the app's.
        arguments: positional arguments of the driver's `connect`.
        parameters: its keyword arguments; they are not changed.

    Raises:
        AddressError: no connection can be made with them.
    """
    return _address(_known(dialect.name), dialect.driver, dialect.name, arguments, parameters)


def _address(
    kind: Kind, driver: str, dialect: str, arguments: Sequence[Any], parameters: Mapping[str, Any]
) -> OwnAddress:
    """Return the same; `dialect` is the one of our URL: a kind of database may have several."""
    translation: Translation = import_module(f"orchestrator.address.{kind.name}")
    options = Options(driver, translation.merged(arguments, parameters))
    location = {_LOCATION[key]: options.given.pop(key) for key in [*options.given] if key in _LOCATION}
    translated = translation.translate(options, location)
    url = URL.create(f"{dialect}+{kind.own_driver}", **_plain(location, translated.arguments))
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

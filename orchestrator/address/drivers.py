"""The table of drivers: the database of each, and how it takes a TLS context, a program name and a password.

The names are SQLAlchemy's (`Dialect.driver`). The orchestrator's own connections use the three drivers in
`dialects.KINDS`; the app and its env.py may use any. To support another driver, add a row; the tests of the table then
cover it.
"""

import importlib.util
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

Parameters = dict[str, Any]
"""The keyword arguments of a driver's `connect`."""


class Tls(NamedTuple):
    """The CA to trust: the bundle of DATABASE_SSL_CA as a file, and as a context that verifies chain and host name."""

    ca_file: str
    context: ssl.SSLContext


def _with_context(name: str) -> Callable[[Parameters, Tls], None]:
    """Set Python's SSLContext in the argument `name`, and drop the driver's file options, which would override it."""

    def apply(parameters: Parameters, tls: Tls) -> None:
        for key in [key for key in parameters if key.startswith(("ssl", "direct_tls"))]:
            del parameters[key]
        parameters[name] = tls.context

    return apply


def _libpq(parameters: Parameters, tls: Tls) -> None:
    parameters.update(sslmode="verify-full", sslrootcert=tls.ca_file)


def _mysqlclient(parameters: Parameters, tls: Tls) -> None:
    parameters.update(ssl={"ca": tls.ca_file}, ssl_mode="VERIFY_IDENTITY")


def _connector_python(parameters: Parameters, tls: Tls) -> None:
    parameters.update(ssl_disabled=False, ssl_ca=tls.ca_file, ssl_verify_cert=True, ssl_verify_identity=True)


def _connector_c(parameters: Parameters, tls: Tls) -> None:
    parameters.update(ssl=True, ssl_ca=tls.ca_file, ssl_verify_cert=True)


def _program_name(parameters: Parameters, name: str) -> None:
    parameters.setdefault("program_name", name)


def _connection_attribute(parameters: Parameters, name: str) -> None:
    parameters["conn_attrs"] = {"program_name": name} | (parameters.get("conn_attrs") or {})


class _Passwords:
    """How a driver takes a password: as a text that it encodes in UTF-8 itself.

    Both methods take either form: SQLAlchemy before 2.0.44 keeps what a listener has put in for the next connection.
    """

    def encoded(self, password: Any) -> Any:
        """Return the argument for the driver."""
        return password

    def text(self, password: Any) -> Any:
        """Return the password as a text."""
        return password


class _AsBytes(_Passwords):
    """asyncmy and PyMySQL encode a text as Latin-1; other clients send UTF-8."""

    def encoded(self, password: Any) -> Any:
        return password.encode("utf-8", "surrogateescape") if isinstance(password, str) else password

    def text(self, password: Any) -> Any:
        return password.decode("utf-8", "surrogateescape") if isinstance(password, bytes) else password


class _AsLatin1(_Passwords):
    """aiomysql does so too, and takes no bytes: it gets the text that becomes UTF-8 when it is encoded as Latin-1."""

    def encoded(self, password: Any) -> Any:
        return self.text(password).encode().decode("latin-1") if isinstance(password, str) else password

    def text(self, password: Any) -> Any:
        try:
            return password.encode("latin-1").decode() if isinstance(password, str) else password
        except UnicodeError:  # it was not encoded
            return password


ASYNCHRONOUS = {"asyncmy", "aiomysql", "asyncpg", "psycopg_async", "aiosqlite"}
"""The names of the drivers for asynchronous engines."""


class Driver(NamedTuple):
    """One driver.

    Attributes:
        name: as in a URL after the `+`, and as `Dialect.driver`.
        database: the name of its kind in `dialects.KINDS`.
        package: its name for `pip install`.
        module: its name for `import`.
        set_tls: changes the arguments of `connect` so that the server is verified; None if the driver cannot verify.
        set_program_name: changes them so that the server shows our program name; None if the lock sets it.
        password_key: the argument that holds the password.
        passwords: how it takes them.
        falls_back_to_plain: it connects without TLS if the server offers none, even if TLS is required.
        token: further arguments for a login with an RDS token.
        opens: module and name of the function that opens its connections, if Python's audit events may not report them:
            C opens the socket, or uvloop does.
    """

    name: str
    database: str
    package: str
    module: str
    set_tls: Callable[[Parameters, Tls], None] | None = None
    set_program_name: Callable[[Parameters, str], None] | None = None
    password_key: str = "password"  # noqa: S105  # the name of an argument
    passwords: _Passwords = _Passwords()  # it has no state
    falls_back_to_plain: bool = False
    token: tuple[tuple[str, Any], ...] = ()
    opens: tuple[str, str] = ("", "")

    @property
    def is_async(self) -> bool:
        """Return whether it is for asynchronous engines."""
        return self.name in ASYNCHRONOUS

    @property
    def installed(self) -> bool:
        """Return whether it can be imported, without importing it."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:  # a parent package is missing
            return False


_PSYCOPG = "psycopg.generators", "connect"
_CLEAR_TEXT = (("auth_plugin", "mysql_clear_password"),)
_DRIVERS = (
    Driver(
        "asyncmy",
        "mysql",
        "asyncmy",
        "asyncmy",
        _with_context("ssl"),
        _program_name,
        passwords=_AsBytes(),
        opens=("asyncmy", "connect"),
    ),
    Driver(
        "aiomysql",
        "mysql",
        "aiomysql",
        "aiomysql",
        _with_context("ssl"),
        _program_name,
        passwords=_AsLatin1(),
        falls_back_to_plain=True,
        opens=("aiomysql.connection", "_connect"),
    ),
    # PyMySQL before 1.2 continues in clear text if the server offers no TLS.
    Driver(
        "pymysql",
        "mysql",
        "pymysql",
        "pymysql",
        _with_context("ssl"),
        _program_name,
        passwords=_AsBytes(),
        falls_back_to_plain=True,
    ),
    Driver(
        "mysqldb",
        "mysql",
        "mysqlclient",
        "MySQLdb",
        _mysqlclient,
        password_key="passwd",  # noqa: S106  # a name
        opens=("MySQLdb.connections", "Connection.__init__"),
    ),
    Driver(
        "mysqlconnector",
        "mysql",
        "mysql-connector-python",
        "mysql.connector",
        _connector_python,
        _connection_attribute,
        token=_CLEAR_TEXT,
        opens=("mysql.connector.connection_cext", "CMySQLConnection._open_connection"),
    ),
    Driver(
        "mariadbconnector",
        "mysql",
        "mariadb",
        "mariadb",
        _connector_c,
        opens=("mariadb.connections", "Connection.__init__"),
    ),
    Driver(
        "asyncpg", "postgresql", "asyncpg", "asyncpg", _with_context("ssl"), opens=("asyncpg.connect_utils", "_connect")
    ),
    Driver("psycopg", "postgresql", "psycopg[binary]", "psycopg", _libpq, opens=_PSYCOPG),
    Driver("psycopg_async", "postgresql", "psycopg[binary]", "psycopg", _libpq, opens=_PSYCOPG),
    Driver("psycopg2", "postgresql", "psycopg2-binary", "psycopg2", _libpq, opens=("psycopg2", "_connect")),
    Driver("psycopg2cffi", "postgresql", "psycopg2cffi", "psycopg2cffi", _libpq),
    Driver("pg8000", "postgresql", "pg8000", "pg8000", _with_context("ssl_context")),
    Driver("aiosqlite", "sqlite", "aiosqlite", "aiosqlite"),
    Driver("pysqlite", "sqlite", "", "sqlite3"),
)
DRIVERS = {driver.name: driver for driver in _DRIVERS}


_USUAL = DRIVERS["pymysql"]  # most drivers share its names of arguments


def driver_or_usual(name: str) -> Driver:
    """Return a driver; for one that is not in the table, one with the usual names of arguments."""
    return DRIVERS.get(name, _USUAL)


def set_tls(driver_name: str, parameters: Parameters, tls: Tls) -> bool:
    """Make the driver verify the server; return False if this driver cannot."""
    driver = DRIVERS.get(driver_name)
    if driver is None or driver.set_tls is None:
        return False
    driver.set_tls(parameters, tls)
    return True


def missing_driver(error: BaseException) -> str:
    """Return the command that installs the driver which `error` misses; empty for any other error."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    found = next((each for each in _DRIVERS if each.package and each.module.partition(".")[0] == name), None)
    return f"The driver {found.name} is not installed: pip install {found.package}." if found else ""

"""The address of the database: from a URL, a secret's JSON, files or parts to one validated SQLAlchemy URL.

No fault ever contains a value: any value may be the password, or contain it.
"""

import re
from functools import cached_property
from typing import Any

from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.address import AddressError, OwnAddress, of_url
from orchestrator.dialects import DEFAULT, EMBEDDED, Kind, is_file, kind_of, same_kind, standard
from orchestrator.logins.app_driver import database_of, default_driver, supported, unsupported, with_driver_of_app
from orchestrator.logins.database_secrets import CredentialsError, password_in, secret_of, url_of
from orchestrator.logins.database_settings import EMBEDDED_FILE, DatabaseSettings, check_host
from orchestrator.patterns import pattern

_PART_OF_A_PASSWORD = pattern(r"@[^@/]*(?::\d+)?/")  # `@host:3306/name` in the options: a bare `?` before it
_NOT_ESCAPED = (
    "special characters in the password must be percent-encoded: `@` is %40, `/` is %2F, `?` is %3F (or give the "
    "password in DATABASE_PASSWORD, as it is)"
)
_OTHERWISE = "; if it is for something else, give the database that env.py migrates in MIGRATION_DATABASE_URL"


class Login:
    """An address with a login.

    Attributes:
        url: as SQLAlchemy takes it, with the app's driver.
        text: as given, byte for byte, or the URL built from the parts.
        source: the variable to name in a fault.
        told: the address that env.py connects to, whose options our own connections keep; None if variables give it.
    """

    def __init__(self, url: URL, text: str, source: str, told: OwnAddress | None = None) -> None:
        self.url, self.text, self.source, self.told = url, text, source, told

    @classmethod
    def of(cls, source: str, text: str) -> "Login":
        """Return the login in a URL.

        Raises:
            CredentialsError: no database can be reached with it.
        """
        return cls(parse(source, text), text, source)

    @classmethod
    def made(cls, source: str, url: URL) -> "Login":
        """Return the login for a URL that was built from parts.

        Raises:
            CredentialsError: no database can be reached with it.
        """
        url = checked(source, url, supported(source, url.drivername))
        return cls(url, url.render_as_string(hide_password=False), source)

    @cached_property
    def own_address(self) -> OwnAddress:
        """The address for our own connections.

        Raises:
            CredentialsError: our own driver cannot use this URL.
        """
        if self.told:
            return self.told._replace(url=self.url)
        try:
            return of_url(self.url)
        except AddressError as error:
            example = supported(self.source, self.url.drivername).example
            raise CredentialsError(self.source, str(error), example=example) from None


_EMBEDDED_URL = URL.create(f"{EMBEDDED.name}+{EMBEDDED.own_driver}", database=EMBEDDED_FILE)
EMBEDDED_LOGIN = Login(_EMBEDDED_URL, _EMBEDDED_URL.render_as_string(), "DATABASE_URL")


def app_login(settings: DatabaseSettings, *, asynchronous: bool | None = None, dialect: str = "") -> Login | None:
    """Return the app's login; None if the variables give no address.

    Args:
        settings: the variables.
        asynchronous: as in `default_driver`.
        dialect: the database of parts that do not name it, if it is known.

    Raises:
        CredentialsError: a variable is wrong, or a file cannot be read.
        DatabaseUntoldError: nothing says which database it is.
    """
    source, text = url_of("DATABASE_URL", settings.url, settings.url_file)
    if text:
        if _is_for_something_else(text) and _migrates_elsewhere(settings):
            return None
        login = Login.of(source, text)
        return Login.made(source, with_driver_of_app(login.url, settings.driver)) if settings.driver else login
    parts = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "username": settings.user,
        "password": password_in("DATABASE_PASSWORD_FILE", settings.password_file) or settings.password,
    }
    parts = {part: value for part, value in parts.items() if value is not None}
    source, secret = secret_of("DATABASE_SECRET", settings.secret, settings.secret_file)
    if not source and missing_parts(parts, settings):
        return None
    url = _from_parts(parts | secret, source, settings, asynchronous=asynchronous, dialect=dialect)
    return Login.made(source or "DATABASE_NAME", url)


def migration_login(settings: DatabaseSettings, app: Login | None) -> Login | None:
    """Return the login for migrating, with the app's driver; None if it is the app's own.

    Args:
        settings: the variables.
        app: the app's login; the parts of its address are used where none are given for migrating.

    Raises:
        CredentialsError: a variable is wrong, or a file cannot be read.
    """
    source, text = _migration_url(settings)
    if text:
        return Login.of(source, text)
    source, changes = _migration_parts(settings)
    if app is None or not source:
        return None
    login = Login.made(source, app.url.set(**changes))
    return Login(login.url, "", login.source, app.told) if app.told else login


def _migration_parts(settings: DatabaseSettings) -> tuple[str, dict[str, Any]]:
    """Return the parts of an address that are given for migrating, and the variable to name in a fault."""
    source, changes = secret_of("MIGRATION_DATABASE_SECRET", settings.migration_secret, settings.migration_secret_file)
    changes.pop("engine", None)
    parts = {
        "host": ("MIGRATION_DATABASE_HOST", settings.migration_host),
        "port": ("MIGRATION_DATABASE_PORT", settings.migration_port),
        "database": ("MIGRATION_DATABASE_NAME", settings.migration_name),
        "username": ("MIGRATION_DATABASE_USER", settings.migration_user),
        "password": ("MIGRATION_DATABASE_PASSWORD", settings.migration_password),
    }
    if path := settings.migration_password_file:
        name = "MIGRATION_DATABASE_PASSWORD_FILE"
        parts["password"] = name, password_in(name, path)
    given = {part: (name, value) for part, (name, value) in parts.items() if value is not None}
    source = source or next((name for name, _ in given.values()), "")
    return source, changes | {part: value for part, (_, value) in given.items()}


def _migration_url(settings: DatabaseSettings) -> tuple[str, str]:
    return url_of("MIGRATION_DATABASE_URL", settings.migration_url, settings.migration_url_file)


def missing_parts(parts: dict[str, Any], settings: DatabaseSettings) -> list[str]:
    """Return the variables that are still needed to build an address from parts."""
    needed = {"database": "DATABASE_NAME"}
    if not is_file(settings.driver or ""):
        needed = {"host": "DATABASE_HOST"} | needed | {"username": "DATABASE_USER"}
    return [name for part, name in needed.items() if not parts.get(part)]


def _from_parts(
    parts: dict[str, Any], source: str, settings: DatabaseSettings, *, asynchronous: bool | None, dialect: str
) -> URL:
    engine, driver = parts.pop("engine", None), settings.driver
    if driver and engine and not same_kind(driver, engine):
        raise CredentialsError("DATABASE_DRIVER", f"it is for another database than the `engine` of {source}")
    if missing := missing_parts(parts, settings):
        raise CredentialsError(missing[0], f"it is needed, as {source} does not have it", *missing[1:])
    if driver:
        supported("DATABASE_DRIVER", driver)
    else:
        dialect = engine or dialect or database_of(parts.get("port"), _migration_url(settings)[1])
        driver = default_driver(dialect, asynchronous=asynchronous)
    return URL.create(driver, **parts)


def _is_for_something_else(text: str) -> bool:
    """Return whether it is a URL, but not of a database that we support: MongoDB, JDBC, an HTTP API."""
    return kind_of(text) is None and re.match(r"[A-Za-z][\w+.:-]*://", text) is not None


def _migrates_elsewhere(settings: DatabaseSettings) -> bool:
    """Return whether MIGRATION_DATABASE_URL is an address, and right."""
    try:
        return migration_login(settings, None) is not None
    except CredentialsError:
        return False


def parse(variable: str, text: str) -> URL:
    """Return the validated URL in `variable`.

    Raises:
        CredentialsError: no database can be reached with it.
    """
    kind = kind_of(text)
    otherwise = _OTHERWISE if variable.startswith("DATABASE_URL") and _is_for_something_else(text) else ""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        problem = f"it is not a SQLAlchemy URL (`dialect+driver://user:password@host:port/name`){otherwise}; in it, "
        raise CredentialsError(variable, problem + _NOT_ESCAPED, example=(kind or DEFAULT).example) from None
    if kind is None:
        raise unsupported(variable, otherwise)
    return checked(variable, url.set(drivername=standard(url.drivername)), kind, options=text.partition("?")[2])


def checked(variable: str, url: URL, kind: Kind, *, options: str = "") -> URL:
    """Return `url` if it can be the address of a database; otherwise name `variable` in the fault.

    Args:
        variable: where the address is from.
        url: the address.
        kind: its database.
        options: its options as they were written, where a part of a password may be.

    Raises:
        CredentialsError: it cannot be one.
    """
    try:
        url.render_as_string(hide_password=False).encode()
    except UnicodeEncodeError:
        raise CredentialsError(variable, "it is not UTF-8") from None
    if problem := _file_problem(url) if kind.is_file else _server_problem(url, kind, options):
        raise CredentialsError(variable, problem, example=kind.example)
    return url


def _file_problem(url: URL) -> str:
    name = url.database or ":memory:"
    if ":memory:" in name or "mode=memory" in name or url.query.get("mode") == "memory":
        return "an in-memory database exists in one connection only: name a file"
    return ""


def _server_problem(url: URL, kind: Kind, options: str) -> str:
    if "@" in (url.host or "") or "@" in (url.database or "") or _PART_OF_A_PASSWORD.search(options):
        return _NOT_ESCAPED
    if url.port is not None and not 1 <= url.port <= 65_535:  # noqa: PLR2004  # the highest there is
        return "the port must be a number from 1 to 65535"
    try:
        check_host(url.host or "localhost")
    except ValueError:
        return "its host is neither a host name nor an address"
    elsewhere = {"read_default_file", "service"} & set(url.query)  # the file supplies the rest
    return "it names no database" if kind.needs_name and not url.database and not elsewhere else ""

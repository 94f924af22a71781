"""Where the database is and how to log in: from a URL, an RDS secret, a file with one, or parts.

Nothing here ever puts a value into a fault: any of them may be, or hold, the password.
"""

import contextlib
import json
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

T = TypeVar("T")

DRIVERS = ("mysql+asyncmy", "mariadb+asyncmy", "postgresql+asyncpg", "sqlite+aiosqlite")
EMBEDDED_FILE = "app.db"
MAX_LENGTH = 65_536  # bytes of a Secrets Manager secret

PARTS = {
    "DATABASE_DRIVER": (
        "drivername",
        "SQLAlchemy dialect and async driver; a secret's engine counts first; default mysql+asyncmy",
    ),
    "DATABASE_HOST": ("host", "host name or address"),
    "DATABASE_PORT": ("port", "port; default: the database's own"),
    "DATABASE_NAME": ("database", "name of the database (SQLite: path of the file)"),
    "DATABASE_USER": ("username", "user"),
    "DATABASE_PASSWORD": ("password", "password, as it is: any character is allowed"),
}
VARIABLES = {
    "DATABASE_URL": "SQLAlchemy URL with an async driver: " + ", ".join(DRIVERS),
    "DATABASE_SECRET": "JSON of an RDS secret (username, password, host, port, dbname, engine)",
    "DATABASE_SECRET_FILE": "file with the same JSON, read again before each attempt (rotation)",
    **{name: text for name, (_, text) in PARTS.items()},
    "DATABASE_SSL_CA": "CA bundle: TLS with chain and host name verified",
    "MIGRATION_DATABASE_URL": "the same with DDL rights, for waiting and migrating only",
    "MIGRATION_DATABASE_SECRET": "the same as JSON of an RDS secret",
    "MIGRATION_DATABASE_USER": "only another user for migrating",
    "MIGRATION_DATABASE_PASSWORD": "and its password",
}
EXAMPLES = {
    "DATABASE_URL": "mysql+asyncmy://user:password@host:3306/name",
    "DATABASE_SECRET": '{"username": "app", "password": "...", "host": "db", "dbname": "app", "engine": "mysql"}',
    "DATABASE_SECRET_FILE": "/run/secrets/database.json",
    "DATABASE_DRIVER": "mysql+asyncmy",
    "DATABASE_HOST": "db.internal",
    "DATABASE_PORT": "3306",
    "DATABASE_NAME": "app",
    "DATABASE_USER": "app",
    "DATABASE_PASSWORD": "...",
    "DATABASE_SSL_CA": "/etc/ssl/rds.pem",
    "MIGRATION_DATABASE_URL": "mysql+asyncmy://owner:password@host:3306/name",
    "MIGRATION_DATABASE_SECRET": '{"username": "owner", "password": "..."}',
    "MIGRATION_DATABASE_USER": "owner",
    "MIGRATION_DATABASE_PASSWORD": "...",
}
_ANY_CHARACTER = ("_PASSWORD", "_SECRET")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENGINES = {
    "mysql": "mysql+asyncmy",
    "aurora-mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "aurora-postgresql": "postgresql+asyncpg",
}
_SECRET_KEYS = {
    "username": "username",
    "password": "password",
    "host": "host",
    "port": "port",
    "dbname": "database",
}


class Fault(NamedTuple):
    """One thing that is wrong with one variable."""

    variable: str
    problem: str
    example: str

    def as_dict(self) -> dict[str, str]:
        """For the event."""
        return self._asdict()


class CredentialsError(Exception):
    """A variable is wrong, and so are the `others`; `faults` say how, without their values."""

    def __init__(self, variable: str, problem: str, *others: str) -> None:
        super().__init__(f"{', '.join((variable, *others))}: {problem}")
        self.faults = [Fault(name, problem, EXAMPLES[name]) for name in (variable, *others)]


@dataclass(frozen=True)
class Credentials:
    """How to reach the database, for the app and for the migration."""

    environ: Mapping[str, str] = field(repr=False)
    embedded: bool
    ssl_context: ssl.SSLContext | None

    @classmethod
    def read(cls, environ: Mapping[str, str], *, embedded: bool) -> "tuple[Credentials | None, list[Fault]]":
        """Validate the variables; `embedded`: without any, the embedded database serves."""
        given = {name: environ[name] for name in VARIABLES if name in environ}
        faults = [*_malformed(given), *_contradictions(given)]
        if faults:
            return None, faults

        def checked(read: Callable[[], T]) -> T | None:
            try:
                return read()
            except CredentialsError as error:
                faults.extend(fault for fault in error.faults if fault not in faults)
                return None

        in_file = checked(lambda: _is_embedded(given, allowed=embedded))
        tls = checked(lambda: _ssl_context(given.get("DATABASE_SSL_CA")))
        credentials = cls(given, bool(in_file), tls)
        if in_file is not None:
            checked(credentials.app_url)
            checked(credentials.migration_url)
        return (None if faults else credentials), faults

    def app_url(self) -> URL:
        """The URL for the app.

        Raises:
            CredentialsError: the secret's file cannot be read any more, or a value is missing.
        """
        return _resolve(self.environ, embedded=self.embedded)

    def migration_url(self) -> URL:
        """The URL for waiting and migrating; a secret's file is read again, as the password may have been rotated."""
        if text := self.environ.get("MIGRATION_DATABASE_URL"):
            return _parse("MIGRATION_DATABASE_URL", text)
        url = self.app_url()
        changes: dict[str, Any] = {}
        if secret := self.environ.get("MIGRATION_DATABASE_SECRET"):
            changes = _from_secret("MIGRATION_DATABASE_SECRET", secret)
        for part in ("username", "password"):
            if value := self.environ.get(f"MIGRATION_DATABASE_{'USER' if part == 'username' else 'PASSWORD'}"):
                changes[part] = value
        given = [name for name in self.environ if name.startswith("MIGRATION_")]
        return _checked(given[0], url.set(**changes)) if changes else url

    def secrets(self) -> list[str]:
        """Everything that must never be printed, as far as it can be known now."""
        return known_secrets(self.environ)


def known_secrets(environ: Mapping[str, str]) -> list[str]:
    """Passwords among the variables, well-formed or not."""
    found = [environ.get(name, "") for name in ("DATABASE_PASSWORD", "MIGRATION_DATABASE_PASSWORD")]
    texts = {name: environ.get(name, "") for name in ("DATABASE_SECRET", "MIGRATION_DATABASE_SECRET")}
    if path := environ.get("DATABASE_SECRET_FILE"):
        with contextlib.suppress(OSError, ValueError):
            texts["DATABASE_SECRET_FILE"] = Path(path).read_text(encoding="utf-8")
    for text in filter(None, texts.values()):
        try:
            found.append(str(json.loads(text)["password"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            found.append(text)
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        found += _userinfo_secrets(environ.get(name, ""))
    return [each for each in found if each]


def _userinfo_secrets(url: str) -> list[str]:
    """The password of a URL, parsed or not: also what stands between the first `:` and the last `@`."""
    found = []
    _, _, rest = url.partition("://")
    if "@" in rest:
        found.append(rest.rpartition("@")[0].partition(":")[2])
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return found
    queried = [value for key, value in parsed.query.items() if "pass" in key.lower() and isinstance(value, str)]
    return [*found, parsed.password or "", *queried]


def _malformed(given: Mapping[str, str]) -> list[Fault]:
    faults = []
    for name, value in given.items():
        if not value and not name.endswith("_PASSWORD"):
            faults.append(Fault(name, "it is empty: give it a value or remove it", EXAMPLES[name]))
        elif len(value) > MAX_LENGTH:
            faults.append(
                Fault(name, f"it is {len(value)} characters long; {MAX_LENGTH} are the limit", EXAMPLES[name])
            )
        elif not name.endswith(_ANY_CHARACTER) and (value != value.strip() or _CONTROL.search(value)):
            problem = "it has white space around it, or holds a control character such as a line end"
            faults.append(Fault(name, problem, EXAMPLES[name]))
    return faults


def _contradictions(given: Mapping[str, str]) -> list[Fault]:
    """Two sources for one thing: it would not be clear which one counts."""
    sources = [name for name in ("DATABASE_URL", "DATABASE_SECRET", "DATABASE_SECRET_FILE") if name in given]
    if "DATABASE_URL" in given:
        sources += [name for name in PARTS if name in given]
    faults = [Fault(name, f"{sources[0]} is set as well: keep one of them", EXAMPLES[name]) for name in sources[1:]]
    others = ("MIGRATION_DATABASE_SECRET", "MIGRATION_DATABASE_USER", "MIGRATION_DATABASE_PASSWORD")
    if "MIGRATION_DATABASE_URL" in given:
        problem = "MIGRATION_DATABASE_URL is set as well: keep one of them"
        faults += [Fault(name, problem, EXAMPLES[name]) for name in others if name in given]
    return faults


def _is_embedded(given: Mapping[str, str], *, allowed: bool) -> bool:
    """Whether nothing says where the database is."""
    if any(name.startswith("DATABASE_") and name != "DATABASE_SSL_CA" for name in given):
        return False
    for name in ("MIGRATION_DATABASE_SECRET", "MIGRATION_DATABASE_USER", "MIGRATION_DATABASE_PASSWORD"):
        if name in given:
            raise CredentialsError(name, "there is no DATABASE_URL whose credentials it could replace")
    if not allowed:
        raise CredentialsError(
            "DATABASE_URL", "it is not set, and ORCHESTRATOR_EMBEDDED_DATABASE forbids to do without"
        )
    return True


def _resolve(environ: Mapping[str, str], *, embedded: bool) -> URL:
    if embedded:
        return URL.create("sqlite+aiosqlite", database=EMBEDDED_FILE)
    if url := environ.get("DATABASE_URL"):
        return _parse("DATABASE_URL", url)
    parts: dict[str, Any] = {part: environ[name] for name, (part, _) in PARTS.items() if name in environ}
    source = next((name for name in ("DATABASE_SECRET_FILE", "DATABASE_SECRET") if name in environ), "DATABASE_NAME")
    if path := environ.get("DATABASE_SECRET_FILE"):
        try:
            parts |= _from_secret("DATABASE_SECRET_FILE", Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CredentialsError("DATABASE_SECRET_FILE", f"it cannot be read ({type(error).__name__})") from None
    elif secret := environ.get("DATABASE_SECRET"):
        parts |= _from_secret("DATABASE_SECRET", secret)
    return _checked(source, _from_parts(parts))


def _from_parts(parts: dict[str, Any]) -> URL:
    parts.setdefault("drivername", "mysql+asyncmy")
    _check_driver("DATABASE_DRIVER", parts["drivername"])
    needed = ("database",) if parts["drivername"].startswith("sqlite") else ("host", "database", "username")
    if missing := [name for name, (part, _) in PARTS.items() if part in needed and not parts.get(part)]:
        raise CredentialsError(missing[0], "it is needed when DATABASE_URL is not set", *missing[1:])
    if "port" in parts:
        parts["port"] = _port("DATABASE_PORT", str(parts["port"]))
    return URL.create(**parts)


def _port(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):  # noqa: PLR2004
        raise CredentialsError(variable, "the port must be a number from 1 to 65535")
    return int(text)


def _from_secret(variable: str, text: str) -> dict[str, Any]:
    """The parts of an RDS secret; the keys are those of AWS's rotation templates, and case-sensitive."""
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError(variable, "it is not JSON") from None
    if not isinstance(secret, dict):
        raise CredentialsError(variable, "it is not a JSON object")
    parts: dict[str, Any] = {}
    for key, part in _SECRET_KEYS.items():
        if key in secret:
            if not isinstance(secret[key], str | int) or secret[key] == "" or isinstance(secret[key], bool):
                raise CredentialsError(variable, f"its `{key}` is neither text nor a number")
            parts[part] = str(secret[key])
    if "port" in parts:
        parts["port"] = _port(variable, parts["port"])
    if "engine" in secret:
        if str(secret["engine"]) not in _ENGINES:
            raise CredentialsError(variable, "its `engine` is none of " + ", ".join(_ENGINES))
        parts["drivername"] = _ENGINES[secret["engine"]]
    return parts


def _parse(variable: str, text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise CredentialsError(
            variable, "it is not a SQLAlchemy URL; special characters in the password must be percent-encoded"
        ) from None
    return _checked(variable, url)


def _checked(variable: str, url: URL) -> URL:
    _check_driver(variable, url.drivername)
    try:
        url.render_as_string(hide_password=False).encode()
    except UnicodeEncodeError:
        raise CredentialsError(variable, "it is not UTF-8") from None
    if url.drivername.startswith("sqlite"):
        if (
            ":memory:" in (url.database or ":memory:")
            or "mode=memory" in (url.database or "")
            or url.query.get("mode") == "memory"
        ):
            raise CredentialsError(variable, "an in-memory database exists in one connection only: name a file")
    elif "@" in (url.host or "") or "@" in (url.database or ""):
        raise CredentialsError(
            variable,
            "special characters in the password must be percent-encoded (or use DATABASE_PASSWORD, as it is)",
        )
    elif not url.database:
        raise CredentialsError(variable, "it names no database")
    return url


def _check_driver(variable: str, driver: str) -> None:
    if driver in DRIVERS:
        return
    family = driver.partition("+")[0].replace("postgres", "postgresql").replace("postgresqlql", "postgresql")
    better = [each for each in DRIVERS if each.startswith(f"{family}+")] or list(DRIVERS)
    raise CredentialsError(variable, f"it needs an async driver: {' or '.join(better)}")


def _ssl_context(path: str | None) -> ssl.SSLContext | None:
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CredentialsError("DATABASE_SSL_CA", f"it is not a readable CA bundle ({type(error).__name__})") from None

"""The address of the database: from a URL, the JSON of a secret, or parts, to one checked SQLAlchemy URL.

Nothing here ever puts a value into a fault: any of them may be, or hold, the password.
"""

import json
import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

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
    "DATABASE_IAM_AUTH": "`true`: a login without a password gets a token of RDS, a new one each time",
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
    "DATABASE_IAM_AUTH": "true",
    "MIGRATION_DATABASE_URL": "mysql+asyncmy://owner:password@host:3306/name",
    "MIGRATION_DATABASE_SECRET": '{"username": "owner", "password": "..."}',
    "MIGRATION_DATABASE_USER": "owner",
    "MIGRATION_DATABASE_PASSWORD": "...",
}
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


def resolve(environ: Mapping[str, str], *, embedded: bool) -> URL:
    """The URL that the DATABASE_* variables stand for; without any, that of the embedded database.

    Raises:
        CredentialsError: a variable is wrong, or one is missing.
    """
    if embedded:
        return URL.create("sqlite+aiosqlite", database=EMBEDDED_FILE)
    if url := environ.get("DATABASE_URL"):
        return parse("DATABASE_URL", url)
    parts: dict[str, Any] = {part: environ[name] for name, (part, _) in PARTS.items() if name in environ}
    source = next((name for name in ("DATABASE_SECRET_FILE", "DATABASE_SECRET") if name in environ), "DATABASE_NAME")
    if path := environ.get("DATABASE_SECRET_FILE"):
        parts |= from_secret("DATABASE_SECRET_FILE", read_secret_file(path))
    elif secret := environ.get("DATABASE_SECRET"):
        parts |= from_secret("DATABASE_SECRET", secret)
    return checked(source, _from_parts(parts))


def read_secret_file(path: str) -> str:
    """The text of DATABASE_SECRET_FILE, which may be replaced at any moment; a pipe does not hold us up.

    Raises:
        CredentialsError: it is not there, not ours to read, no file, too long or not UTF-8.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CredentialsError("DATABASE_SECRET_FILE", "it is no file that can be read again and again")
            content = file.read(MAX_LENGTH + 1)
        if len(content) > MAX_LENGTH:
            raise CredentialsError("DATABASE_SECRET_FILE", f"it is longer than {MAX_LENGTH} bytes")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise CredentialsError("DATABASE_SECRET_FILE", f"it cannot be read ({type(error).__name__})") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


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


def from_secret(variable: str, text: str) -> dict[str, Any]:
    """The parts of an RDS secret; the keys are those of AWS's rotation templates, and case-sensitive."""
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError(variable, "it is not JSON") from None
    if not isinstance(secret, dict):
        raise CredentialsError(variable, "it is not a JSON object")
    parts: dict[str, Any] = {}
    for key, part in _SECRET_KEYS.items():
        if secret.get(key) is not None:
            if not isinstance(secret[key], str | int) or secret[key] == "" or isinstance(secret[key], bool):
                raise CredentialsError(variable, f"its `{key}` is neither text nor a number")
            parts[part] = str(secret[key])
    if "port" in parts:
        parts["port"] = _port(variable, parts["port"])
    if secret.get("engine") is not None:
        if str(secret["engine"]) not in _ENGINES:
            raise CredentialsError(variable, "its `engine` is none of " + ", ".join(_ENGINES))
        parts["drivername"] = _ENGINES[secret["engine"]]
    return parts


def parse(variable: str, text: str) -> URL:
    """The URL in `variable`, checked.

    Raises:
        CredentialsError: it cannot be used.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise CredentialsError(
            variable, "it is not a SQLAlchemy URL; special characters in the password must be percent-encoded"
        ) from None
    return checked(variable, url)


def checked(variable: str, url: URL) -> URL:
    """`url`, if a database can be reached with it by an async driver; `variable` is to blame if not.

    Raises:
        CredentialsError: it cannot be used.
    """
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

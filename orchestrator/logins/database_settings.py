"""Where the database is and how to log in: the variables DATABASE_* and MIGRATION_DATABASE_*, each defined once."""

from collections.abc import Callable
from typing import Any

from orchestrator.dialects import DEFAULT
from orchestrator.patterns import pattern
from orchestrator.variables.definition import Variables, variable
from orchestrator.variables.parsers import true_or_false, whole_number

MAX_SECRET_LENGTH = 65_536  # bytes of a Secrets Manager secret
EMBEDDED_FILE = "app.db"
_HOST_AND_PORT = pattern(r"[^:/\[\]]+:[0-9]+")
_HOST = pattern(r"[\w.:,\[\]-]+|/[^\s?#@]+")


def check_host(host: str) -> str:
    """Accept a host name, an address, several of them separated by commas, or the directory of a Unix socket.

    Raises:
        ValueError: the text has another form.
    """
    if _HOST_AND_PORT.fullmatch(host):
        raise ValueError("it must be the host alone; the port has its own variable")
    if not _HOST.fullmatch(host):
        raise ValueError("it must be a host name or an address")
    return host


def _migration_too(name: str, text: str, example: str, *parse: Callable[[str], Any], **more: Any) -> Any:
    return variable(f"MIGRATION_{name}", None, f"only for waiting and migrating: {text}", example, *parse, **more)


_RDS_LOGIN = (
    f'{{"username": "app", "password": "...", "host": "db", "dbname": "app", "engine": "{DEFAULT.name}"}}'  # an example
)
_OWNERS_LOGIN = '{"username": "owner", "password": "..."}'
_URL: dict[str, Any] = {"max_length": MAX_SECRET_LENGTH}
_PLAIN = _URL | {"any_character": True}
_PASSWORD = _PLAIN | {"may_be_empty": True}
_port = whole_number(1, 65_535)


class DatabaseSettings(Variables):
    """The variables as given; `database_url` and `credentials` turn them into logins."""

    shows_values = False

    url: str | None = variable(
        "DATABASE_URL",
        None,
        "the app's SQLAlchemy URL: MySQL, MariaDB, PostgreSQL or SQLite, with any driver or none; default: the "
        "address that env.py connects to",
        DEFAULT.example,
        **_URL,
    )
    url_file: str | None = variable(
        "DATABASE_URL_FILE", None, "file with that URL, read again before each attempt", "/run/secrets/database_url"
    )
    secret: str | None = variable(
        "DATABASE_SECRET",
        None,
        "JSON of an RDS secret (username, password, host, port, dbname, engine)",
        _RDS_LOGIN,
        **_PLAIN,
    )
    secret_file: str | None = variable(
        "DATABASE_SECRET_FILE",
        None,
        "file with the same JSON, read again before each attempt (rotation)",
        "/run/secrets/database.json",
    )
    driver: str | None = variable(
        "DATABASE_DRIVER",
        None,
        "dialect and driver of the URL that the app and env.py get, if it is built from parts or a secret; with "
        "DATABASE_URL it replaces the driver of that URL; default: an installed driver",
        DEFAULT.example.partition(":")[0],
    )
    host: str | None = variable("DATABASE_HOST", None, "host name or address", "db.internal", check_host)
    port: int | None = variable("DATABASE_PORT", None, "port; default: the database's own", str(DEFAULT.port), _port)
    name: str | None = variable("DATABASE_NAME", None, "name of the database (SQLite: path of the file)", "app")
    user: str | None = variable("DATABASE_USER", None, "user", "app")
    password: str | None = variable(
        "DATABASE_PASSWORD",
        None,
        "password, not URL-encoded: any character is allowed",
        "...",
        **_PASSWORD,
    )
    password_file: str | None = variable(
        "DATABASE_PASSWORD_FILE",
        None,
        "file with the password, read again before each attempt; one trailing newline is ignored",
        "/run/secrets/database_password",
    )
    ssl_ca: str | None = variable(
        "DATABASE_SSL_CA", None, "CA bundle; requires TLS and verifies the chain and the host name", "/etc/ssl/rds.pem"
    )
    iam_auth: bool = variable(
        "DATABASE_IAM_AUTH",
        False,  # noqa: FBT003  # a default
        "`true`: log in to RDS with a fresh IAM token if no password is given",
        "true",
        true_or_false,
    )
    migration_url: str | None = _migration_too(
        "DATABASE_URL",
        "a URL whose user may run DDL",
        DEFAULT.example.replace("user", "owner"),
        **_URL,
    )
    migration_url_file: str | None = _migration_too(
        "DATABASE_URL_FILE", "file with that URL", "/run/secrets/migration_url"
    )
    migration_secret: str | None = _migration_too("DATABASE_SECRET", "JSON of an RDS secret", _OWNERS_LOGIN, **_PLAIN)
    migration_secret_file: str | None = _migration_too(
        "DATABASE_SECRET_FILE", "file with the same JSON", "/run/secrets/migration.json"
    )
    migration_host: str | None = _migration_too("DATABASE_HOST", "another host", "writer.internal", check_host)
    migration_port: int | None = _migration_too("DATABASE_PORT", "another port", "3306", _port)
    migration_name: str | None = _migration_too("DATABASE_NAME", "another name of the database", "app")
    migration_user: str | None = _migration_too("DATABASE_USER", "another user", "owner")
    migration_password: str | None = _migration_too(
        "DATABASE_PASSWORD",
        "that user's password",
        "...",
        **_PASSWORD,
    )
    migration_password_file: str | None = _migration_too(
        "DATABASE_PASSWORD_FILE", "file with that password", "/run/secrets/migration_password"
    )

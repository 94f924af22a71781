"""URLs, drivers, contradictions, the credentials for migrating, the CA: what passes and what is refused."""

import ssl
from pathlib import Path

import certifi
import pytest

from orchestrator.credentials import Credentials
from orchestrator.database_url import EMBEDDED_FILE
from orchestrator.errors import StartupError
from orchestrator.validation import load
from tests.unit.environments import PARTS, SECRET, fault, read, secret

URL = "mysql+asyncmy://app:s3cret@host/name"


@pytest.mark.parametrize(
    ("driver", "better"),
    [
        ("mysql", "mysql+asyncmy"),
        ("mysql+pymysql", "mysql+asyncmy"),
        ("mysql+mysqldb", "mysql+asyncmy"),
        ("mysql+aiomysql", "mysql+asyncmy"),
        ("mariadb+pymysql", "mariadb+asyncmy"),
        ("postgres", "postgresql+asyncpg"),
        ("postgresql", "postgresql+asyncpg"),
        ("postgresql+psycopg2", "postgresql+asyncpg"),
        ("sqlite", "sqlite+aiosqlite"),
        ("sqlite+pysqlite", "sqlite+aiosqlite"),
    ],
)
def test_a_sync_driver_is_a_fault_that_names_the_async_one(driver: str, better: str) -> None:
    """It would import, connect, and hold the loop."""
    assert fault(DATABASE_URL=f"{driver}://u:p@host/name") == ("DATABASE_URL", f"it needs an async driver: {better}")
    assert fault(**(PARTS | {"DATABASE_DRIVER": driver}))[1].endswith(better)
    assert fault(**PARTS, MIGRATION_DATABASE_URL=f"{driver}://u:p@host/name")[0] == "MIGRATION_DATABASE_URL"


@pytest.mark.parametrize("driver", ["oracle", "mssql+aioodbc", "http", "jdbc", "MYSQL+ASYNCMY", "mysqlx"])
def test_a_database_that_we_do_not_know_is_a_fault_that_names_those_we_do(driver: str) -> None:
    """JDBC URLs are copied from the console."""
    _, problem = fault(DATABASE_URL=f"{driver}://u:p@host/name")
    assert "mysql+asyncmy or mariadb+asyncmy or postgresql+asyncpg or sqlite+aiosqlite" in problem


@pytest.mark.parametrize(
    "url",
    [
        "mysql+asyncmy://app:p@ss@host/name",
        "mysql+asyncmy://app:p@ss:w@host/name",
        "mysql+asyncmy://app:p@ss/w@host/name",
        "mysql+asyncmy://app:p@ss?w@host/name",
        "mysql+asyncmy://app:pass@host:port/name",
        "mysql+asyncmy:app:pass@host/name",
        "jdbc:mysql://host/name",
        "host",
        "mysql+asyncmy://app:pass@host",
        "mysql+asyncmy://app:pass@host/",
    ],
)
def test_a_url_with_a_password_that_was_not_escaped_is_a_fault_of_settings(url: str) -> None:
    """Else it fails much later, as a host name that does not resolve or a database that is not there."""
    assert fault(DATABASE_URL=url)[0] == "DATABASE_URL"
    assert fault(**PARTS, MIGRATION_DATABASE_URL=url)[0] == "MIGRATION_DATABASE_URL"


@pytest.mark.parametrize("value", ["\n", "x\n", " x", "x\t", "a\x00b", "\x1b[0m"])
@pytest.mark.parametrize(
    "name", sorted({*PARTS, "DATABASE_URL", "DATABASE_SECRET_FILE", "DATABASE_SSL_CA"} - {"DATABASE_PASSWORD"})
)
def test_a_line_end_that_came_along_is_a_fault(name: str, value: str) -> None:
    """A database with a line end in its name does not exist, which nobody sees in a log."""
    variable, problem = fault(**{name: value})
    assert variable == name
    assert "white space around it" in problem


@pytest.mark.parametrize("password", ["\udcff", "a\udc80b"])
def test_a_password_that_is_no_text_is_a_fault_and_no_crash(password: str) -> None:
    """Bytes that are not UTF-8 come out of the environment as lone surrogates, which nothing can encode."""
    assert "UTF-8" in fault(**(PARTS | {"DATABASE_PASSWORD": password}))[1]
    assert "UTF-8" in fault(**PARTS, MIGRATION_DATABASE_PASSWORD=password)[1]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///file::memory:?cache=shared&uri=true",
        "sqlite+aiosqlite:///file:name?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    """The revisions would be applied to a database that vanishes with the connection."""
    assert "in-memory" in fault(DATABASE_URL=url)[1]


def test_a_sqlite_path_may_hold_any_character() -> None:
    """No password is near it."""
    assert read(DATABASE_URL="sqlite+aiosqlite:////srv/a@b/c d.db").app_url().database == "/srv/a@b/c d.db"


def test_without_anything_the_embedded_database_serves_unless_it_is_forbidden() -> None:
    """Right on a laptop; in an image a missing variable must not pass for an empty database."""
    assert read().app_url().database == EMBEDDED_FILE
    _, faults = Credentials.read({}, embedded=False)
    assert [each.variable for each in faults] == ["DATABASE_URL"]
    with pytest.raises(StartupError, match="DATABASE_URL: it is not set"):
        load({"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid"})


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_single_part_asks_for_the_others_and_not_for_the_embedded_database(part: str) -> None:
    """A deployment that lost half of its variables must not start on an empty file; what it lost is told at once."""
    _, faults = Credentials.read({part: PARTS[part]}, embedded=True)
    assert {each.variable for each in faults} == {"DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER"} - {part}


@pytest.mark.parametrize(
    "environ",
    [
        *({"DATABASE_URL": URL, name: value} for name, value in PARTS.items()),
        {"DATABASE_URL": URL, "DATABASE_SECRET": secret()},
        {"DATABASE_SECRET": secret(), "DATABASE_SECRET_FILE": "/run/secret"},
        {"DATABASE_URL": URL, "MIGRATION_DATABASE_URL": URL, "MIGRATION_DATABASE_USER": "owner"},
        {"DATABASE_URL": URL, "MIGRATION_DATABASE_URL": URL, "MIGRATION_DATABASE_SECRET": secret()},
    ],
)
def test_two_sources_of_one_thing_are_a_contradiction(environ: dict[str, str]) -> None:
    """Whichever we took, somebody would have meant the other."""
    variable, problem = fault(**environ)
    assert variable == list(environ)[-1]
    assert "is set as well: keep one of them" in problem


def test_the_migrations_user_changes_nothing_but_the_user() -> None:
    """The usual case: the same database, more rights."""
    credentials = read(**PARTS, MIGRATION_DATABASE_USER="owner", MIGRATION_DATABASE_PASSWORD="0wner")
    assert credentials.migration_url() == credentials.app_url().set(username="owner", password="0wner")


def test_the_migrations_secret_is_taken_whole_and_a_part_overrides_it() -> None:
    """Its port is a number whatever the JSON makes of it, or the driver does not connect."""
    owner = secret(username="owner", port="3310")
    url = read(DATABASE_URL=URL, MIGRATION_DATABASE_SECRET=owner, MIGRATION_DATABASE_PASSWORD="p").migration_url()
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "owner",
        "p",
        SECRET["host"],
        3310,
        "roses",
    )


def test_the_app_never_sees_the_migrations_credentials() -> None:
    """It has no business with the right to change tables."""
    credentials = read(DATABASE_URL=URL, MIGRATION_DATABASE_URL="mysql+asyncmy://owner:0wner@other/name2")
    assert credentials.app_url().render_as_string(hide_password=False) == URL
    assert credentials.migration_url().username == "owner"


@pytest.mark.parametrize(
    "content", [None, "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_ca_that_is_none_is_found_out_before_the_first_attempt(content: str | None, tmp_path: Path) -> None:
    """Else each attempt would fail with an error that says nothing of the file."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    variable, problem = fault(DATABASE_URL=URL, DATABASE_SSL_CA=str(bundle))
    assert variable == "DATABASE_SSL_CA"
    assert "not a readable CA bundle" in problem


def test_a_ca_means_that_chain_and_host_name_are_verified() -> None:
    """Encryption with whoever answers protects from nobody."""
    credentials = read(DATABASE_URL=URL, DATABASE_SSL_CA=certifi.where())
    assert credentials.ssl_context is not None
    assert credentials.ssl_context.check_hostname
    assert credentials.ssl_context.verify_mode is ssl.CERT_REQUIRED

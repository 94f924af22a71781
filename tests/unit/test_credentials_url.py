"""URLs, drivers, contradictions, the credentials for migrating, the CA: what passes and what is refused."""

import ssl
from pathlib import Path

import certifi
import pytest
from sqlalchemy.engine.url import make_url

from orchestrator.address.drivers import Driver
from orchestrator.errors import StartupError
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.database_settings import EMBEDDED_FILE
from orchestrator.logins.database_url import parse
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.settings.validation import load, require_address
from tests.unit.environments import PARTS, SECRET, fault, read, secret

URL = "mysql+asyncmy://app:s3cret@host/name"


@pytest.mark.parametrize("driver", ["oracle", "mssql+aioodbc", "http", "jdbc", "MYSQL+ASYNCMY", "mysqlx"])
def test_a_database_that_we_do_not_know_is_a_fault_that_names_those_we_do(driver: str) -> None:
    """JDBC URLs are copied from the console."""
    told = "it must begin with mysql, mariadb, postgresql or sqlite"
    assert told in fault(DATABASE_URL=f"{driver}://u:p@host/name")[1]
    assert told in fault(**(PARTS | {"DATABASE_DRIVER": driver}))[1]


@pytest.mark.parametrize("url", ["mongodb://u:p@host/name", "jdbc:mysql://host/name", "https://api.example/v1"])
def test_a_url_that_is_the_apps_own_affair_may_stay_beside_the_database_of_env_py(url: str) -> None:
    """The fault names the cure, and with it the app keeps its variable."""
    assert "in MIGRATION_DATABASE_URL" in fault(DATABASE_URL=url)[1]
    found = read(DATABASE_URL=url, MIGRATION_DATABASE_URL=URL)
    assert not found.app_known
    assert found.migration_url() == make_url(URL)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://app:s3cret@host/name?sslmode=require",
        "postgresql+psycopg2://app:s3cret@host/name",
        "mysql://app:s3%63ret@host/name",
        "mysql+aiomysql://app:s3cret@host/name",
        "sqlite:///./some.db",
    ],
)
def test_the_apps_url_stays_as_it_is(url: str) -> None:
    """The app and env.py read it byte for byte, in the form that they were written for."""
    credentials = read(DATABASE_URL=url)
    assert credentials.exported_text() is None


def test_alembic_gets_a_driver_that_is_there_where_the_url_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy's default for PostgreSQL is psycopg2 in 2.0 and psycopg in 2.1; only one of them may be installed."""
    credentials = read(DATABASE_URL="postgres://app:s3cret@host/name")
    there = {"psycopg2"}
    monkeypatch.setattr(Driver, "installed", property(lambda driver: driver.name in there))
    url = credentials.alembic_url()
    assert url is not None
    assert url.get_dialect().driver == "psycopg2"
    there.clear()
    there.add("asyncpg")
    assert str(credentials.alembic_url()).startswith("postgresql+asyncpg://")


def test_the_app_gets_the_driver_that_it_names() -> None:
    """In a URL made of parts, and beside a URL; our own connections keep theirs."""
    made = read(**(PARTS | {"DATABASE_DRIVER": "postgresql+psycopg"}))
    assert made.exported_text() == "postgresql+psycopg://app:s3cret@db.internal:6432/plants"
    beside = read(DATABASE_URL=URL, DATABASE_DRIVER="mysql+pymysql")
    assert beside.exported_text() == "mysql+pymysql://app:s3cret@host/name"
    assert beside.own_address().url.drivername == "mysql+asyncmy"
    assert fault(DATABASE_URL=URL, DATABASE_DRIVER="postgresql+psycopg")[0] == "DATABASE_DRIVER"
    assert fault(DATABASE_SECRET=secret(), DATABASE_DRIVER="postgresql+psycopg")[0] == "DATABASE_DRIVER"


@pytest.mark.parametrize(
    ("there", "asynchronous", "found"),
    [
        ({"asyncmy", "pymysql"}, False, "pymysql"),
        ({"asyncmy", "pymysql"}, True, "asyncmy"),
        ({"asyncmy", "aiomysql", "pymysql"}, True, "aiomysql"),
        ({"asyncmy", "mysqldb"}, False, "mysqldb"),
        ({"asyncmy"}, False, "asyncmy"),
        ({"asyncmy", "mysqlconnector"}, False, "mysqlconnector"),
        ({"asyncmy", "pymysql"}, None, "asyncmy"),
    ],
)
def test_parts_without_a_driver_get_one_of_the_kind_that_env_uses(
    monkeypatch: pytest.MonkeyPatch, there: set[str], *, asynchronous: bool | None, found: str
) -> None:
    """Ours is installed for ours: with it, each request of a synchronous app would end with MissingGreenlet."""
    monkeypatch.setattr(Driver, "installed", property(lambda driver: driver.name in there))
    given = {"DATABASE_HOST": "host", "DATABASE_NAME": "plants", "DATABASE_USER": "app"}
    credentials, _ = Credentials.read(given, embedded=False, asynchronous=asynchronous)
    assert credentials
    assert credentials.exported_text() == f"mysql+{found}://app@host/plants"


def test_the_migrations_url_takes_the_form_of_the_apps() -> None:
    """env.py makes an engine of it in the way in which it makes the app's."""
    owner = "mysql+asyncmy://owner:0wner@writer/name"
    credentials = read(DATABASE_URL="mysql+pymysql://app:s3cret@host/name", MIGRATION_DATABASE_URL=owner)
    assert credentials.migration_url().render_as_string(hide_password=False) == owner.replace("asyncmy", "pymysql")
    assert credentials.own_address().url.render_as_string(hide_password=False) == owner


def test_every_part_of_the_migrations_address_may_be_another() -> None:
    """The app reads from a proxy; tables are changed past it."""
    parts = {"HOST": "writer", "PORT": "3310", "NAME": "other", "USER": "owner", "PASSWORD": "0wner"}
    given = {f"MIGRATION_DATABASE_{name}": value for name, value in parts.items()}
    made = read(DATABASE_URL=URL, **given).migration_url()
    assert made.render_as_string(hide_password=False) == "mysql+asyncmy://owner:0wner@writer:3310/other"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "MIGRATION_"])
def test_a_file_may_hold_the_url_or_the_password(start: str, end: str, tmp_path: Path) -> None:
    """Docker and Kubernetes mount secrets as files; a line end that an editor wrote does not count."""
    file = tmp_path / "secret"
    file.write_text(f"{URL.replace('s3cret', 'fr0m-file')}{end}")
    from_url = read(**({"DATABASE_URL": URL} if start else {}), **{f"{start}DATABASE_URL_FILE": str(file)})
    file2 = tmp_path / "password"
    file2.write_text(f"fr0m-file{end}")
    parts = PARTS if start else {name: value for name, value in PARTS.items() if name != "DATABASE_PASSWORD"}
    from_parts = read(**parts, **{f"{start}DATABASE_PASSWORD_FILE": str(file2)})
    for credentials in (from_url, from_parts):
        assert credentials.migration_url().password == "fr0m-file"
        assert credentials.rotates
    assert "fr0m-file" in known_secrets({f"{start}DATABASE_PASSWORD_FILE": str(file2)})
    assert "fr0m-file" in known_secrets({f"{start}DATABASE_URL_FILE": str(file)})


@pytest.mark.parametrize("host", ["db:3306", "mysql://db", "user@db", "a b", "db/"])
def test_a_host_is_a_host_alone(host: str) -> None:
    """With its port in it, it would be looked up as a name for five minutes."""
    assert fault(**(PARTS | {"DATABASE_HOST": host}))[0] == "DATABASE_HOST"


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_of_a_url_is_one(port: str) -> None:
    """The driver would cut it to 16 bits and connect elsewhere."""
    assert "from 1 to 65535" in fault(DATABASE_URL=f"mysql+asyncmy://u:p@host:{port}/name")[1]


def test_a_fault_shows_an_example_for_the_same_database() -> None:
    """Whoever uses PostgreSQL is not helped by a URL of MySQL."""
    _, faults = Credentials.read({"DATABASE_URL": "postgres://u:p@host:99999/name"}, embedded=False)
    assert faults[0].example.startswith("postgresql+")


def test_a_driver_that_cannot_be_made_to_verify_is_refused_beside_a_ca() -> None:
    """In silence it would believe any server."""
    url = "mysql+cymysql://u:p@host/name"
    assert fault(DATABASE_URL=url, DATABASE_SSL_CA=certifi.where())[0] == "DATABASE_SSL_CA"


@pytest.mark.parametrize(
    "url",
    [
        "mysql+asyncmy://app:p@ss@host/name",
        "mysql+asyncmy://app:p@ss:w@host/name",
        "mysql+asyncmy://app:p@ss/w@host/name",
        "mysql+asyncmy://app:p@ss?w@host/name",
        "mysql+asyncmy://app:S3cr@tPassPhrase/abc?q@127.0.0.1:3306/shop",
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
    """A database with a line end in its name does not exist, which a log does not show."""
    variable, problem = fault(**{name: value})
    assert variable == name
    assert "white space around it" in problem


@pytest.mark.parametrize("password", ["\udcff", "a\udc80b"])
def test_a_password_that_is_not_a_text_is_a_fault_and_no_crash(password: str) -> None:
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


def test_the_embedded_database_serves_only_where_it_is_allowed() -> None:
    """Right on a laptop; in an image a missing variable must not pass for an empty database."""
    assert read().app_url().database == EMBEDDED_FILE
    assert not load({})[1].known
    assert load({"ORCHESTRATOR_EMBEDDED_DATABASE": "allow"})[1].embedded
    with pytest.raises(StartupError, match="DATABASE_URL: it is not set"):
        require_address(load({})[1])


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_single_part_is_not_an_embedded_database(part: str) -> None:
    """A deployment that lost half of its variables must not start on an empty file."""
    credentials = read(**{part: PARTS[part]})
    assert not credentials.embedded
    assert not credentials.known


@pytest.mark.parametrize(
    "environ",
    [
        *({"DATABASE_URL": URL, name: f"1{value}"} for name, value in PARTS.items() if name != "DATABASE_DRIVER"),
        {"DATABASE_PASSWORD": "p", "DATABASE_PASSWORD_FILE": "/run/secret"},
        {"DATABASE_URL": URL, "DATABASE_SECRET": secret()},
        {"DATABASE_SECRET": secret(), "DATABASE_SECRET_FILE": "/run/secret"},
        {"DATABASE_URL": URL, "MIGRATION_DATABASE_URL": URL, "MIGRATION_DATABASE_USER": "owner"},
        {"DATABASE_URL": URL, "MIGRATION_DATABASE_URL": URL, "MIGRATION_DATABASE_SECRET": secret()},
    ],
)
def test_two_sources_of_one_thing_are_a_contradiction(environ: dict[str, str]) -> None:
    """Whichever we took, the other may have been meant."""
    variable, problem = fault(**environ)
    assert variable == list(environ)[-1]
    assert "is set as well: keep one of them" in problem


def test_two_sources_that_agree_are_no_contradiction() -> None:
    """A compose file gives the app's parts and the URL that is made of them."""
    parts = {"DATABASE_HOST": "host", "DATABASE_NAME": "name", "DATABASE_USER": "app", "DATABASE_PASSWORD": "s3cret"}
    assert read(DATABASE_URL=URL, **parts).app_url() == make_url(URL)


def test_the_migrations_user_changes_nothing_but_the_user() -> None:
    """The usual case: the same database, more rights."""
    credentials = read(**PARTS, MIGRATION_DATABASE_USER="owner", MIGRATION_DATABASE_PASSWORD="0wner")
    assert credentials.migration_url() == credentials.app_url().set(username="owner", password="0wner")


def test_the_migrations_secret_is_taken_whole_and_a_part_overrides_it() -> None:
    """Its port is a number in any JSON, because the driver would not connect otherwise."""
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
def test_an_invalid_ca_is_found_before_the_first_attempt(content: str | None, tmp_path: Path) -> None:
    """Otherwise each attempt would fail with an error that does not name the file."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    variable, problem = fault(DATABASE_URL=URL, DATABASE_SSL_CA=str(bundle))
    assert variable == "DATABASE_SSL_CA"
    assert "not a readable CA bundle" in problem


def test_a_ca_means_that_chain_and_host_name_are_verified() -> None:
    """Encryption without verification protects from no attacker."""
    credentials = read(DATABASE_URL=URL, DATABASE_SSL_CA=certifi.where())
    assert credentials.tls is not None
    assert credentials.tls.context.check_hostname
    assert credentials.tls.context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("url", ["postgres://u:p@h:port/x", "postgresql+psycopg2://u:p@h:port/x"])
def test_an_unreadable_url_gets_an_example_of_its_own_database(url: str) -> None:
    """An example of another database sends the reader away."""
    with pytest.raises(CredentialsError) as caught:
        parse("DATABASE_URL", url)
    assert [fault.example for fault in caught.value.faults] == ["postgresql+psycopg2://user:password@host:5432/name"]

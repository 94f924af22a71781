"""The form of an address: URLs, hosts, ports, drivers, the CA; what passes and what is refused."""

import ssl
from pathlib import Path

import certifi
import pytest
from sqlalchemy.engine.url import make_url

from orchestrator.address.drivers import Driver
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.database_url import parse
from tests.unit.environments import PARTS, fault, read, secret

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
@pytest.mark.paired("value")
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

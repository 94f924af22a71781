"""Where an address comes from: parts, files, secrets, the credentials for migrating; and two sources of one thing."""

from pathlib import Path

import pytest
from sqlalchemy.engine.url import make_url

from orchestrator.address.drivers import Driver
from orchestrator.errors import StartupError
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_settings import EMBEDDED_FILE
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.settings.validation import load, require_address
from tests.unit.environments import PARTS, SECRET, fault, read, secret

URL = "mysql+asyncmy://app:s3cret@host/name"


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

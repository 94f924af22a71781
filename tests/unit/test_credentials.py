"""Where the database is and how to log in: every way to give it, right or wrong."""

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy.engine.url import URL, make_url

from orchestrator.address import of_url
from orchestrator.errors import StartupError
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.settings.validation import require_address
from tests.unit.environments import PARTS, SECRET, fault, read, secret

NO_TEXT: list[Any] = [[], {}, True, "", 1.5]
HARD = [
    "@/:%#?&= \"'\\+",
    "p@ss",
    "%40",
    "a b",
    "100%",
    "ключ",
    "日本",
    "\N{ROSE}",
    "x" * 200,
    "\n",
    "' OR 1=1 --",
    "\x00",
]


def as_driver_sees(url: URL) -> URL:
    """The URL after the round trip that env.py and the app put it through."""
    return make_url(url.render_as_string(hide_password=False))


@pytest.mark.parametrize("password", HARD)
@pytest.mark.parametrize("way", ["parts", "secret", "file", "migration part", "migration secret", "url"])
def test_a_password_with_any_characters_arrives_unchanged(password: str, way: str, tmp_path: Path) -> None:
    """Secrets Manager makes up passwords of any characters, and each way has its own escapes."""
    file = tmp_path / "secret.json"
    file.write_text(secret(password=password), encoding="utf-8")
    url = URL.create("mysql+asyncmy", "app", password, "h", 3306, "d").render_as_string(hide_password=False)
    credentials = {
        "parts": lambda: read(**(PARTS | {"DATABASE_PASSWORD": password})),
        "secret": lambda: read(DATABASE_SECRET=secret(password=password)),
        "file": lambda: read(DATABASE_SECRET_FILE=str(file)),
        "migration part": lambda: read(**PARTS, MIGRATION_DATABASE_PASSWORD=password),
        "migration secret": lambda: read(**PARTS, MIGRATION_DATABASE_SECRET=json.dumps({"password": password})),
        "url": lambda: read(DATABASE_URL=url),
    }[way]()
    assert credentials.migration_url().password == password
    assert as_driver_sees(credentials.migration_url()).password == password


def test_parts_make_a_url() -> None:
    """Each part has its place."""
    assert read(**PARTS).app_url() == make_url("postgresql+asyncpg://app:s3cret@db.internal:6432/plants")


@pytest.mark.parametrize("part", ["DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER"])
def test_parts_that_are_no_address_leave_the_question_to_env_py(part: str) -> None:
    """The app may have an unrelated DATABASE_HOST; if env.py gives no address either, the missing parts are named."""
    credentials = read(**{name: value for name, value in PARTS.items() if name != part})
    assert not credentials.known
    with pytest.raises(StartupError, match=f"{part}: it is needed beside"):
        require_address(credentials)


@pytest.mark.parametrize("part", ["DATABASE_PORT", "DATABASE_PASSWORD"])
def test_a_part_that_has_a_default_may_be_missing(part: str) -> None:
    """The database's own port, no password."""
    url = read(**{name: value for name, value in PARTS.items() if name != part}).app_url()
    assert url.drivername == "postgresql+asyncpg"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "3306.0", "mysql", "\u0663\u0663", "3_306", "9" * 5000])
def test_an_invalid_port_is_a_fault_of_the_variable_that_names_it(port: str) -> None:
    """As a part, and in either secret."""
    assert fault(**(PARTS | {"DATABASE_PORT": port}))[0] == "DATABASE_PORT"
    assert fault(DATABASE_SECRET=secret(port=port))[0] == "DATABASE_SECRET"
    assert fault(**PARTS, MIGRATION_DATABASE_SECRET=secret(port=port))[0] == "MIGRATION_DATABASE_SECRET"


@pytest.mark.parametrize(
    ("engine", "driver"),
    [
        ("mysql", "mysql+asyncmy"),
        ("aurora-mysql", "mysql+asyncmy"),
        ("mariadb", "mariadb+asyncmy"),
        ("postgres", "postgresql+asyncpg"),
        ("aurora-postgresql", "postgresql+asyncpg"),
    ],
)
def test_a_secret_alone_says_everything(engine: str, driver: str) -> None:
    """As RDS writes it."""
    url = read(DATABASE_SECRET=secret(engine=engine)).app_url()
    assert url == make_url(f"{driver}://rds:from-secret@rds.internal:3307/roses")


@pytest.mark.parametrize(
    ("key", "part"),
    [("username", "app"), ("password", "s3cret"), ("host", "db.internal"), ("dbname", "plants"), ("port", 6432)],
)
def test_what_a_secret_does_not_say_comes_from_the_parts(key: str, part: str | int) -> None:
    """The secrets that RDS manages itself hold user and password only."""
    url = read(**PARTS, DATABASE_SECRET=secret(engine=None, **{key: None})).app_url()
    assert getattr(url, {"dbname": "database"}.get(key, key)) == part
    if key != "host":
        assert url.host == "rds.internal"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{",
        "[]",
        "null",
        '"text"',
        "7",
        "[" * 60_000,
        "9" * 5000,
        '{"password": "p\ud800", "username": "u", "host": "h", "dbname": "d", "engine": "mysql"}',
        '{"password": "p\\ud800", "username": "u", "host": "h", "dbname": "d", "engine": "mysql"}',
        *(secret(**{key: value}) for key in SECRET for value in NO_TEXT),
        secret(engine="oracle-ee"),
        secret(engine="MySQL"),
        secret(host="a@b"),
    ],
)
def test_a_secret_of_another_shape_is_a_fault_and_no_crash(text: str, tmp_path: Path) -> None:
    """Somebody typed it into the console."""
    file = tmp_path / "secret.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    for name, value in (("DATABASE_SECRET", text), ("DATABASE_SECRET_FILE", str(file))):
        variable, problem = fault(**{name: value})
        assert variable == name
        assert "from-secret" not in problem


def test_a_secrets_file_is_read_again_each_time(tmp_path: Path) -> None:
    """The rotation writes the new password while we wait."""
    file = tmp_path / "secret.json"
    file.write_text(secret(password="old"))
    credentials = read(DATABASE_SECRET_FILE=str(file))
    file.write_text(secret(password="new"))
    assert credentials.migration_url().password == credentials.app_url().password == "new"
    file.write_text("half a fi")
    with pytest.raises(CredentialsError, match="DATABASE_SECRET_FILE: it is not JSON"):
        credentials.migration_url()
    file.unlink()
    with pytest.raises(CredentialsError, match="the file cannot be read"):
        credentials.migration_url()


@pytest.mark.parametrize("path", ["/nowhere", "/", "x" * 300, "/proc/self/mem"])
def test_a_secrets_file_that_cannot_be_read_is_a_fault(path: str) -> None:
    """The volume is not mounted."""
    assert fault(DATABASE_SECRET_FILE=path)[0] == "DATABASE_SECRET_FILE"


@hypothesis.given(st.text(min_size=1).map(lambda text: text.replace("\ud800", "")))
def test_all_passwords_are_known_before_anything_is_validated(password: str) -> None:
    """The first message may contain one already, and so may the fault of an invalid URL."""
    environ = {
        "DATABASE_PASSWORD": password,
        "MIGRATION_DATABASE_SECRET": json.dumps({"password": password + "2"}),
        "DATABASE_SECRET": "[" * 20_000 + password,
        "DATABASE_URL": URL.create("mysql+asyncmy", "u", password + "3", "h").render_as_string(hide_password=False),
        "MIGRATION_DATABASE_URL": "no url://u:p@ss:4@word",
    }
    known = known_secrets(environ)
    assert {password, password + "2", password + "3", "p@ss:4", environ["DATABASE_SECRET"]} <= set(known)


def test_credentials_do_not_show_themselves() -> None:
    """A `%r` while debugging must not leak them."""
    assert "s3cret" not in repr(read(**PARTS))


@pytest.mark.parametrize("part", ["MIGRATION_DATABASE_USER", "MIGRATION_DATABASE_PASSWORD"])
def test_credentials_for_migrating_alone_are_never_those_of_the_embedded_file(part: str) -> None:
    """The real database, whose address env.py has, would never be migrated."""
    credentials = read(**{part: "owner"})
    assert not credentials.embedded
    assert not credentials.known
    credentials.learn(of_url(make_url("mysql+pymysql://app:s3cret@host/plants?charset=utf8mb4")))
    assert "owner" in (credentials.own_address().url.username, credentials.own_address().url.password)
    assert credentials.own_address().connect_args == {"charset": "utf8mb4"}
    assert credentials.app_url().username == "app"

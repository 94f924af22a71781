"""Parts of an address without a driver: which database they are of is told, or the start is refused."""

from pathlib import Path

import pytest
from sqlalchemy.engine.url import make_url

from orchestrator.address import of_url
from orchestrator.address.drivers import Driver
from orchestrator.errors import StartupError
from orchestrator.settings.validation import require_address
from tests.unit.environments import read, secret

UNTOLD = {"DATABASE_HOST": "host", "DATABASE_NAME": "plants", "DATABASE_USER": "app"}


def _only(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    """Let only these drivers be installed."""
    monkeypatch.setattr(Driver, "installed", property(lambda driver: driver.name in there))


@pytest.mark.parametrize(
    ("there", "given", "told"),
    [
        (("pymysql", "psycopg2"), {"DATABASE_PORT": "3306"}, "mysql"),
        (("pymysql", "psycopg2"), {"DATABASE_PORT": "5432"}, "postgresql"),
        (("psycopg2", "pysqlite", "asyncpg"), {"DATABASE_PORT": "6432"}, "postgresql"),
        (("mysqldb",), {}, "mysql"),
        (("pymysql", "psycopg2"), {"MIGRATION_DATABASE_URL": "postgres://o:x@host:6432/plants"}, "postgresql"),
    ],
)
def test_a_port_the_drivers_or_the_other_url_may_say_which_database_it_is(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], given: dict[str, str], told: str
) -> None:
    """Parts have no scheme."""
    _only(monkeypatch, *there)
    assert read(**UNTOLD, **given).app_url().get_backend_name() == told


@pytest.mark.parametrize("file", [False, True])
def test_the_database_stays_told_after_the_other_url_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, file: bool
) -> None:
    """The app is served with the address that it had when the database was migrated."""
    _only(monkeypatch, "pymysql", "psycopg2")
    (tmp_path / "password").write_text("app's own")
    password = {"DATABASE_PASSWORD_FILE": str(tmp_path / "password")} if file else {"DATABASE_PASSWORD": "app's own"}
    credentials = read(**UNTOLD, **password, MIGRATION_DATABASE_URL="postgres://owner:x@host:6432/plants")
    before = credentials.app_url()
    credentials.forget_migration()
    assert credentials.own_address().url.username == "app"
    assert (credentials.app_url(), credentials.untold) == (before, [])


@pytest.mark.parametrize("there", [("pymysql", "psycopg2"), ("asyncmy", "psycopg2"), (), ("pysqlite",)])
@pytest.mark.parametrize(
    "given",
    [
        UNTOLD,
        UNTOLD | {"DATABASE_PORT": "6432"},
        {"DATABASE_SECRET": secret(engine=None)},
        UNTOLD | {"DATABASE_SECRET": secret(engine=None, port=None)},
    ],
)
def test_parts_that_do_not_say_which_database_it_is_are_never_guessed(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], given: dict[str, str]
) -> None:
    """MySQL's greeting from PostgreSQL would be waited for until the budget ends. Only env.py may still say it."""
    _only(monkeypatch, *there)
    credentials = read(**given)
    assert not credentials.known
    with pytest.raises(StartupError, match="DATABASE_DRIVER: it is needed") as refused:
        require_address(credentials)
    assert refused.value.failure.exits_with == 78
    credentials.learn(of_url(make_url("postgresql+psycopg2://app:x@host/plants")))
    require_address(credentials)


def test_an_env_that_connects_elsewhere_does_not_say_which_database_the_parts_are_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its fallback is often a file for development."""
    _only(monkeypatch, "pymysql", "psycopg2")
    credentials = read(**UNTOLD)
    credentials.learn(of_url(make_url("sqlite:///dev.db")))
    with pytest.raises(StartupError, match=r"DATABASE_DRIVER: .*; env.py connects to another database"):
        require_address(credentials)

"""The address of our own connections, made of the URL or the arguments of any driver."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import Dialect

from orchestrator.address import AddressError, OwnAddress, of_call, of_url
from tests.servers import certificates


def _of(text: str) -> OwnAddress:
    return of_url(make_url(text))


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h:5433/d", "postgresql+asyncpg://u:p@h:5433/d"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+psycopg_async://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+pg8000://u:p%40%2F@h/d", "postgresql+asyncpg://u:p%40%2F@h/d"),
        ("mysql://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("mysql+pymysql://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("mysql+aiomysql://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("mysql+mysqldb://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("mysql+mysqlconnector://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("mariadb+pymysql://u:p@h/d", "mariadb+asyncmy://u:p@h/d"),
        ("mysql+asyncmy://u:p@h/d", "mysql+asyncmy://u:p@h/d"),
        ("sqlite:////tmp/a.db", "sqlite+aiosqlite:////tmp/a.db"),
        ("sqlite+pysqlite:////tmp/a.db", "sqlite+aiosqlite:////tmp/a.db"),
        ("sqlite+aiosqlite:////tmp/a.db?timeout=3", "sqlite+aiosqlite:////tmp/a.db"),
    ],
)
def test_every_driver_is_taken_and_ours_is_the_async_one_of_the_database(given: str, ours: str) -> None:
    """The app's own driver must not be a reason to refuse its URL."""
    found = _of(given)
    assert (found.url.render_as_string(hide_password=False), found.ignored) == (ours, ())


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("postgresql://u:p@h/d?sslmode=require", {"dsn": "postgresql://?sslmode=require"}),
        ("postgresql+asyncpg://u:p@h/d?ssl=require", {"dsn": "postgresql://?sslmode=require"}),
        ("postgresql+psycopg2:///d?host=/run/pg", {"host": "/run/pg"}),
        ("postgresql+psycopg2://u@/d?host=a:1&host=b:2", {"host": ["a", "b"], "port": [1, 2]}),
        (
            "postgresql://h/d?options=-csearch_path%3Da,b%20-c%20x.y=1",
            {"server_settings": {"search_path": "a,b", "x.y": "1"}},
        ),
        ("postgresql://h/d?connect_timeout=3&application_name=x&keepalives_idle=9", {}),
        ("mysql+pymysql://h/d?charset=utf8mb4&connect_timeout=3", {"charset": "utf8mb4"}),
        ("mysql+mysqldb:///d?unix_socket=/run/my.sock", {"unix_socket": "/run/my.sock"}),
    ],
)
def test_options_are_translated_into_the_words_of_our_driver(url: str, arguments: dict[str, Any]) -> None:
    """Our connection ends in the same database, in the same way, as the app's."""
    found = _of(url)
    assert (found.connect_args, found.ignored) == (arguments, ())


def test_the_uri_of_a_file_stays_one() -> None:
    """`mode=ro` is part of the name that SQLite opens; made a path, it would be a file that is not there."""
    url = _of("sqlite:///file:a.db?mode=ro&uri=true").url
    assert url.get_dialect()().create_connect_args(url)[0] == ["file:a.db?mode=ro"]


@pytest.mark.parametrize(
    ("url", "ignored"),
    [
        ("postgresql://h/d?sslmode=require&channel_binding=require", ("channel_binding",)),
        ("postgresql://h/d?hostaddr=10.0.0.1", ("hostaddr",)),
        ("mysql+aiomysql://h/d?bind_address=10.0.0.1&no_such=1", ("bind_address", "no_such")),
    ],
)
def test_an_option_without_counterpart_is_named(url: str, ignored: tuple[str, ...]) -> None:
    """It is not lost without a word: the app's connections have it, ours do not."""
    assert _of(url).ignored == ignored


@pytest.mark.parametrize(
    ("options", "verify", "names", "prefers"),
    [
        ("mysql+pymysql://h/d?ssl_ca=CA", ssl.CERT_REQUIRED, True, False),
        ("mysql+pymysql://h/d?ssl_ca=CA&ssl_check_hostname=false", ssl.CERT_REQUIRED, False, False),
        ("mysql+asyncmy://h/d?ssl_ca=CA", ssl.CERT_REQUIRED, True, False),
        ("mysql+mysqldb://h/d?ssl_mode=VERIFY_CA&ssl_ca=CA", ssl.CERT_REQUIRED, False, False),
        ("mysql+mysqldb://h/d?ssl_mode=REQUIRED", ssl.CERT_NONE, False, False),
        ("mysql+mysqlconnector://h/d?ssl_ca=CA", ssl.CERT_NONE, False, False),
        ("mysql+mysqlconnector://h/d?ssl_ca=CA&ssl_verify_cert=true", ssl.CERT_REQUIRED, False, False),
        ("mysql+mysqlconnector://h/d?ssl_ca=CA&ssl_verify_identity=true", ssl.CERT_REQUIRED, True, False),
        ("mysql+mysqlconnector://h/d", None, False, True),
        ("mysql+mysqlconnector://h/d?ssl_disabled=true", None, False, False),
        ("mysql+mysqldb://h/d", None, False, True),
        ("mysql+asyncmy://h/d", None, False, False),
    ],
)
def test_tls_is_what_the_apps_own_driver_makes_of_the_options(
    tmp_path: Path,
    options: str,
    verify: ssl.VerifyMode | None,
    names: bool,  # noqa: FBT001  # a table
    prefers: bool,  # noqa: FBT001  # same
) -> None:
    """Stricter, and a project that works is refused; laxer, and the wrong server is believed."""
    certificates.make(tmp_path, ["localhost"])
    found = _of(options.replace("=CA", f"={tmp_path / certificates.AUTHORITY}"))
    context = found.connect_args.get("ssl")
    assert (context and context.verify_mode, bool(context and context.check_hostname)) == (verify, names)
    assert found.prefers_tls is prefers


@pytest.mark.parametrize(
    ("url", "option", "value"),
    [
        ("mysql+pymysql://h/d?ssl_ca=/no/such.pem", "ssl_ca", "/no/such.pem"),
        ("mysql+aiomysql://h/d?ssl_ca=pyproject.toml", "ssl_ca", "pyproject.toml"),
        ("mysql+asyncmy://h/d?ssl_key=/no/such.pem&ssl_cert=/no/such.pem", "ssl_cert", "/no/such.pem"),
        ("mysql+mysqldb://h/d?ssl_cipher=sometimes", "ssl_cipher", "sometimes"),
        ("postgresql://h/d?sslmode=verify-full&sslrootcert=/no/such.pem", "sslrootcert", "/no/such.pem"),
        ("postgresql+psycopg://h/d?sslmode=verify-ca&sslrootcert=pyproject.toml", "sslrootcert", "pyproject.toml"),
        ("postgresql+asyncpg://h/d?sslrootcert=/no/such.pem", "sslrootcert", "/no/such.pem"),
        ("postgresql+asyncpg://h/d?server_settings=sometimes", "server_settings", "sometimes"),
        ("mysql+pymysql://h/d?read_default_file=/no/such.cnf", "read_default_file", "/no/such.cnf"),
        ("mysql+pymysql://h/d?charset=klingon", "charset", "klingon"),
        ("postgresql://h/d?sslmode=sometimes", "sslmode", "sometimes"),
        ("mysql+pymysql://h/d?connect_timeout=sometimes", "connect_timeout", "sometimes"),
        ("mysql+aiomysql://h/d?local_infile=sometimes", "local_infile", "sometimes"),
        (
            "postgresql+asyncpg://h/d?prepared_statement_cache_size=sometimes",
            "prepared_statement_cache_size",
            "sometimes",
        ),
        ("mysql+mysqldb://h/d?ssl_mode=sometimes", "ssl_mode", "SOMETIMES"),
        ("mysql+nonesuch://h/d", "", "nonesuch"),
        ("mssql+pyodbc://h/d", "", "mssql"),
    ],
)
def test_an_impossible_address_is_reported_before_any_attempt(url: str, option: str, value: str) -> None:
    """A missing file waited for as a refused port hides the cause for five minutes; the value is what one searches."""
    with pytest.raises(AddressError) as failure:
        _of(url)
    assert failure.value.option == option
    assert value in failure.value.problem


def test_a_ca_file_that_libpq_does_not_need_may_be_missing() -> None:
    """Without `sslmode=verify-...` it goes on without one, so the app works."""
    assert _of("postgresql+psycopg2://h/d?sslmode=require&sslrootcert=/no/such.pem").connect_args == {
        "dsn": "postgresql://?sslmode=require"
    }


@pytest.mark.parametrize(
    ("url", "connect_args", "ours", "arguments"),
    [
        ("postgresql+psycopg2://", {"dsn": "host=h dbname=d user=u"}, "postgresql+asyncpg://u@h/d", {}),
        (
            "postgresql+psycopg2://u@h/d",
            {"sslmode": "require"},
            "postgresql+asyncpg://u@h/d",
            {"dsn": "postgresql://?sslmode=require"},
        ),
        ("mysql+pymysql://u:p@h/d", {"db": "other"}, "mysql+asyncmy://u:p@h/other", {}),
        ("mysql+pymysql://u@h/d", {"password": b"p"}, "mysql+asyncmy://u:p@h/d", {}),
        ("sqlite:////tmp/a.db", {"timeout": 3}, "sqlite+aiosqlite:////tmp/a.db", {}),
    ],
)
def test_the_call_of_a_driver_gives_the_address_as_well(
    url: str, connect_args: dict[str, Any], ours: str, arguments: dict[str, Any]
) -> None:
    """env.py may put any part of its address into `connect_args`."""
    calls: list[tuple[Dialect, Any, dict[str, Any]]] = []

    class CapturedError(Exception):
        pass

    def capture(dialect: Dialect, _: Any, args: Any, parameters: dict[str, Any]) -> None:
        calls.append((dialect, args, parameters))
        raise CapturedError

    engine = create_engine(url, connect_args=connect_args)
    event.listen(engine, "do_connect", capture)
    with pytest.raises(CapturedError):
        engine.connect()
    found = of_call(*calls[0])
    assert (found.url.render_as_string(hide_password=False), found.connect_args) == (ours, arguments)

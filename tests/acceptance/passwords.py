"""A password full of traps, each way of giving it, and a search for it in all output."""

import html
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Output
from tests.servers import Database, Server, backends

SERVERS = backends("mariadb", "postgresql")
ODD = "a@b/c:d%e#f?g\"h'i\\j k ü%41+{}$&=;*"
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20", "ORCHESTRATOR_LOG_LEVEL": "debug"}
ALL = ("ALL PRIVILEGES",)
Env = dict[str, str]


def percent(url: URL) -> str:
    """Write a URL as a person would: everything that means something in it is percent-encoded."""
    password = quote(url.password or "", safe="")
    return f"{url.drivername}://{url.username}:{password}@{url.host}:{url.port}/{url.database}"


def parts(url: URL) -> Env:
    """Return the variables that hold a part of the address each."""
    return {
        "DATABASE_DRIVER": url.drivername,
        "DATABASE_HOST": str(url.host),
        "DATABASE_PORT": str(url.port),
        "DATABASE_NAME": str(url.database),
        "DATABASE_USER": str(url.username),
        "DATABASE_PASSWORD": str(url.password),
    }


def _rds(url: URL) -> dict[str, object]:
    """Return the keys of a secret as RDS writes them."""
    engine = "postgres" if url.get_backend_name() == "postgresql" else "mariadb"
    login = {"username": url.username, "password": url.password}
    return login | {"engine": engine, "host": url.host, "port": url.port, "dbname": url.database}


def secret(url: URL, **changes: object) -> str:
    """Return a secret as RDS writes it."""
    return json.dumps(_rds(url) | changes)


def _in_a_file(url: URL, directory: Path) -> Env:
    file = directory / "secret.json"
    file.write_text(secret(url))
    return {"DATABASE_SECRET_FILE": str(file)}


def _for_migrating(url: URL) -> Env:
    """The app's own login is wrong: only the other one can log in."""
    return {"DATABASE_URL": percent(url.set(username="app_nobody", password="n0thing"))}


def _login(url: URL) -> str:
    return json.dumps({"username": url.username, "password": url.password})


FORMS: dict[str, Callable[[URL, Path], Env]] = {
    "a URL": lambda url, _: {"DATABASE_URL": percent(url)},
    "parts": lambda url, _: parts(url),
    "a secret": lambda url, _: {"DATABASE_SECRET": secret(url)},
    "a secret and parts": lambda url, _: {
        **{name: value for name, value in parts(url).items() if name in {"DATABASE_HOST", "DATABASE_NAME"}},
        "DATABASE_SECRET": json.dumps(
            {key: value for key, value in _rds(url).items() if key not in {"host", "dbname"}}
        ),
    },
    "a file": _in_a_file,
    "a URL for migrating": lambda url, _: _for_migrating(url) | {"MIGRATION_DATABASE_URL": percent(url)},
    "a secret for migrating": lambda url, _: _for_migrating(url) | {"MIGRATION_DATABASE_SECRET": _login(url)},
    "a user for migrating": lambda url, _: {
        **_for_migrating(url),
        "MIGRATION_DATABASE_USER": str(url.username),
        "MIGRATION_DATABASE_PASSWORD": str(url.password),
    },
}


def _written(password: str) -> set[str]:
    """Return the password as texts of many kinds may hold it."""
    once = {
        password,
        quote(password, safe=""),
        quote(password),
        quote(password, safe=" +"),
        quote_plus(password),
        quote(password, safe="").lower(),
        repr(password)[1:-1],
        ascii(password)[1:-1],
        repr(password.encode())[2:-1],
        json.dumps(password)[1:-1],
        json.dumps(password, ensure_ascii=False)[1:-1],
        html.escape(password),
        shlex.quote(password),
        password.replace("'", "''"),
        password.replace("\\", "\\\\").replace("'", "\\'"),
    }
    once |= {each.replace("%", "%%") for each in once}
    return once | {json.dumps(each, ensure_ascii=ascii_only)[1:-1] for each in once for ascii_only in (True, False)}


def assert_hidden(output: Output, *passwords: str) -> None:
    """Neither a line as it stands, nor the text that it stands for, nor stderr holds one of them."""
    assert_well_formed(output)
    seen = "\n".join([*output.lines, *(str(list(_texts(event))) for event in output.events), output.stderr])
    texts = "\n".join(text for event in output.events for text in _texts(event))
    for password in passwords:
        for form in _written(password):
            assert form not in seen, output.story()
            assert form not in texts, output.story()


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in [key, *_texts(each)]]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


@pytest.fixture
def owner(database: Database, server: Server) -> URL:
    """Return how a user with a password full of traps comes in, who may do everything."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    return make_url(server.add_user(database, "owner", ODD, *rights).url)

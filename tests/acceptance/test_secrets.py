"""Passwords: each one logs in, in every way of giving it, and none is ever shown."""

import hashlib
import html
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Orchestrator, Output, make_project, run
from tests.servers import Database, Server, backends

REPOSITORY = Path(__file__).parents[2]
SERVERS = backends("mariadb", "postgresql")
ODD = "a@b/c:d%e#f?g\"h'i\\j k ü%41+{}$&=;*"
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20", "ORCHESTRATOR_LOG_LEVEL": "debug"}
ALL = ("ALL PRIVILEGES",)

Env = dict[str, str]


def _percent(url: URL) -> str:
    """Write a URL as a person would: everything that means something in it is percent-encoded."""
    password = quote(url.password or "", safe="")
    return f"{url.drivername}://{url.username}:{password}@{url.host}:{url.port}/{url.database}"


def _parts(url: URL) -> Env:
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


def _secret(url: URL, **changes: object) -> str:
    return json.dumps(_rds(url) | changes)


def _in_a_file(url: URL, directory: Path) -> Env:
    file = directory / "secret.json"
    file.write_text(_secret(url))
    return {"DATABASE_SECRET_FILE": str(file)}


def _for_migrating(url: URL) -> Env:
    """The app's own login is wrong: only the other one can log in."""
    return {"DATABASE_URL": _percent(url.set(username="app_nobody", password="n0thing"))}


def _login(url: URL) -> str:
    return json.dumps({"username": url.username, "password": url.password})


FORMS: dict[str, Callable[[URL, Path], Env]] = {
    "a URL": lambda url, _: {"DATABASE_URL": _percent(url)},
    "parts": lambda url, _: _parts(url),
    "a secret": lambda url, _: {"DATABASE_SECRET": _secret(url)},
    "a secret and parts": lambda url, _: {
        **{name: value for name, value in _parts(url).items() if name in {"DATABASE_HOST", "DATABASE_NAME"}},
        "DATABASE_SECRET": json.dumps(
            {key: value for key, value in _rds(url).items() if key not in {"host", "dbname"}}
        ),
    },
    "a file": _in_a_file,
    "a URL for migrating": lambda url, _: _for_migrating(url) | {"MIGRATION_DATABASE_URL": _percent(url)},
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


def _assert_hidden(output: Output, *passwords: str) -> None:
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


@SERVERS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.paired("database")
async def test_any_password_migrates_and_is_not_seen(database: Database, owner: URL, form: str, tmp_path: Path) -> None:
    """Through waiting, our own env.py and its driver, at the lowest level of logging."""
    env = BUDGET | FORMS[form](owner, tmp_path)
    result = await run("migrate", env=env, cwd=REPOSITORY)
    assert result.exit_code == 0, result.story()
    assert result.stderr == ""
    _assert_hidden(result, ODD)
    assert "plants" in database.tables()


@SERVERS
@pytest.mark.parametrize("form", ["a URL", "a file", "a user for migrating"])
@pytest.mark.paired("database")
async def test_a_wrong_password_is_not_seen_either(owner: URL, form: str, tmp_path: Path) -> None:
    """It may be the right password of another account."""
    wrong = ODD[::-1] + "!"
    env = BUDGET | FORMS[form](owner.set(password=wrong), tmp_path)
    result = await run("wait", env=env, cwd=REPOSITORY)
    assert failure(result, "database_refused", 5)["error_type"] == "credentials"
    _assert_hidden(result, wrong)


LEAKY_APP = """
import asyncio, logging, os, threading, traceback, warnings

URL, PASSWORD = os.environ["DATABASE_URL"], {password!r}
log = logging.getLogger("app")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        leak()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    left = sorted(name for name in os.environ if "MIGRATION" in name)
    body = repr(left).encode()
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": body}})

class Holder:
    def __repr__(self):
        return "Holder(" + PASSWORD + ")"

def leak():
    print(URL)
    print("the password is", PASSWORD, "indeed")
    warnings.warn("do not use " + URL)
    log.info("logging in to %s with %r", URL, PASSWORD)
    log.info({{"url": URL, "nested": [PASSWORD, {{PASSWORD: 1}}]}})
    log.info("extra", extra={{"url": URL, "user_password": PASSWORD, "deep": {{"x": [PASSWORD]}}, "object": Holder()}})
    log.info("%s %s", Holder(), PASSWORD.encode())
    try:
        raise ValueError("cannot log in with " + PASSWORD) from KeyError(PASSWORD)
    except ValueError:
        log.exception("failed for %r", {{"password": PASSWORD}})
    log.info("stack", stack_info=True)

    def fail():
        raise RuntimeError(PASSWORD)

    thread = threading.Thread(target=fail, name="leak")
    thread.start()
    thread.join()
    asyncio.get_running_loop().call_exception_handler({{"message": URL, "exception": ValueError(PASSWORD)}})
    log.info("all was said")
"""


@SERVERS
async def test_an_app_that_knows_its_password_is_not_understood(owner: URL, tmp_path: Path) -> None:
    """Whatever way it takes: a print, a warning, a record's arguments and extras, a traceback, a thread, the loop."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", f"print({ODD!r})")
    project.write("app/main.py", LEAKY_APP.format(password=ODD))
    other = _percent(owner.set(username="owner"))
    env = BUDGET | _parts(owner) | {"MIGRATION_DATABASE_USER": "owner", "MIGRATION_DATABASE_PASSWORD": ODD}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        await process.event("log", logger="app", message="all was said")
        async with process.client() as client:
            assert (await client.get("/")).text == "[]", "the app still sees how to migrate"
        assert await process.stop() == 0
    assert other not in process.story()
    assert process.stderr == ""
    assert process.find("log", logger="stdout")
    assert process.find("log", logger="py.warnings")
    assert process.find("log", logger="orchestrator.uncaught")
    _assert_hidden(process, ODD)


@SERVERS
@pytest.mark.parametrize(
    "failing",
    [
        "raise RuntimeError({password!r})",
        "raise RuntimeError(str(op.get_bind().engine.url.render_as_string(hide_password=False)))",
        "op.execute(sa.text('SELECT * FROM nowhere WHERE x = :x').bindparams(x={password!r}))",
        "op.execute('SELECT nothing -- ' + {password!r}.replace('%', '%%'))",
    ],
)
@pytest.mark.paired("database")
async def test_a_revision_that_fails_with_a_password_in_its_text_does_not_show_it(
    owner: URL, failing: str, tmp_path: Path
) -> None:
    """Neither in the error nor in its traceback, its statement or its parameters."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", failing.format(password=ODD))
    result = await run("migrate", env=BUDGET | {"DATABASE_URL": _percent(owner)}, cwd=project.path)
    failure(result, "migration_failed", 7)
    _assert_hidden(result, ODD)


async def test_the_status_with_full_detail_does_not_show_it(tmp_path: Path) -> None:
    """The port is open to more people than the log. The password is chosen so that an error's text holds it."""
    project = make_project(tmp_path / "project")
    project.write("app/main.py", "async def app(*_): pass")
    env = BUDGET | {
        "DATABASE_URL": "postgresql+asyncpg://app:resolved@database.invalid/app",
        "MIGRATION_DATABASE_PASSWORD": "Name or service not known",
        "ORCHESTRATOR_STATUS_DETAIL": "full",
    }
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        retry = await process.event("database_retry_scheduled")
        assert "***" in retry["error_message"]
        async with process.client() as client:
            told = (await client.get("/startupz")).text
        assert await process.stop() == 0
    assert json.loads(told)["last_error"]["error_type"] == "dns"
    assert "Name or service" not in told
    _assert_hidden(process, "Name or service not known")


@SERVERS
async def test_a_password_that_is_a_common_word_spoils_no_name(
    database: Database, server: Server, tmp_path: Path
) -> None:
    """`app` is masked in foreign text, and stays in our own names and words, which alarms look for."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    login = make_url(server.add_user(database, "short", "app", *rights).url)
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "print('the password is: app.')")
    async with Orchestrator("serve", env={"DATABASE_URL": _percent(login)}, cwd=project.path) as process:
        loaded = await process.event("app_loaded")
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)
    assert (loaded["service"], loaded["app"]) == ("app", "app.main:app")
    assert loaded["message"].startswith("Imported the app app.main:app")
    assert process.find("revision_applied", revision="r1")
    assert [event["message"] for event in process.find("log", logger="stdout")] == ["the password is: ***."]

    broken = await run("serve", env={"DATABASE_URL": _percent(login.set(password="apps"))}, cwd=project.path)
    assert "'***'" not in failure(broken, "database_refused", 5)["hint"]


@SERVERS
async def test_a_password_may_be_rotated_while_we_wait(database: Database, server: Server, tmp_path: Path) -> None:
    """The file is read before each attempt; the new password is hidden like the old one."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    url = make_url(server.add_user(database, "rotated", "n3w-p4ss/word", *rights).url)
    file = tmp_path / "secret.json"
    port = url.port
    file.write_text(_secret(url.set(password="0ld-p4ss/word"), port=1))
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "print('now with n3w-p4ss/word')")
    project.write("app/main.py", LEAKY_APP.format(password="n3w-p4ss/word"))
    async with Orchestrator("serve", env=BUDGET | {"DATABASE_SECRET_FILE": str(file)}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        file.write_text("{")
        await process.event("database_retry_scheduled", error_type="credentials_file")
        file.write_text(_secret(url, port=port))
        await process.event("server_started")
        assert await process.stop() == 0
    _assert_hidden(process, "n3w-p4ss/word", "0ld-p4ss/word")
    assert "alembic_version" in database.tables()


CHECKING_APP = """
import hashlib, os

async def app(scope, receive, send):
    await receive()
    print("digest", hashlib.sha256(os.environ["DATABASE_URL"].encode()).hexdigest())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
"""


@SERVERS
async def test_an_app_gets_the_password_that_let_us_in(database: Database, server: Server, tmp_path: Path) -> None:
    """After a rotation its DATABASE_URL holds the new one, when its lifespan begins at the latest."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    url = make_url(server.add_user(database, "rotated", "n3w-p4ss/word", *rights).url)
    file = tmp_path / "secret.json"
    file.write_text(_secret(url.set(password="0ld-p4ss/word"), port=1))
    project = make_project(tmp_path / "project")
    project.write("app/main.py", CHECKING_APP)
    async with Orchestrator("serve", env=BUDGET | {"DATABASE_SECRET_FILE": str(file)}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        file.write_text(_secret(url))
        await process.event("server_started")
        assert await process.stop() == 0
    driver = "postgresql+asyncpg" if database.backend == "postgresql" else "mariadb+aiomysql"
    expected = url.set(drivername=driver).render_as_string(hide_password=False).encode()
    assert process.find("log", message=f"digest {hashlib.sha256(expected).hexdigest()}")

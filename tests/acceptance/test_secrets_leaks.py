"""A password is never shown: not by an app or a revision that writes it, and not after it was rotated."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.outcome import failure
from tests.acceptance.passwords import ALL, BUDGET, ODD, SERVERS, assert_hidden, parts, percent, secret
from tests.harness import Orchestrator, make_project, run
from tests.servers import Database, Server

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
    other = percent(owner.set(username="owner"))
    env = BUDGET | parts(owner) | {"MIGRATION_DATABASE_USER": "owner", "MIGRATION_DATABASE_PASSWORD": ODD}
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
    assert_hidden(process, ODD)


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
    result = await run("migrate", env=BUDGET | {"DATABASE_URL": percent(owner)}, cwd=project.path)
    failure(result, "migration_failed", 7)
    assert_hidden(result, ODD)


@SERVERS
async def test_a_password_may_be_rotated_while_we_wait(database: Database, server: Server, tmp_path: Path) -> None:
    """The file is read before each attempt; the new password is hidden like the old one."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    url = make_url(server.add_user(database, "rotated", "n3w-p4ss/word", *rights).url)
    file = tmp_path / "secret.json"
    port = url.port
    file.write_text(secret(url.set(password="0ld-p4ss/word"), port=1))
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "print('now with n3w-p4ss/word')")
    project.write("app/main.py", LEAKY_APP.format(password="n3w-p4ss/word"))
    async with Orchestrator("serve", env=BUDGET | {"DATABASE_SECRET_FILE": str(file)}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        file.write_text("{")
        await process.event("database_retry_scheduled", error_type="credentials_file")
        file.write_text(secret(url, port=port))
        await process.event("server_started")
        assert await process.stop() == 0
    assert_hidden(process, "n3w-p4ss/word", "0ld-p4ss/word")
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
    file.write_text(secret(url.set(password="0ld-p4ss/word"), port=1))
    project = make_project(tmp_path / "project")
    project.write("app/main.py", CHECKING_APP)
    async with Orchestrator("serve", env=BUDGET | {"DATABASE_SECRET_FILE": str(file)}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        file.write_text(secret(url))
        await process.event("server_started")
        assert await process.stop() == 0
    driver = "postgresql+asyncpg" if database.backend == "postgresql" else "mariadb+aiomysql"
    expected = url.set(drivername=driver).render_as_string(hide_password=False).encode()
    assert process.find("log", message=f"digest {hashlib.sha256(expected).hexdigest()}")

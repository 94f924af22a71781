"""IAM with PostgreSQL: a server that takes nothing but a token, from the first attempt to an app's requests."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import CREATE
from tests.acceptance.outcome import failure
from tests.acceptance.rotating import ASKING_APP
from tests.acceptance.tokens import BUDGET, KEYS, NOTHING, REGION, ROLE, SESSION, Judge, assert_hidden
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import HOST, Database, PostgreSQL
from tests.servers.peers import Peer, listening
from tests.servers.ports import free_port, listen_somewhere


def directory(judge: Judge) -> Peer:
    """An LDAP server that answers the one question of pg_hba.conf's `ldap`: may this user bind with this password?"""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, message = await _element(reader)
        number, (tag, bind) = message[:3], _split(message[3:])[0]  # a small INTEGER, then the operation
        assert tag == 0x60, "a BindRequest"
        (_, name), (_, password) = _split(bind[3:])  # behind the version
        granted = judge.lets_in(name.decode().removeprefix("cn="), password.decode())
        code = 0 if granted else 49  # success, or invalidCredentials
        answer = number + bytes([0x61, 7, 0x0A, 1, code, 4, 0, 4, 0])
        writer.write(bytes([0x30, len(answer)]) + answer)
        await writer.drain()
        await reader.read()

    return peer


async def _element(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one element of BER: its tag and its content."""
    tag, length = await reader.readexactly(2)
    if length & 0x80:
        length = int.from_bytes(await reader.readexactly(length & 0x7F))
    return tag, await reader.readexactly(length)


def _split(content: bytes) -> list[tuple[int, bytes]]:
    """The elements of BER in there."""
    elements = []
    while content:
        tag, length, content = content[0], content[1], content[2:]
        if length & 0x80:
            size = length & 0x7F
            length, content = int.from_bytes(content[:size]), content[size:]
        elements.append((tag, content[:length]))
        content = content[length:]
    return elements


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """Return a server with TLS."""
    with PostgreSQL(certificate_for=[HOST]) as server:
        for user in ("jane doe", "owner"):
            server.execute(f'CREATE ROLE "{user}" LOGIN')
        server.execute(f'GRANT {server.application_url.username} TO owner, "jane doe"')
        yield server


@pytest.fixture
def tls_database(server: PostgreSQL) -> Iterator[Database]:
    """Return an empty database on it."""
    database = server.create_database()
    yield database
    server.drop_database(database)


@contextlib.asynccontextmanager
async def judged(server: PostgreSQL, *, app_too: bool = True) -> AsyncIterator[Judge]:
    """Admit only logins with TLS and a token, except perhaps the application's own user."""
    judge = Judge(server.port)
    async with listening(directory(judge)) as ldap:
        exception = "" if app_too else f"hostssl all {server.application_url.username} all scram-sha-256\n"
        rule = f'hostssl all all all ldap ldapserver={HOST} ldapport={ldap.port} ldapprefix="cn="\n'
        rules = server.directory / "data" / "pg_hba.conf"
        rules.write_text(f"local all all trust\n{exception}{rule}")
        server.execute("SELECT pg_reload_conf()")
        yield judge


def _env(server: PostgreSQL, database: Database, **changes: str) -> dict[str, str]:
    """Return the variables of a task that logs in by token."""
    asked = {"DATABASE_IAM_AUTH": "true", "DATABASE_SSL_CA": str(server.ca_file), "AWS_REGION": REGION}
    return BUDGET | NOTHING | asked | {"DATABASE_URL": _without_password(database, "jane doe")} | KEYS | changes


def _without_password(database: Database, user: str) -> str:
    url = make_url(database.url)
    return URL.create(url.drivername, user, None, url.host, url.port, url.database).render_as_string()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    project.write("app/main.py", ASKING_APP)
    return project


async def test_waiting_migrating_and_the_app_log_in_by_token(
    server: PostgreSQL, tls_database: Database, project: Project
) -> None:
    """A stock env.py and the app's own engine know nothing but DATABASE_URL; each login has a token made for it."""
    async with judged(server) as judge:
        async with Orchestrator("serve", env=_env(server, tls_database), cwd=project.path) as process:
            await process.event("revision_applied", revision="r1")
            await process.event("server_started")
            before = len(judge.let_in)
            async with process.client() as client:
                assert (await client.get("/")).text == "42"
                assert (await client.get("/")).text == "42"
            assert judge.let_in[before:] == ["jane doe"] * 2
            assert await process.stop() == 0
        assert_hidden(process, judge)
    assert set(judge.let_in) == {"jane doe"}
    assert before >= 3


@pytest.mark.parametrize("template", ["generic", "async"])
async def test_one_user_may_log_in_by_token_and_the_other_by_password(
    server: PostgreSQL, tls_database: Database, tmp_path: Path, template: str
) -> None:
    """Here the owner of the tables has no password; the app has, and keeps it."""
    project = make_project(tmp_path / "project", template)
    project.add_revision("r1", CREATE.format("plants"))
    urls = {"DATABASE_URL": tls_database.url, "MIGRATION_DATABASE_URL": _without_password(tls_database, "owner")}
    async with judged(server, app_too=False) as judge:
        result = await run("migrate", env=_env(server, tls_database, **urls), cwd=project.path)
        assert result.exit_code == 0, result.story()
        assert_hidden(result, judge)
    assert set(judge.let_in) == {"owner"}


async def test_a_role_that_may_not_connect_is_refused_and_the_hint_names_the_right(
    server: PostgreSQL, tls_database: Database, tmp_path: Path
) -> None:
    """Three times, as a policy takes a moment to arrive everywhere."""
    async with judged(server) as judge:
        judge.closed = True
        result = await run("wait", env=_env(server, tls_database), cwd=tmp_path)
        failed = failure(result, "database_refused", 5)
        assert (failed["error_type"], failed["attempts"]) == ("credentials", 3)
        assert "rds-db:connect" in failed["hint"]
        assert_hidden(result, judge)
    assert len(judge.tokens) == 3


async def test_credentials_that_are_not_there_yet_are_waited_for(
    server: PostgreSQL, tls_database: Database, tmp_path: Path
) -> None:
    """The endpoint that gives them is another process of the host, and may start after us."""
    port = free_port()
    given = {"AccessKeyId": ROLE.access_key, "SecretAccessKey": ROLE.secret_key, "Token": SESSION}
    body = json.dumps(given | {"Expiration": "2099-01-01T00:00:00Z"}).encode()
    env = _env(server, tls_database, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{HOST}:{port}/role")
    for name in KEYS:
        del env[name]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with judged(server) as judge, Orchestrator("wait", env=env, cwd=tmp_path) as process:
        told = await process.event("database_retry_scheduled", error_type="iam_token")
        async with await asyncio.start_server(answer, HOST, port):
            await process.event("database_ready")
            assert await process.exit_code() == 0
        assert_hidden(process, judge)
    assert "no token for jane doe" in told["error_message"]


async def test_an_endpoint_that_is_silent_costs_an_attempt_and_not_the_probes(
    server: PostgreSQL, tls_database: Database, project: Project
) -> None:
    """It is asked in a thread, and given up with the attempt; a stop ends it all at once."""
    listener = listen_somewhere()  # the kernel accepts, but no program answers
    env = _env(server, tls_database, ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS="0.5")
    env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{HOST}:{listener.getsockname()[1]}/role"
    for name in KEYS:
        del env[name]
    with contextlib.closing(listener):
        async with (
            Orchestrator("serve", env=env, cwd=project.path) as process,
            process.client() as client,
        ):
            await process.event("database_retry_scheduled", error_type="timeout", attempt=2)
            assert (await client.get("/livez")).status_code == 200
            assert await process.stop() == 0

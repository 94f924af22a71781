"""IAM: servers that take nothing but a token, judged as RDS judges it, from the first attempt to an app's requests."""

import asyncio
import contextlib
import datetime as dt
import json
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sqlalchemy.engine import URL, make_url

from tests.acceptance.migrations import CREATE
from tests.acceptance.outcome import assert_well_formed, failure
from tests.acceptance.test_rotation import ASKING_APP
from tests.harness import Orchestrator, Output, Project, make_project, run
from tests.servers import HOST, Database, PostgreSQL, certificates
from tests.servers.peers import Peer, listening
from tests.servers.ports import free_port, listen_somewhere

REGION = "eu-central-1"
SESSION = "IQoJb3JpZ2luX2VjE/+==" * 40
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": SESSION,
}
NOTHING = {"AWS_EC2_METADATA_DISABLED": "true"}
ROLE = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], SESSION)
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60", "ORCHESTRATOR_LOG_LEVEL": "debug"}


class Judge:
    """Decides as RDS does: is this the token that our role makes for this host, port and user, and is it fresh?

    Attributes:
        let_in: The user of each login, in their order.
        tokens: Everything that was offered for a password.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.let_in: list[str] = []
        self.tokens: list[str] = []
        self.closed = False

    def lets_in(self, user: str, token: str) -> bool:
        """Sign the same request again, for the moment that the token names, and compare."""
        self.tokens.append(token)
        asked = urlsplit(f"https://{token}")
        query = {name: value for name, (value,) in parse_qs(asked.query).items()}
        moment = dt.datetime.strptime(query.get("X-Amz-Date", "20000101T000000Z"), "%Y%m%dT%H%M%S%z")
        fresh = abs(dt.datetime.now(dt.UTC) - moment) < dt.timedelta(minutes=15)
        right = self._signature(user, moment) == query.get("X-Amz-Signature") and asked.netloc == f"{HOST}:{self.port}"
        if fresh and right and not self.closed:
            self.let_in.append(user)
            return True
        return False

    def _signature(self, user: str, moment: dt.datetime) -> str:
        request = AWSRequest("GET", f"https://{HOST}:{self.port}/?Action=connect&DBUser={quote(user, safe='')}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: moment.replace(tzinfo=None))
            botocore.auth.SigV4QueryAuth(ROLE, "rds-db", REGION, expires=900).add_auth(request)
        return parse_qs(urlsplit(str(request.url)).query)["X-Amz-Signature"][0]


# ---------------------------------------------------------------- PostgreSQL, which asks the judge as an LDAP server


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


def _assert_hidden(output: Output, judge: Judge) -> None:
    """No token is seen, nor what makes one."""
    assert_well_formed(output)
    story = output.story()
    for token in judge.tokens:
        assert token.rpartition("=")[2] not in story
    for secret in (*KEYS.values(), quote(SESSION, safe="")):
        assert secret not in story or secret == KEYS["AWS_ACCESS_KEY_ID"]


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
        _assert_hidden(process, judge)
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
        _assert_hidden(result, judge)
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
        _assert_hidden(result, judge)
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
        _assert_hidden(process, judge)
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


# ---------------------------------------------------------------- MySQL, as far as the login goes

_PROTOCOL_41, _TLS, _SECURE, _PLUGINS, _WITH_DB = 0x200, 0x800, 0x8000, 0x80000, 0x8


class RDSLogin(threading.Thread):
    """A server that takes a token as RDS for MySQL does: it asks for the password in clear text, over TLS.

    After a login it answers that the database does not exist.
    """

    def __init__(self, directory: Path, *, tls: bool = True) -> None:
        super().__init__(daemon=True)
        certificates.make(directory, [HOST])
        self.listener = listen_somewhere()
        self.judge = Judge(self.listener.getsockname()[1])
        self.tls = tls
        self.heard: list[bytes] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(directory / certificates.CERTIFICATE, directory / certificates.KEY)
        self.ca_file = directory / certificates.AUTHORITY

    def run(self) -> None:
        """Treat one connection after the other, until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError, ConnectionError):
                    self._treat(connection)

    def _treat(self, plain: socket.socket) -> None:
        capabilities = _PROTOCOL_41 | _SECURE | _PLUGINS | _WITH_DB | (_TLS if self.tls else 0)
        low, high = struct.pack("<I", capabilities)[:2], struct.pack("<I", capabilities)[2:]
        greeting = b"\x0a8.0.36\0" + b"\1\0\0\0" + b"s" * 8 + b"\0" + low + b"\x2d\2\0" + high
        greeting += b"\x15" + bytes(10) + b"s" * 12 + b"\0mysql_native_password\0"
        _send(plain, 0, greeting)
        first = _receive(plain)  # SSLRequest: the beginning of what comes again, encrypted
        self.heard.append(first)
        if not self.tls:
            _send(plain, 2, b"\xfemysql_clear_password\0")
            self.heard.append(_receive(plain))
            return
        with self._tls.wrap_socket(plain, server_side=True) as connection:
            login = _receive(connection)
            user = login[32 : login.index(b"\0", 32)].decode()
            _send(connection, 3, b"\xfemysql_clear_password\0")
            token = _receive(connection).rstrip(b"\0").decode()
            code = 1049 if self.judge.lets_in(user, token) else 1045
            _send(connection, 5, b"\xff" + struct.pack("<H", code) + b"#HY000" + b"so be it")


def _send(connection: socket.socket, number: int, payload: bytes) -> None:
    connection.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)


def _receive(connection: socket.socket) -> bytes:
    """Read one packet, and not a byte more: TLS may begin behind it."""

    def exactly(size: int) -> bytes:
        content = b""
        while len(content) < size:
            if not (more := connection.recv(size - len(content))):
                raise ConnectionError
            content += more
        return content

    return exactly(int.from_bytes(exactly(4)[:3], "little"))


@contextlib.contextmanager
def _listening(server: RDSLogin) -> Iterator[RDSLogin]:
    server.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        server.join()


def _mysql(server: RDSLogin, driver: str) -> dict[str, str]:
    url = f"{driver}://jane%20doe@{HOST}:{server.judge.port}/plants"
    asked = {"DATABASE_IAM_AUTH": "true", "DATABASE_SSL_CA": str(server.ca_file), "AWS_REGION": REGION}
    return BUDGET | NOTHING | KEYS | asked | {"DATABASE_URL": url}


@pytest.mark.parametrize("driver", ["mysql+asyncmy", "mariadb+asyncmy"])
async def test_mysql_is_given_the_token_in_clear_text_over_tls(tmp_path: Path, driver: str) -> None:
    """With mysql_clear_password, which asyncmy knows; a token with a session is over a thousand bytes long."""
    with _listening(RDSLogin(tmp_path)) as server:
        result = await run("wait", env=_mysql(server, driver), cwd=tmp_path)
    assert failure(result, "database_refused", 5)["error_type"] == "unknown_database"
    assert server.judge.let_in == ["jane doe"]
    assert len(server.judge.tokens[0]) > 1_000
    _assert_hidden(result, server.judge)


async def test_a_server_without_tls_is_not_given_a_token(tmp_path: Path) -> None:
    """It asks for clear text all the same, as one would that stands in the middle."""
    with _listening(RDSLogin(tmp_path, tls=False)) as server:
        result = await run("wait", env=_mysql(server, "mysql+asyncmy"), cwd=tmp_path)
    assert result.exit_code == 5, result.story()
    assert not any(b"X-Amz" in each for each in server.heard)

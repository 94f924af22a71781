"""Waiting for a database: temporary errors are retried within the budget, and the last cause is reported at its end."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import pytest
from sqlalchemy.engine import make_url

from orchestrator.databases.waiting import DOUBTS
from tests.acceptance.migrations import tables
from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Event, Orchestrator, Project, Result, make_project, run, together
from tests.servers import HOST, Database, MariaDB, PostgreSQL, Server, backends, free_port, peers
from tests.servers.peers import Peer, listening
from tests.servers.private import PrivateServer
from tests.servers.proxy import Mode, Proxy

SERVERS = backends("mariadb", "postgresql", "mysql")
MAKES = [MariaDB, PostgreSQL]
MYSQL, POSTGRESQL = "mysql+asyncmy", "postgresql+asyncpg"
UNREACHABLE, REFUSED = ("database_unreachable", 4), ("database_refused", 5)
PATIENT = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60"}
BUDGET_SECONDS, ATTEMPT_SECONDS = 2.5, 1.0  # room for two attempts where the machine is busy
BRIEF = {
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": f"{BUDGET_SECONDS}",
    "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": f"{ATTEMPT_SECONDS}",
}
BUSY_SECONDS = 10  # by so much may a busy machine be late; what never ended would be later


def _at(url: str, port: int) -> dict[str, str]:
    """Return the environment in which the database is behind this port."""
    return {"DATABASE_URL": make_url(url).set(host=HOST, port=port).render_as_string(hide_password=False)}


def _url(driver: str, host: str, port: int) -> dict[str, str]:
    return {"DATABASE_URL": f"{driver}://app:s3cret@{host}:{port}/app"}


async def _waited(env: dict[str, str], cwd: Path) -> Result:
    """Wait for a database in vain, with a small budget unless `env` has another."""
    return await run("wait", env=BRIEF | env, cwd=cwd)


def _gave_up(
    result: Result, ending: tuple[str, int], error_type: str, code: int | str = "", *, also: str = ""
) -> Event:
    """Return why waiting ended, after a look at the attempts before: the same cause, counted, within the budget.

    `also` is a cause that some of the attempts may have instead.
    """
    event, exit_code = ending
    failed = failure(result, event, exit_code)
    assert (failed["error_type"], failed["error_code"]) == (error_type, code), result.story()
    retries = result.find("database_retry_scheduled")
    assert [each["attempt"] for each in retries] == list(range(1, failed["attempts"])), result.story()
    assert {each["error_type"] for each in retries} <= {error_type, also}, result.story()
    assert {each["error_code"] for each in retries if each["error_type"] == error_type} <= {code}, result.story()
    return failed


def _within_the_budget(failed: Event) -> bool:
    """Tell whether it ended when the budget was spent, and not long before."""
    in_time = 0.8 * BUDGET_SECONDS <= failed["waited_seconds"] < BUDGET_SECONDS + BUSY_SECONDS
    return bool(in_time and failed["attempts"] > 1)


@SERVERS
async def test_a_database_that_comes_up_late_is_found_soon(database: Database, server: Server, tmp_path: Path) -> None:
    """A refused connection costs the server nothing, so it is tried four times a second."""
    async with Proxy(server.application_url.port or 0) as proxy:
        await proxy.set(Mode.REFUSE)
        async with Orchestrator("wait", env=PATIENT | _at(database.url, proxy.port), cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", attempt=3)
            await proxy.set(Mode.PASS)
            ready = await process.event("database_ready")
            assert await process.exit_code() == 0
    retries = process.find("database_retry_scheduled")
    assert {(each["error_type"], each["retry_in_seconds"]) for each in retries} == {("refused", 0.25)}
    assert ready["attempts"] == len(retries) + 1
    assert ready["dialect"] == database.backend
    assert ready["message"].startswith("Database is ready!")
    assert_well_formed(process)


@pytest.mark.parametrize("make", MAKES)
async def test_a_real_server_may_start_after_us(make: type[PrivateServer], tmp_path: Path) -> None:
    """As in a compose file; its errors while it boots do not end the waiting either."""
    with make() as server:
        database = server.create_database()
        server.stop()
        async with Orchestrator("wait", env=PATIENT | {"DATABASE_URL": database.url}, cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", error_type="refused", attempt=2)
            server.start()
            await process.event("database_ready")
            assert await process.exit_code() == 0
    assert_well_formed(process)


@pytest.mark.parametrize("make", MAKES)
async def test_a_frozen_server_holds_an_attempt_and_not_us(make: type[PrivateServer], tmp_path: Path) -> None:
    """The kernel accepts for it; each attempt ends in time, and one after it was thawed succeeds."""
    with make() as server:
        env = PATIENT | {"DATABASE_URL": server.create_database().url, "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5"}
        server.pause()
        async with Orchestrator("wait", env=env, cwd=tmp_path) as process:
            first = await process.event("database_retry_scheduled", error_type="timeout", attempt=1)
            second = await process.event("database_retry_scheduled", error_type="timeout", attempt=2)
            server.resume()
            await process.event("database_ready")
            assert await process.exit_code() == 0
    assert 0.5 <= first["waited_seconds"] < BUSY_SECONDS
    held = second["waited_seconds"] - first["waited_seconds"] - first["retry_in_seconds"]
    assert 0.5 <= held < BUSY_SECONDS
    assert_well_formed(process)


@pytest.mark.parametrize("make", MAKES)
async def test_a_server_may_die_while_it_is_waited_for(make: type[PrivateServer], tmp_path: Path) -> None:
    """An attempt that is under way then is one more that failed."""
    with make() as server:
        env = PATIENT | {"DATABASE_URL": server.create_database().url, "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5"}
        server.pause()
        async with Orchestrator("wait", env=env, cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", error_type="timeout")
            server.kill()
            await process.event("database_retry_scheduled", error_type="refused")
            server.start()
            await process.event("database_ready")
            assert await process.exit_code() == 0
    assert_well_formed(process)


@pytest.mark.parametrize("driver", [MYSQL, POSTGRESQL])
async def test_a_name_that_does_not_resolve_may_resolve_later(driver: str, tmp_path: Path) -> None:
    """DNS follows a new database after a while; but the wait has a limit."""
    result = await _waited(_url(driver, "database.invalid", 3306), tmp_path)
    failed = _gave_up(result, UNREACHABLE, "dns", code=-2, also="timeout")  # a resolver may be slow
    assert _within_the_budget(failed)
    assert "name" in failed["hint"]


@pytest.mark.parametrize("driver", [MYSQL, POSTGRESQL])
async def test_a_port_without_a_listener_is_refused_to_the_end(driver: str, tmp_path: Path) -> None:
    """The process reports that cause, instead of a mere timeout."""
    result = await _waited(_url(driver, HOST, free_port()), tmp_path)
    assert _within_the_budget(_gave_up(result, UNREACHABLE, "refused", code=111))


def _lingering(peer: Peer) -> Peer:
    """Let a peer wait for the client's end, so that its data is always read."""

    async def lingering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        await peers.silent(reader, writer)

    return lingering


PASSING: list[tuple[str, Peer, str, int | str]] = [
    (MYSQL, peers.silent, "timeout", ""),
    (MYSQL, peers.mysql_error(1040, "Too many connections"), "busy", 1040),
    (MYSQL, peers.mysql_error(1053, "Server shutdown in progress"), "starting", 1053),
    (MYSQL, peers.mysql_error(1290, "running with --read-only"), "read_only", 1290),
    (POSTGRESQL, peers.silent, "timeout", ""),
    (POSTGRESQL, peers.postgres_error("57P03", "the database system is starting up"), "starting", "57P03"),
    (POSTGRESQL, peers.postgres_error("53300", "too many clients already"), "busy", "53300"),
]


async def test_what_may_pass_is_tried_until_the_budget_is_spent(tmp_path: Path) -> None:
    """A server that boots, is busy or fails over, or a proxy that waits for one: the last cause is reported."""

    async def check(driver: str, peer: Peer, error_type: str, code: int | str) -> None:
        async with listening(_lingering(peer)) as here:
            result = await _waited(_url(driver, HOST, here.port), tmp_path)
        failed = _gave_up(result, UNREACHABLE, error_type, code)
        assert _within_the_budget(failed), result.story()
        assert here.connections >= failed["attempts"]

    await together(*(check(*each) for each in PASSING))


HANGING_UP = [
    (MYSQL, peers.closes),
    (MYSQL, peers.resets),
    (MYSQL, peers.mysql_error(1040, "no room")),
    (POSTGRESQL, peers.closes),
    (POSTGRESQL, peers.resets),
    (POSTGRESQL, peers.postgres_error("53300")),
]


async def test_a_peer_that_hangs_up_never_looks_permanent(tmp_path: Path) -> None:
    """However early it does: the driver may have read its words, or see nothing but a closed connection."""

    async def check(driver: str, peer: Peer) -> None:
        async with listening(peer) as here:
            env = PATIENT | _url(driver, HOST, here.port)
            async with Orchestrator("wait", env=env, cwd=tmp_path) as process:
                await process.event("database_retry_scheduled", attempt=DOUBTS + 1)
        causes = {each["error_type"] for each in process.find("database_retry_scheduled")}
        assert causes <= {"connection_lost", "busy"}, process.story()

    await together(*(check(*each) for each in HANGING_UP))


async def _answers_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a web server that keeps the connection."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await peers.silent(reader, writer)


PERMANENT: list[tuple[str, Peer, str, int | str, int]] = [
    (MYSQL, peers.mysql_error(1129, "Host is blocked"), "blocked", 1129, 1),
    (MYSQL, _answers_http, "protocol", "", 3),
    (MYSQL, peers.garbage, "protocol", "", 3),
    (MYSQL, peers.mysql_error(1105, "Unknown error"), "other", 1105, 3),
    (POSTGRESQL, _answers_http, "protocol", "", 3),
    (POSTGRESQL, peers.garbage, "protocol", "", 3),
    (POSTGRESQL, peers.postgres_error("28000", "no pg_hba.conf entry"), "credentials", "28000", 1),
    (POSTGRESQL, peers.postgres_error("XX000", "internal error"), "other", "XX000", 3),
]


async def test_what_will_not_pass_ends_the_waiting_early(tmp_path: Path) -> None:
    """At once where the answer is clear; after the third time in a row where a server on its way up may look so."""

    async def check(driver: str, peer: Peer, error_type: str, code: int | str, attempts: int) -> None:
        async with listening(_lingering(peer)) as here:
            env = PATIENT | {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "5"} | _url(driver, HOST, here.port)
            failed = _gave_up(await _waited(env, tmp_path), REFUSED, error_type, code)
        assert failed["attempts"] == attempts

    await together(*(check(*each) for each in PERMANENT))


@contextlib.contextmanager
def _full_backlog() -> Iterator[int]:
    """Listen so that the kernel drops further clients: packets vanish as at a security group."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((HOST, free_port()))
        listener.listen(0)
        for _ in range(3):
            client = sockets.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize("driver", [MYSQL, POSTGRESQL])
async def test_packets_that_vanish_do_not_hold_an_attempt(driver: str, tmp_path: Path) -> None:
    """A security group drops them without a word; the hint names it."""
    with _full_backlog() as port:
        result = await _waited(_url(driver, HOST, port), tmp_path)
    failed = _gave_up(result, UNREACHABLE, "timeout")
    assert _within_the_budget(failed)
    assert "security group" in failed["hint"]


@SERVERS
async def test_a_connection_that_freezes_during_the_login_is_given_up(
    database: Database, server: Server, tmp_path: Path
) -> None:
    """Nothing is lost by it: the next attempt, when data flows again, succeeds."""
    async with Proxy(server.application_url.port or 0) as proxy:
        await proxy.set(Mode.BLACKHOLE)
        env = PATIENT | _at(database.url, proxy.port) | {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5"}
        async with Orchestrator("wait", env=env, cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", error_type="timeout")
            await proxy.set(Mode.PASS)
            await process.event("database_ready")
            assert await process.exit_code() == 0
    assert_well_formed(process)


@SERVERS
async def test_a_connection_that_breaks_during_the_login_is_tried_again(
    database: Database, server: Server, tmp_path: Path
) -> None:
    """Wherever it breaks: after some bytes of the greeting, or in the middle of the password's exchange."""
    async with Proxy(server.application_url.port or 0) as proxy:
        for cut_after in (1, 100):
            proxy.cut_after = cut_after
            async with Orchestrator("wait", env=PATIENT | _at(database.url, proxy.port), cwd=tmp_path) as process:
                lost = await process.event("database_retry_scheduled", attempt=1)
                assert lost["error_type"] == "connection_lost", cut_after
                proxy.cut_after = float("inf")
                await process.event("database_ready")
                assert await process.exit_code() == 0


async def test_causes_may_change_and_the_last_one_is_reported(tmp_path: Path) -> None:
    """First a refused port, then a server without room: the last event shows the last cause."""
    port = free_port()
    env = _url(MYSQL, HOST, port) | {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "5"}
    async with Orchestrator("wait", env=env, cwd=tmp_path) as process:
        await process.event("database_retry_scheduled", error_type="refused")
        full = _lingering(peers.mysql_error(1040, "Too many connections"))
        async with listening(full) as busy, Proxy(busy.port) as proxy:
            await proxy.set(Mode.REFUSE)
            proxy.port = port
            await proxy.set(Mode.PASS)
            failed = await process.event("database_unreachable")
            assert await process.exit_code() == 4
    assert (failed["error_type"], failed["error_code"]) == ("busy", 1040)
    assert "Too many connections" in failed["message"]
    assert_well_formed(process)


def log_in(database: Database) -> Any:
    """Occupy one of the server's connections."""
    url = make_url(database.url)
    who = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    if database.backend == "mariadb":
        return pymysql.connect(**who, database=url.database)
    return psycopg2.connect(**who, dbname=url.database)


@pytest.mark.parametrize(("make", "code"), [(MariaDB, 1040), (PostgreSQL, "53300")])
async def test_a_server_without_a_free_connection_is_waited_for(
    make: type[PrivateServer], code: int | str, tmp_path: Path
) -> None:
    """It has room for us as soon as another client leaves."""
    with make("--max-connections=11") as server, contextlib.ExitStack() as connections:
        database = server.create_database()
        last = log_in(database)
        with contextlib.suppress(pymysql.err.OperationalError, psycopg2.OperationalError):
            while True:
                connections.enter_context(contextlib.closing(log_in(database)))
        async with Orchestrator("wait", env=PATIENT | {"DATABASE_URL": database.url}, cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", attempt=2, error_type="busy", error_code=code)
            last.close()
            await process.event("database_ready")
            assert await process.exit_code() == 0
    assert_well_formed(process)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    return project


def _mariadb_read_only(server: Server, _: Database, *, read_only: bool) -> None:
    server.execute(f"SET GLOBAL read_only={read_only:d}")


def _postgresql_read_only(server: Server, database: Database, *, read_only: bool) -> None:
    state = "on" if read_only else "off"
    server.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = {state}')


READ_ONLY = [(MariaDB, _mariadb_read_only, 1290), (PostgreSQL, _postgresql_read_only, "25006")]


@pytest.mark.parametrize(("make", "set_read_only", "code"), READ_ONLY)
async def test_a_server_that_takes_no_writes_is_waited_for_if_there_is_something_to_migrate(
    make: type[PrivateServer], set_read_only: Callable[..., None], code: int | str, project: Project
) -> None:
    """A failover passes; at head, a replica does for a start."""
    with make() as server:
        database = server.create_database()
        env = PATIENT | {"DATABASE_URL": database.url}
        set_read_only(server, database, read_only=True)
        async with Orchestrator("migrate", env=env, cwd=project.path) as process:
            await process.event("database_retry_scheduled", attempt=2, error_type="read_only", error_code=code)
            assert not process.find("migrations_planned")
            set_read_only(server, database, read_only=False)
            await process.event("migrations_completed", applied_count=1)
            assert await process.exit_code() == 0
        assert_well_formed(process)
        assert tables(database) == ["plants"]
        set_read_only(server, database, read_only=True)
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("server_started")
            assert process.find("migrations_current")
            assert not process.find("database_retry_scheduled")
            assert await process.stop() == 0


async def test_a_standby_is_distinguished_from_a_primary(project: Project) -> None:
    """It answers for the whole time, and the reported cause is that it accepts no writes."""
    with PostgreSQL() as server:
        database = server.create_database()
        server.restart_as_standby()
        env = BRIEF | {"DATABASE_URL": database.url}
        failed = _gave_up(await run("migrate", env=env, cwd=project.path), UNREACHABLE, "read_only", "25006")
        assert "replica" in failed["hint"]
        assert (await run("wait", env=env, cwd=project.path)).exit_code == 0


@SERVERS
async def test_a_start_that_does_not_migrate_waits_for_one_that_does(database: Database, project: Project) -> None:
    """With ORCHESTRATOR_MIGRATE=false the service starts when another task has brought the database to head."""
    env = PATIENT | {"DATABASE_URL": database.url}
    async with Orchestrator("serve", env=env | {"ORCHESTRATOR_MIGRATE": "false"}, cwd=project.path) as process:
        await process.event("database_retry_scheduled", error_type="not_at_head", attempt=2)
        assert database.tables() == []
        assert (await run("migrate", env=env, cwd=project.path)).exit_code == 0
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)


async def test_each_start_waits_by_itself(tmp_path: Path) -> None:
    """Replicas that start together do not ask a busy server at the same moments."""

    async def pauses(port: int) -> tuple[float, ...]:
        async with Orchestrator("wait", env=PATIENT | _url(MYSQL, HOST, port), cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", attempt=3)
        return tuple(each["retry_in_seconds"] for each in process.find("database_retry_scheduled"))

    async with listening(peers.mysql_error(1040, "Too many connections")) as here:
        drawn = await together(*(pauses(here.port) for _ in range(3)))
    assert len(set(drawn)) == 3

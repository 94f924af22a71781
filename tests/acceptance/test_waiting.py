"""Waiting for a real server: it comes late, freezes, dies, is full, and the login succeeds when it can."""

import contextlib
from pathlib import Path

import psycopg2
import pymysql
import pytest

from tests.acceptance.outcome import assert_well_formed
from tests.acceptance.waits import BUSY_SECONDS, MYSQL, PATIENT, address_of, at_port, log_in
from tests.harness import Orchestrator, together
from tests.servers import HOST, Database, MariaDB, PostgreSQL, Server, backends, peers
from tests.servers.peers import listening
from tests.servers.private import PrivateServer
from tests.servers.proxy import Mode, Proxy

SERVERS = backends("mariadb", "postgresql", "mysql")
MAKES = [MariaDB, PostgreSQL]


@SERVERS
async def test_a_database_that_comes_up_late_is_found_soon(database: Database, server: Server, tmp_path: Path) -> None:
    """A refused connection costs the server nothing, so it is tried four times a second."""
    async with Proxy(server.application_url.port or 0) as proxy:
        await proxy.set(Mode.REFUSE)
        async with Orchestrator("wait", env=PATIENT | at_port(database.url, proxy.port), cwd=tmp_path) as process:
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


@SERVERS
async def test_a_connection_that_freezes_during_the_login_is_given_up(
    database: Database, server: Server, tmp_path: Path
) -> None:
    """Nothing is lost by it: the next attempt, when data flows again, succeeds."""
    async with Proxy(server.application_url.port or 0) as proxy:
        await proxy.set(Mode.BLACKHOLE)
        env = PATIENT | at_port(database.url, proxy.port) | {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "0.5"}
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
            async with Orchestrator("wait", env=PATIENT | at_port(database.url, proxy.port), cwd=tmp_path) as process:
                lost = await process.event("database_retry_scheduled", attempt=1)
                assert lost["error_type"] == "connection_lost", cut_after
                proxy.cut_after = float("inf")
                await process.event("database_ready")
                assert await process.exit_code() == 0


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


async def test_each_start_waits_by_itself(tmp_path: Path) -> None:
    """Replicas that start together do not ask a busy server at the same moments."""

    async def pauses(port: int) -> tuple[float, ...]:
        async with Orchestrator("wait", env=PATIENT | address_of(MYSQL, HOST, port), cwd=tmp_path) as process:
            await process.event("database_retry_scheduled", attempt=3)
        return tuple(each["retry_in_seconds"] for each in process.find("database_retry_scheduled"))

    async with listening(peers.mysql_error(1040, "Too many connections")) as here:
        drawn = await together(*(pauses(here.port) for _ in range(3)))
    assert len(set(drawn)) == 3

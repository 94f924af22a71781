"""The sockets of real connections of every driver, and what they show about another client."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvloop
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import backend_for
from orchestrator.databases.sockets import is_direct, is_orphan, keep_alive
from tests.servers import HOST, Database, MariaDB, PostgreSQL, backends
from tests.servers.ports import listen_somewhere
from tests.servers.private import PrivateServer

KEPT_ALIVE = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 90_000}
LOOPS = [asyncio.SelectorEventLoop, uvloop.Loop]


def _prepared(dbapi_connection: Any, backend: str) -> dict[str, int]:
    """Prepare a session for migrating, and return the options that its socket has then."""
    backend_for(backend).lock(dbapi_connection).prepare(ddl_lock_timeout_seconds=1)
    driver_connection = getattr(dbapi_connection, "driver_connection", dbapi_connection)
    match type(driver_connection).__module__.partition(".")[0]:
        case "psycopg2":
            descriptor = driver_connection.fileno()
        case "pymysql":
            descriptor = driver_connection._sock.fileno()  # noqa: SLF001 - it has no other way
        case _:
            descriptor = driver_connection._transport.get_extra_info("socket").fileno()  # noqa: SLF001 - same
    with socket.socket(fileno=os.dup(descriptor)) as found:
        return {
            name: found.getsockopt(socket.IPPROTO_TCP if name.startswith("TCP") else socket.SOL_SOCKET, option)
            for name in KEPT_ALIVE
            if (option := getattr(socket, name))
        }


@backends("mariadb", "postgresql", "mysql")
def test_an_idle_connection_is_kept_alive(database: Database) -> None:
    """A connection that is idle for 350 s, as during a long ALTER, is dropped silently on its way."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert _prepared(connection.connection.dbapi_connection, database.backend) == KEPT_ALIVE


async def _prepared_async(database: Database, **connect_args: Any) -> dict[str, int]:
    engine = create_async_engine(database.url, poolclass=NullPool, connect_args=connect_args)
    async with engine.connect() as connection:
        return await connection.run_sync(lambda found: _prepared(found.connection.dbapi_connection, database.backend))


@backends("mariadb", "postgresql", "mysql")
@pytest.mark.parametrize("loop", LOOPS)
def test_so_is_one_of_our_own_drivers(database: Database, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Each loop shows its sockets in its own way."""
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(_prepared_async(database)) == KEPT_ALIVE


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", [MariaDB, PostgreSQL])
def test_so_is_one_with_tls(make: Callable[..., PrivateServer], loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The socket is one layer further down then."""
    import ssl

    with make(certificate_for=[HOST]) as server, asyncio.Runner(loop_factory=loop) as runner:
        context = ssl.create_default_context(cafile=server.ca_file)
        assert runner.run(_prepared_async(server.create_database(), ssl=context)) == KEPT_ALIVE


def test_a_unix_socket_needs_nothing() -> None:
    """It cannot be forgotten on its way."""
    with MariaDB() as server:
        engine = create_engine(server.admin_url, poolclass=NullPool)
        with engine.connect() as connection:
            keep_alive(connection.connection.dbapi_connection)
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.parametrize("connection", [object(), None])
def test_a_driver_that_shows_no_socket_is_left_alone(connection: object) -> None:
    """It may keep its connections alive itself; that is not a reason to fail."""
    keep_alive(connection)
    assert not is_orphan(connection, f"{HOST}:1", f"{HOST}:2")
    assert not is_direct(connection, (HOST, 1), (HOST, 2))


@pytest.mark.parametrize("other", range(4))
def test_a_connection_is_direct_if_both_ends_are_the_server_s(other: int) -> None:
    """A pooler has an address or a port of its own at one end at least."""
    with _clients(1) as (ours,):
        ends = [*ours.getsockname(), *ours.getpeername()]
        assert is_direct(ours, (ends[0], ends[1]), (ends[2], ends[3]))
        ends[other] = None  # as for a Unix socket, and different from any
        assert not is_direct(ours, (ends[0], ends[1]), (ends[2], ends[3]))


@contextmanager
def _clients(count: int) -> Iterator[list[socket.socket]]:
    """Return connections to one server, which keeps its ends of them open."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen_somewhere())
        clients = []
        for _ in range(count):
            clients.append(stack.enter_context(socket.create_connection(listener.getsockname())))
            stack.enter_context(listener.accept()[0])
        yield clients


def _seen(client: socket.socket) -> str:
    """Return where the server sees a client."""
    return "{}:{}".format(*client.getsockname())


def test_a_client_that_closed_its_socket_is_gone() -> None:
    """Although the server has not noticed, and holds on to the connection."""
    with _clients(2) as (ours, theirs):
        seen = _seen(theirs)
        assert not is_orphan(ours, _seen(ours), seen)
        theirs.close()
        assert is_orphan(ours, _seen(ours), seen)


def test_a_client_lives_as_long_as_any_process_has_its_socket() -> None:
    """A child that it left behind may still use it."""
    with _clients(2) as (ours, theirs):
        seen = _seen(theirs)
        kept = theirs.dup()
        theirs.close()
        assert not is_orphan(ours, _seen(ours), seen)
        kept.close()
        assert is_orphan(ours, _seen(ours), seen)


def test_nothing_is_claimed_of_clients_elsewhere() -> None:
    """Their sockets are not among ours, be they open or closed."""
    with _clients(2) as (ours, theirs):
        port = _seen(theirs).rpartition(":")[2]
        theirs.close()
        assert not is_orphan(ours, _seen(ours), f"10.0.0.1:{port}")


@pytest.mark.parametrize("seen", ["10.0.0.1:{port}", "127.0.0.1:1", "localhost:{port}", "localhost", ""])
def test_nothing_is_claimed_through_a_proxy(seen: str) -> None:
    """Where the server sees us elsewhere than we are, the same address may be that of many machines."""
    with _clients(2) as (ours, theirs):
        gone = _seen(theirs)
        theirs.close()
        assert not is_orphan(ours, seen.format(port=ours.getsockname()[1]), gone)

"""Which causes are waited for, which are not, and how each is reported: names, ports, and peers that are no server."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.databases.failed_attempts import DOUBTS
from tests.acceptance.outcome import assert_well_formed
from tests.acceptance.waits import (
    MYSQL,
    PATIENT,
    POSTGRESQL,
    REFUSED,
    UNREACHABLE,
    address_of,
    gave_up,
    waited_in_vain,
    within_the_budget,
)
from tests.harness import Orchestrator, together
from tests.servers import HOST, free_port, peers
from tests.servers.peers import Peer, listening
from tests.servers.proxy import Mode, Proxy


@pytest.mark.parametrize("driver", [MYSQL, POSTGRESQL])
async def test_a_name_that_does_not_resolve_may_resolve_later(driver: str, tmp_path: Path) -> None:
    """DNS follows a new database after a while; but the wait has a limit."""
    result = await waited_in_vain(address_of(driver, "database.invalid", 3306), tmp_path)
    failed = gave_up(result, UNREACHABLE, "dns", code=-2, also="timeout")  # a resolver may be slow
    assert within_the_budget(failed)
    assert "name" in failed["hint"]


@pytest.mark.parametrize("driver", [MYSQL, POSTGRESQL])
async def test_a_port_without_a_listener_is_refused_to_the_end(driver: str, tmp_path: Path) -> None:
    """The process reports that cause, instead of a mere timeout."""
    result = await waited_in_vain(address_of(driver, HOST, free_port()), tmp_path)
    assert within_the_budget(gave_up(result, UNREACHABLE, "refused", code=111))


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
            result = await waited_in_vain(address_of(driver, HOST, here.port), tmp_path)
        failed = gave_up(result, UNREACHABLE, error_type, code)
        assert within_the_budget(failed), result.story()
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
            env = PATIENT | address_of(driver, HOST, here.port)
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
            env = PATIENT | {"ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "5"} | address_of(driver, HOST, here.port)
            failed = gave_up(await waited_in_vain(env, tmp_path), REFUSED, error_type, code)
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
        result = await waited_in_vain(address_of(driver, HOST, port), tmp_path)
    failed = gave_up(result, UNREACHABLE, "timeout")
    assert within_the_budget(failed)
    assert "security group" in failed["hint"]


async def test_causes_may_change_and_the_last_one_is_reported(tmp_path: Path) -> None:
    """First a refused port, then a server without room: the last event shows the last cause."""
    port = free_port()
    env = address_of(MYSQL, HOST, port) | {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "5"}
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

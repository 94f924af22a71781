"""Waiting for other services: real servers that answer as they should, late, wrongly or never."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import DependencyUnreachable, StartupError
from orchestrator.events import DependencyReady, DependencyRetryScheduled, Event
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.settings.model import Settings
from orchestrator.start.dependencies import wait_for_dependencies
from tests.servers import certificates, free_port, peers
from tests.servers.peers import Peer, listening
from tests.unit.environments import problem_of


async def _wait(addresses: str, *, budget: float = 20, attempt: float = 10) -> tuple[Any, list[Event]]:
    """Return the failure, or None, and the events. The default is for what ends before its budget."""
    given = {
        "ORCHESTRATOR_WAIT_FOR": addresses,
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": str(budget),
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": str(attempt),
    }
    settings, faults = Settings.read(given)
    assert faults == []
    events: list[Event] = []
    try:
        await wait_for_dependencies(settings, events.append)
    except StartupError as error:
        return error.failure, events
    return None, events


def _answers(*lines: str) -> tuple[Peer, list[bytes]]:
    """Return a peer that answers each request with the next status line, again and again the last; and the requests."""
    asked: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        line = lines[min(len(asked), len(lines)) - 1]
        writer.write(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return peer, asked


@pytest.mark.parametrize("scheme", ["tcp", "http"])
async def test_a_service_that_answers_is_ready_at_once(scheme: str) -> None:
    """A connection is enough for `tcp`, a status of 2xx for `http`."""
    peer, _ = _answers("204 No Content")
    async with listening(peers.silent if scheme == "tcp" else peer) as here:
        failure, (ready,) = await _wait(f"{scheme}://127.0.0.1:{here.port}")
    assert failure is None
    assert isinstance(ready, DependencyReady)
    assert ready.dependency == f"{scheme}://127.0.0.1:{here.port}"


async def test_a_service_that_says_it_is_not_ready_is_asked_again() -> None:
    """Each answer counts separately; the path and the query are those of the address."""
    peer, asked = _answers("503 Service Unavailable", "302 Found", "200 OK")
    async with listening(peer) as here:
        failure, (first, second, ready) = await _wait(f"http://127.0.0.1:{here.port}/_health?full=1")
    assert failure is None
    assert isinstance(first, DependencyRetryScheduled)
    assert isinstance(second, DependencyRetryScheduled)
    assert [first.error_code, second.error_code] == [503, 302]
    assert isinstance(ready, DependencyReady)
    assert asked[0].startswith(b"GET /_health?full=1 HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_all_are_waited_for_side_by_side() -> None:
    """One that is late does not hold up the others' word, nor their budget."""
    late = free_port()
    async with listening(peers.silent) as here:
        waiting = asyncio.create_task(_wait(f"tcp://127.0.0.1:{late}, tcp://127.0.0.1:{here.port}"))
        await asyncio.sleep(0.3)
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", late)
        failure, events = await waiting
        server.close()
    assert failure is None
    assert isinstance(events[1], DependencyReady)
    assert isinstance(events[-1], DependencyReady)
    assert events[-1].dependency.endswith(str(late))


@pytest.mark.parametrize(
    ("peer", "error_type", "words"),
    [
        (peers.silent, "timeout", "no answer in time"),
        (peers.closes, "protocol", "without an answer"),
        (peers.garbage, "protocol", "does not speak HTTP"),
        (_answers("301 Moved Permanently")[0], "http", "status 301"),
        (_answers("401 Unauthorized")[0], "http", "status 401"),
    ],
)
async def test_a_service_that_is_not_ready_within_the_budget_ends_the_start(
    peer: Peer, error_type: str, words: str
) -> None:
    """With the last cause, after several attempts, none of which takes longer than it may."""
    async with listening(peer) as here:
        failure, events = await _wait(f"http://127.0.0.1:{here.port}/", budget=2, attempt=1)
    assert isinstance(failure, DependencyUnreachable)
    causes = [(each.error_type, each.error_message) for each in events if isinstance(each, DependencyRetryScheduled)]
    causes.append((failure.error_type, failure.error_message))
    told = [message for kind, message in causes if kind == error_type]
    assert told
    assert all(words in each for each in told)
    assert failure.error_type in {error_type, "timeout"}  # the last attempt has a tenth of a second
    assert failure.attempts == len(events) + 1 > 1
    assert 2 <= failure.waited_seconds < 15


async def test_a_port_without_a_listener_is_reported_in_the_systems_words() -> None:
    """The cause is what the person on call needs first."""
    _, events = await _wait(f"tcp://127.0.0.1:{free_port()}", budget=2, attempt=1)
    assert isinstance(events[0], DependencyRetryScheduled)
    assert events[0].error_message == "connection refused"


async def test_a_name_that_does_not_resolve_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms make the name when the service is there."""
    resolve, tries = socket.getaddrinfo, iter([True, True])

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "search.internal" and next(tries, False):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve("127.0.0.1" if host == "search.internal" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    async with listening(peers.silent) as here:
        failure, events = await _wait(f"tcp://search.internal:{here.port}")
    assert failure is None
    assert isinstance(events[0], DependencyRetryScheduled)
    assert "cannot be resolved" in events[0].error_message


async def test_an_ipv6_address_stands_in_brackets() -> None:
    """As everywhere in addresses of the web."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "::1", 0)
    port = server.sockets[0].getsockname()[1]
    failure, (ready,) = await _wait(f"tcp://[::1]:{port}")
    server.close()
    assert failure is None
    assert isinstance(ready, DependencyReady)
    assert ready.dependency == f"tcp://[::1]:{port}"


@asynccontextmanager
async def _over_tls(directory: Path) -> AsyncIterator[int]:
    certificates.make(directory, ["localhost"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / certificates.CERTIFICATE, directory / certificates.KEY)
    peer, _ = _answers("200 OK")

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        writer.close()

    server = await asyncio.start_server(treat, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_that_is_trusted_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CAs that the system trusts, as in SSL_CERT_FILE."""
    async with _over_tls(tmp_path) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificates.AUTHORITY))
        failure, _ = await _wait(f"https://localhost:{port}/")
    assert failure is None


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the server's side
async def test_a_certificate_that_is_not_trusted_ends_the_start_at_once(tmp_path: Path) -> None:
    """Another attempt would find the same one."""
    async with _over_tls(tmp_path) as port:
        failure, events = await _wait(f"https://localhost:{port}/")
    assert isinstance(failure, DependencyUnreachable)
    assert (failure.error_type, failure.attempts, events) == ("tls", 1, [])
    assert "SSL_CERT_FILE" in failure.hint


async def test_a_login_is_sent_and_never_shown() -> None:
    """Nor is the query, which may hold a token."""
    peer, (asked) = _answers("500 Oh")
    async with listening(peer) as here:
        address = f"http://elastic:s3cr%20et@127.0.0.1:{here.port}/h?token=t0ken"
        failure, events = await _wait(address, budget=2, attempt=1)
    assert b"Authorization: Basic ZWxhc3RpYzpzM2NyIGV0\r\n" in asked[0]
    assert failure.dependency == f"http://127.0.0.1:{here.port}/h"
    assert not any(secret in str([failure, *events]) for secret in ("s3cr", "t0ken", "elastic"))
    assert "s3cr et" in known_secrets({"ORCHESTRATOR_WAIT_FOR": f"tcp://a:1,{address}"})


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ("redis:6379", "must begin with tcp://"),
        ("tcp://redis", "must name a port"),
        ("tcp://redis:port", "cannot be read"),
        ("tcp://redis:99999", "cannot be read"),
        ("http://", "name a host"),
        ("tcp://redis:6379,amqp://u:s3cret@rabbit", "must begin with tcp://"),
        ("tcp://[::1:6379", "cannot be read"),
    ],
)
def test_an_invalid_address_is_a_fault(addresses: str, words: str) -> None:
    """Before anything is waited for; it is not repeated, as it may hold a password."""
    problem = problem_of({"ORCHESTRATOR_WAIT_FOR": addresses}, "ORCHESTRATOR_WAIT_FOR")
    assert words in problem
    assert "s3cret" not in problem

"""The gate on a real port: which requests it answers, refuses, and hands over; and how many connections it keeps."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator

import pytest

from orchestrator.events import Event, Request
from orchestrator.serving.answers import Answers
from orchestrator.serving.gate import Gate, Handed
from orchestrator.serving.limits import HEAD_BYTES, REQUEST_LINE_BYTES, Connections, most_connections
from orchestrator.serving.startup_status import StartupStatus

EVENTS: list[Event] = []


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """Open a gate; it is closed at the end."""
    status = StartupStatus("public", lambda: 1.0, lambda value: value)
    EVENTS.clear()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gate = Gate(listener, Answers(status, ("/livez", "/readyz", "/startupz"), "", ""), EVENTS.append)
        gate.port = listener.getsockname()[1]  # type: ignore[attr-defined]
        await gate.open()
        yield gate
        await gate.close()


async def exchange(gate: Gate, data: bytes, *, more: bytes = b"") -> bytes:
    """Send a request, and `more` after the first bytes of the answer; return all that comes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)  # type: ignore[attr-defined]
    writer.write(data)
    first = await reader.read(1)
    if more:
        writer.write(more)
    rest = await reader.read()
    writer.close()
    return first + rest


CLOSED = b"GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", True),
        (b"\r\nGET /livez HTTP/1.1\r\nContent-Length: 0\r\n\r\n", True),
        (b"GET /livez HTTP/1.0\r\n\r\n", False),
        (b"GET /livez HTTP/1.1\r\nConnection: Close\r\n\r\n", False),
        (b"GET /livez HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", False),
        (b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\n", False),
        (b"POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", False),
    ],
)
async def test_a_connection_stays_open_only_after_a_request_without_a_body(
    gate: Gate, head: bytes, *, stays: bool
) -> None:
    """Else the body would be taken for the next request."""
    told = await exchange(gate, head, more=CLOSED)
    assert told.count(b"HTTP/1.1 200") == (2 if stays else 1)
    assert (b"connection: close" in told.partition(b"\r\n\r\n")[0]) is not stays


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/2\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /" + b"a" * REQUEST_LINE_BYTES + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * REQUEST_LINE_BYTES * 2, 414),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_BYTES + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_is_refused_with_its_status(gate: Gate, head: bytes, status: int) -> None:
    """A client that only sees a closed connection tries again."""
    assert (await exchange(gate, head)).startswith(b"HTTP/1.1 %d " % status)


async def test_a_request_that_does_not_arrive_is_refused_and_a_silent_client_is_dropped(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that send nothing must not use up the connections."""
    monkeypatch.setattr("orchestrator.serving.gate.HEAD_SECONDS", 0.05)
    assert (await exchange(gate, b"GET / HT")).startswith(b"HTTP/1.1 408 ")
    assert await exchange(gate, b"") == b""


async def test_a_refused_client_that_goes_on_sending_is_let_go(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, in which it can read the refusal."""
    monkeypatch.setattr("orchestrator.serving.gate.LINGER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)  # type: ignore[attr-defined]
    writer.write(b"nonsense\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    await asyncio.wait_for(gate.emptied.wait(), 10)
    writer.close()


async def test_a_head_request_gets_no_body_and_a_path_is_read_as_the_app_would(gate: Gate) -> None:
    """Encoded, with a query, or as a whole address."""
    told = await exchange(gate, b"HEAD /livez HTTP/1.0\r\n\r\n")
    assert told.endswith(b"\r\n\r\n")
    for target in (b"/live%7A", b"/livez?x=1", b"http://host/livez#a"):
        assert b" 200 OK" in await exchange(gate, b"GET %b HTTP/1.0\r\n\r\n" % target)


async def test_refused_requests_are_events_and_probes_and_the_page_are_not(gate: Gate) -> None:
    """A probe each second would drown the log."""
    for path, more in ((b"/livez", b""), (b"/plants", b"X-Orchestrator-Page: 1\r\n"), (b"/plants?token=x", b"")):
        await exchange(gate, b"GET %b HTTP/1.0\r\n%b\r\n" % (path, more))
    (event,) = EVENTS
    assert isinstance(event, Request)
    assert (event.method, event.path, event.status, event.client) == ("GET", "/plants", 503, "127.0.0.1")


async def test_a_half_sent_request_goes_to_the_app_with_its_first_bytes(gate: Gate) -> None:
    """And so does a connection that was accepted at the last moment; nothing is lost or reset."""
    handed = asyncio.Queue[Handed]()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)  # type: ignore[attr-defined]
    writer.write(CLOSED.replace(b"connection: close", b"x: y") + b"GET /pl")
    await reader.readuntil(b'"alive"}')
    gate.hand_over(handed.put_nowait)
    found = await handed.get()
    assert found.head == b"GET /pl"
    with found.socket:
        found.socket.send(b"from the app")
    assert await reader.read() == b"from the app"
    writer.close()


class Peer:
    """A connection with an order, which notes that it was dropped."""

    def __init__(self, order: int | None) -> None:
        self.drop_order, self.dropped = order, False

    def drop(self) -> None:
        """Note it."""
        self.dropped = True


@pytest.mark.parametrize(
    ("orders", "dropped"),
    [
        ([1, 0, 0], 1),  # of those that are least busy, the oldest
        ([2, 1, None], 1),
        ([None, None, 2], 2),
        ([None, None, None], None),
    ],
)
def test_a_connection_too_many_takes_the_place_of_the_least_busy_one(
    orders: list[int | None], dropped: int | None
) -> None:
    """Never of one whose request runs, nor of the new one itself."""
    connections = Connections[Peer](most=3)
    peers = [Peer(order) for order in orders]
    for each in peers:
        connections.add(each)
    assert not connections.full
    newest = Peer(0)
    connections.add(newest)
    assert [index for index, each in enumerate([*peers, newest]) if each.dropped] == (
        [] if dropped is None else [dropped]
    )
    assert connections.full is (dropped is None)
    connections.discard(peers[0])
    assert not connections.full


@pytest.mark.parametrize(("soft", "most"), [(1, 1), (100, 75), (1024, 768), (4096, 3840), (-1, 1_048_576 - 256)])
def test_a_quarter_of_the_descriptors_is_kept_for_the_app(
    soft: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 256 of them: its pool needs them, and so do the probes."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, -1))
    assert most_connections() == most
    assert Connections[Peer]().most == most


async def test_a_client_that_is_accepted_in_the_moment_of_the_handover_is_handed_over(gate: Gate) -> None:
    """Asyncio makes its connection one round later, and resets it if the server is closed by then."""
    handed = asyncio.get_running_loop().create_future()
    with socket.create_connection(("127.0.0.1", gate.port)) as client:  # type: ignore[attr-defined]
        client.sendall(b"GET / HTTP/1.1\r\n")
        asyncio.get_running_loop().call_later(0.0, gate.hand_over, handed.set_result)  # in the round of the accept
        (connection, _) = await asyncio.wait_for(handed, 5)
        connection.close()

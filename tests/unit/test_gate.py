"""The gate on a real port: which requests it answers and refuses, and how many connections it keeps."""

import asyncio
import resource
import socket
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.events import Request
from orchestrator.serving.limits import HEAD_BYTES, REQUEST_LINE_BYTES, Connections, most_connections
from tests.unit.gates import CLOSED, OpenGate, exchange, loop_errors, open_gate


@pytest.fixture
async def gate() -> AsyncIterator[OpenGate]:
    """Open a gate; it is closed at the end."""
    async with open_gate() as gate:
        yield gate


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
    gate: OpenGate, head: bytes, *, stays: bool
) -> None:
    """Else the body would be taken for the next request."""
    told = await exchange(gate.port, head, more=CLOSED)
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
async def test_what_is_no_request_is_refused_with_its_status(gate: OpenGate, head: bytes, status: int) -> None:
    """A client that only sees a closed connection tries again."""
    assert (await exchange(gate.port, head)).startswith(b"HTTP/1.1 %d " % status)


async def test_a_request_that_does_not_arrive_is_refused_and_a_silent_client_is_dropped(
    gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that send nothing must not use up the connections."""
    monkeypatch.setattr("orchestrator.serving.gate.HEAD_SECONDS", 0.05)
    assert (await exchange(gate.port, b"GET / HT")).startswith(b"HTTP/1.1 408 ")
    assert await exchange(gate.port, b"") == b""


async def test_a_refused_client_that_goes_on_sending_is_let_go(gate: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, in which it can read the refusal."""
    monkeypatch.setattr("orchestrator.serving.gate.LINGER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(b"nonsense\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    await asyncio.wait_for(gate.emptied.wait(), 10)
    writer.close()


async def test_a_refused_client_knows_at_once_that_nothing_follows(
    gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for the end of the connection as long as we let it send; what it sends is no request any more."""
    monkeypatch.setattr("orchestrator.serving.gate.LINGER_SECONDS", 600)
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    with loop_errors() as errors:
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n")
        assert b" 503 " in await asyncio.wait_for(reader.read(), 10)
        writer.write(CLOSED)
        await exchange(gate.port, CLOSED)  # the gate has read the other one by then
    assert (errors, len(gate.events)) == ([], 1)
    writer.close()


async def test_each_request_gives_the_next_one_its_time(gate: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load balancer reuses an idle connection for 60 s: one that is closed by then loses a request (502)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    await exchange(gate.port, CLOSED)  # the other connection was accepted before
    monkeypatch.setattr("orchestrator.serving.gate.KEEP_ALIVE_SECONDS", 0.05)
    writer.write(b"GET /livez HTTP/1.1\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 10)).endswith(b'"alive"}')
    writer.close()


async def test_a_client_that_has_said_all_is_answered_and_forgotten(gate: OpenGate) -> None:
    """Not when its time is up: thousands of clients a second would stay in memory for a minute."""
    assert (await exchange(gate.port, b"GET /livez HTTP/1.1\r\n\r\n", half=True)).endswith(b'"alive"}')
    _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    await exchange(gate.port, CLOSED)
    connections = [weakref.ref(each) for each in gate.connections]
    writer.close()
    await gate.emptied.wait()
    gate.emptied.clear()
    await exchange(gate.port, CLOSED)  # some rounds of the loop
    assert [each() for each in connections] == [None] * len(connections)


async def test_clients_queue_in_the_kernel_while_the_loop_is_busy(gate: OpenGate) -> None:
    """Beyond the queue they would be refused, or try again a second later: an import may take longer than that."""
    clients = [socket.create_connection(("127.0.0.1", gate.port), timeout=10) for _ in range(20)]  # nobody accepts
    for each in clients:
        each.close()


def descriptors() -> int:
    """Return how many this process has open."""
    return len([*Path("/proc/self/fd").iterdir()])


async def test_clients_that_connect_at_once_take_no_more_descriptors_than_one_by_one(gate: OpenGate) -> None:
    """Each new one takes the place of an idle one: many that are accepted in a row would use up the descriptors."""
    gate.connections.most = 4
    clients = [socket.create_connection(("127.0.0.1", gate.port), timeout=10) for _ in range(60)]
    add, before, seen = gate.connections.add, descriptors(), list[int]()

    def counted(connection: Any) -> None:
        seen.append(descriptors() - before)
        add(connection)

    gate.connections.add = counted  # type: ignore[method-assign]
    await exchange(gate.port, CLOSED)
    assert len(seen) == len(clients) + 1
    assert max(seen) < 20
    for each in clients:
        each.close()


async def test_a_head_request_gets_no_body_and_a_path_is_read_as_the_app_would(gate: OpenGate) -> None:
    """Encoded, with a query, or as a whole address."""
    told = await exchange(gate.port, b"HEAD /livez HTTP/1.0\r\n\r\n")
    assert told.endswith(b"\r\n\r\n")
    for target in (b"/live%7A", b"/livez?x=1", b"http://host/livez#a"):
        assert b" 200 OK" in await exchange(gate.port, b"GET %b HTTP/1.0\r\n\r\n" % target)


async def test_refused_requests_are_events_and_probes_and_the_page_are_not(gate: OpenGate) -> None:
    """A probe each second would drown the log."""
    root = "1-67891233-abcdef012345678912345678"
    page, traced = b"X-Orchestrator-Page: 1\r\n", b"X-Amzn-Trace-Id: Root=%b\r\n" % root.encode()
    for path, more in ((b"/livez", b""), (b"/plants", page), (b"/plants?token=x", traced)):
        await exchange(gate.port, b"GET %b HTTP/1.0\r\n%b\r\n" % (path, more))
    (event,) = gate.events
    assert isinstance(event, Request)
    assert (event.method, event.path, event.status, event.client) == ("GET", "/plants", 503, "127.0.0.1")
    assert event.trace_id == root


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

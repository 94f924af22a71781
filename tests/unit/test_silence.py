"""Which connections are quiet, how they are ended, and which errors are the database's."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from orchestrator.databases import backend_for
from orchestrator.databases.interruption import interruption
from orchestrator.databases.silence import end_quiet, end_unanswered, quiet_connections
from tests.servers.ports import listen_somewhere


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket, int]]:
    """Return both ends of a connection, and the port of the server."""
    with listen_somewhere() as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            yield client, server, listener.getsockname()[1]


def test_a_question_without_an_answer_is_seen(pair: tuple[socket.socket, socket.socket, int]) -> None:
    """Whatever the driver is: the kernel knows."""
    client, server, port = pair
    time.sleep(0.05)  # the kernel counts in steps of some milliseconds
    client.sendall(b"question")
    time.sleep(0.2)
    (quiet,) = quiet_connections([port])
    assert quiet.asked
    assert 0.15 < quiet.seconds < 30
    server.sendall(b"answer")
    assert client.recv(10)
    (quiet,) = quiet_connections([port])
    assert not quiet.asked
    assert quiet_connections([port + 1]) == []


def test_a_driver_that_waits_finds_the_end(pair: tuple[socket.socket, socket.socket, int]) -> None:
    """In another thread, inside a call that has no time limit."""
    client, _, port = pair
    received: list[bytes] = []
    waiting = threading.Thread(target=lambda: received.append(client.recv(10)))
    waiting.start()
    time.sleep(0.05)
    assert end_quiet([port], 60, but=[]) == 0, "not before its time"
    assert end_quiet([port], 0, but=[]) == 1
    waiting.join(10)
    assert received == [b""]


def test_a_login_that_is_never_answered_is_ended(pair: tuple[socket.socket, socket.socket, int]) -> None:
    """A proxy accepted it and forgot it. One that was greeted is left alone, however long ago that was."""
    client, server, port = pair
    assert end_unanswered([port], 60) == 0
    server.sendall(b"greeting")
    assert client.recv(10)
    assert end_unanswered([port], 0) == 0
    with socket.create_connection(("127.0.0.1", port)) as forgotten:
        assert end_unanswered([port], 0) == 1
        assert forgotten.recv(10) == b""


def test_a_connection_that_only_rests_is_left_alone(pair: tuple[socket.socket, socket.socket, int]) -> None:
    """The app's pool may have it; nothing was asked on it, so nothing is missing."""
    client, server, port = pair
    client.sendall(b"question")
    server.sendall(b"answer")
    client.recv(10)
    resting = [each.inode for each in quiet_connections([port])]
    assert end_quiet([port], 0, but=resting) == 0
    time.sleep(0.05)
    client.sendall(b"question")
    assert end_quiet([port], 0, but=resting) == 1


def test_only_the_database_interrupts() -> None:
    """A revision may ask an HTTP service, whose failure is the revision's own."""
    mysql = backend_for("mysql")
    lost = OperationalError("SELECT 1", {}, Exception(2013, "Lost connection"))
    found = interruption(lost, mysql)
    assert found
    assert found.error_type == "connection_lost"
    assert interruption(ConnectionResetError(104, "of an HTTP service"), mysql) is None
    assert interruption(OperationalError("SELEC 1", {}, Exception(1064, "You have an error")), mysql) is None
    told = interruption(lost, mysql, silent_seconds=91.4)
    assert told
    assert (told.error_type, "for 91 s" in told.error_message) == ("timeout", True)

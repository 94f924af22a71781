"""MySQL's login by token, as RDS has it: as far as the password."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.outcome import failure
from tests.acceptance.tokens import BUDGET, KEYS, NOTHING, REGION, Judge, assert_hidden
from tests.harness import run
from tests.servers import HOST, certificates
from tests.servers.ports import listen_somewhere

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
    assert_hidden(result, server.judge)


async def test_a_server_without_tls_is_not_given_a_token(tmp_path: Path) -> None:
    """It asks for clear text all the same, as one would that stands in the middle."""
    with _listening(RDSLogin(tmp_path, tls=False)) as server:
        result = await run("wait", env=_mysql(server, "mysql+asyncmy"), cwd=tmp_path)
    assert result.exit_code == 5, result.story()
    assert not any(b"X-Amz" in each for each in server.heard)

"""pgbouncer, in front of a PostgreSQL: connections of clients that are not sessions of the server."""

import shutil
import signal
import socket
import time
from typing import Self

from sqlalchemy.engine import make_url

from tests.servers import binaries, unprivileged
from tests.servers.database import Database
from tests.servers.ports import HOST, free_port

_SETTINGS = """
[databases]
* = host={server.host} port={server.port} user={server.username} password={server.password}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {pool_mode}
{options}
"""


class PgBouncer:
    """A pgbouncer that accepts every client and logs in as the application's user of one server.

    Args:
        database: A database of the server behind it.
        pool_mode: `session` or `transaction`.
        options: Further settings, such as `server_round_robin="1"`.
    """

    def __init__(self, database: Database, pool_mode: str, **options: str) -> None:
        self.port = free_port()
        self._url = make_url(database.url)
        self._directory = unprivileged.new_directory("orchestrator-pgbouncer")
        settings = _SETTINGS.format(
            server=self._url,
            host=HOST,
            port=self.port,
            pool_mode=pool_mode,
            options="\n".join(f"{name} = {value}" for name, value in options.items()),
        )
        (self._directory / "pgbouncer.ini").write_text(settings)

    def __enter__(self) -> Self:
        argv = (binaries.pgbouncer(), "pgbouncer.ini")
        self._process = unprivileged.start(argv, self._directory, self._directory / "log")
        self._wait_until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._directory)

    @property
    def database(self) -> Database:
        """The same database, through the pool."""
        return Database(self._url.set(host=HOST, port=self.port).render_as_string(hide_password=False), "postgresql")

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                return socket.create_connection((HOST, self.port)).close()
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self._directory / "log").read_text(errors="replace")
                    self.__exit__()
                    raise RuntimeError(f"pgbouncer did not start:\n{log}") from None
                time.sleep(0.005)

"""MariaDB, as a private server."""

import signal
import socket
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from tests.servers import binaries, certificates
from tests.servers.mysql_family import MySQLFamily
from tests.servers.ports import HOST
from tests.servers.private import PASSWORD, USER, PrivateServer
from tests.servers.templates import Step, Template

_SMALL = (
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=2",  # survives the server's death, not the machine's
    "--innodb-doublewrite=0",
    "--innodb-use-native-aio=0",
    "--aria-pagecache-buffer-size=1M",
    "--key-buffer-size=1M",
    "--skip-log-bin",
    "--performance-schema=OFF",
)
_NO_ROOT_OVER_TCP = "DELETE FROM mysql.global_priv WHERE host <> 'localhost';"
_APPLICATION = f"""
FLUSH PRIVILEGES;
CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL PRIVILEGES ON `app%`.* TO {USER}@'%';
"""


class MariaDB(PrivateServer, MySQLFamily):
    """A MariaDB, whose options are written as `--max-connections=5`."""

    backend = "mariadb"
    driver = "mysql+asyncmy"
    stop_signal = signal.SIGTERM

    @property
    def admin_url(self) -> URL:
        """The way in as root over the socket."""
        query = {"unix_socket": str(self._socket), "init_command": "SET lock_wait_timeout=30"}
        return URL.create("mysql+pymysql", "root", query=query)

    @property
    def _socket(self) -> Path:
        return self.directory / "socket"

    def _addresses(self) -> list[tuple[socket.AddressFamily, tuple[str, int] | str]]:
        return [*super()._addresses(), (socket.AF_UNIX, str(self._socket))]  # opened last, a moment after the port

    def _template(self) -> Template:
        install, server = binaries.mariadb("mariadb-install-db"), binaries.mariadb("mariadbd")
        version = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
        where = ("--no-defaults", "--datadir={directory}", "--tmpdir={directory}")
        methods = ("--auth-root-authentication-method=normal", "--skip-test-db")
        steps = (
            Step((install, *where, *methods, *_SMALL)),
            Step((server, *where, *_SMALL, "--bootstrap"), reads=_NO_ROOT_OVER_TCP + _APPLICATION),
        )
        return Template(version, steps)

    def _command(self) -> list[str | Path]:
        return [
            binaries.mariadb("mariadbd"),
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--socket={self._socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--tmpdir={self.directory}",  # a server that starts deletes the temporary tables in it, and of others too
            f"--bind-address={HOST}",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            *_SMALL,
            *self._tls(),
        ]

    def _tls(self) -> list[str]:
        if not self._certificate_for:
            return ["--skip-ssl"]  # since version 11.4 it makes a certificate by itself
        return [
            f"--ssl-cert={self.directory / certificates.CERTIFICATE}",
            f"--ssl-key={self.directory / certificates.KEY}",
        ]

"""PostgreSQL, as a private server."""

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import Self

from sqlalchemy.engine import URL

from tests.servers import binaries, certificates
from tests.servers.ports import HOST
from tests.servers.postgresql_family import PostgreSQLFamily
from tests.servers.private import PASSWORD, USER, PrivateServer
from tests.servers.templates import Step, Template

_SMALL = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "4MB",
    "autovacuum": "off",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # in its directory, so that nothing stays behind
}


class PostgreSQL(PrivateServer, PostgreSQLFamily):
    """A PostgreSQL, whose options are written as `--max-connections=5`."""

    backend = "postgresql"
    driver = "postgresql+asyncpg"
    stop_signal = signal.SIGINT

    @property
    def admin_url(self) -> URL:
        """The way in as postgres over the socket."""
        query = {"host": str(self.directory), "port": str(self.port), "connect_timeout": "10"}
        return URL.create("postgresql+psycopg2", "postgres", database="postgres", query=query)

    def restart_as_standby(self) -> Self:
        """Restart it in recovery: it lets clients in, and they can only read."""
        self.stop()
        (self.directory / "data" / "standby.signal").touch()
        return self.start()

    def kill(self) -> None:
        """End it as a power failure would, and remove the shared memory that it then leaves."""
        super().kill()
        pid_file = self.directory / "data" / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, IndexError):
            identifier = pid_file.read_text().splitlines()[6].split()[1]
            subprocess.run(["ipcrm", "--shmem-id", identifier], check=False, capture_output=True)

    def _template(self) -> Template:
        initdb, server = binaries.postgresql("initdb"), binaries.postgresql("postgres")
        version = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
        how = ("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8")
        role = f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'\n"
        steps = (
            Step((initdb, "-D", "{directory}", "-U", "postgres", *how, "--no-sync", "--wal-segsize=1")),
            Step((server, "--single", "-D", "{directory}", "postgres"), reads=role),
        )
        return Template(version, steps)

    def _command(self) -> list[str | Path]:
        settings = _SMALL | {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            **self._tls(),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [binaries.postgresql("postgres"), "-D", self.directory / "data", *options]

    def _tls(self) -> dict[str, str]:
        if not self._certificate_for:
            return {}
        return {
            "ssl": "on",
            "ssl_cert_file": str(self.directory / certificates.CERTIFICATE),
            "ssl_key_file": str(self.directory / certificates.KEY),
        }

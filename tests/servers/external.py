"""Servers that other people run, given as a URL."""

from sqlalchemy.engine import URL, make_url

from tests.servers.database import synchronous
from tests.servers.mysql_family import MySQLFamily
from tests.servers.postgresql_family import PostgreSQLFamily
from tests.servers.server import Server


class ExternalServer(Server):
    """A server whose application may create databases `app*`; it is the administrator too, unless another is given."""

    def __init__(self, backend: str, url: str, admin_url: str | None = None) -> None:
        super().__init__()
        self.backend = backend
        self._url, self._admin_url = make_url(url), make_url(admin_url or url)

    @property
    def admin_url(self) -> URL:
        """The given way in, with the synchronous driver."""
        return synchronous(self._admin_url)

    @property
    def application_url(self) -> URL:
        """The given way in."""
        return self._url


class ExternalMySQL(ExternalServer, MySQLFamily):
    """MySQL or MariaDB."""


class ExternalPostgreSQL(ExternalServer, PostgreSQLFamily):
    """PostgreSQL; the URL's database is only used to come in."""

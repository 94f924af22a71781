"""Servers that somebody else runs, given as a URL."""

from sqlalchemy.engine import URL, make_url

from tests.servers.database import synchronous
from tests.servers.mysql_family import MySQLFamily
from tests.servers.postgresql_family import PostgreSQLFamily
from tests.servers.server import Server


class ExternalServer(Server):
    """A server whose administrator and application are one user, who may create databases `app*`."""

    def __init__(self, backend: str, url: str) -> None:
        super().__init__()
        self.backend = backend
        self._url = make_url(url)

    @property
    def admin_url(self) -> URL:
        """The given way in, with the synchronous driver."""
        return synchronous(self._url)

    @property
    def application_url(self) -> URL:
        """The given way in."""
        return self._url


class ExternalMySQL(ExternalServer, MySQLFamily):
    """MySQL or MariaDB."""


class ExternalPostgreSQL(ExternalServer, PostgreSQLFamily):
    """PostgreSQL; the URL's database is only used to come in."""

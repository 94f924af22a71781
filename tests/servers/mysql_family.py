"""The SQL with which MySQL and MariaDB keep house."""

import contextlib

from sqlalchemy.exc import OperationalError

from tests.servers.database import Database
from tests.servers.server import Server

_CONNECTIONS = {
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = %s",
    # MySQL's own processlist fails where the statement of any session holds bytes that are no text.
    "mysql": "SELECT processlist_id FROM performance_schema.threads WHERE processlist_db = %s",
}


class MySQLFamily(Server):
    """MySQL or MariaDB."""

    def _create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")

    def _drop(self, name: str) -> None:
        rows = self.execute(_CONNECTIONS[self.backend], name)
        for (connection,) in rows:
            with contextlib.suppress(OperationalError):  # it has just left by itself
                self.execute(f"KILL {connection}")
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def _create_user(self, user: str, password: str) -> None:
        self.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", user, password)

    def _drop_user(self, user: str) -> None:
        self.execute("DROP USER %s@'%%'", user)

    def _grant(self, database: Database, user: str, rights: tuple[str, ...]) -> None:
        if rights:
            self.execute(f"GRANT {', '.join(rights)} ON `{database.name}`.* TO %s@'%%'", user)

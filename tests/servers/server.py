"""The interface of every test server, started by us or given as a URL."""

import abc
import secrets
from collections import defaultdict
from typing import Any

from sqlalchemy.engine import URL

from tests.servers import database
from tests.servers.database import Database


class Server(abc.ABC):
    """A database server, its administrator's and its application's way in.

    To add a make of server: its SQL (see mysql_family.py), then its process (see mariadb.py) or only
    its variable (see external.py).
    """

    backend: str

    def __init__(self) -> None:
        self._added_users: defaultdict[str, list[str]] = defaultdict(list)

    @property
    @abc.abstractmethod
    def admin_url(self) -> URL:
        """How the administrator comes in, with the synchronous driver."""

    @property
    @abc.abstractmethod
    def application_url(self) -> URL:
        """How the application comes in, with the asynchronous driver and no database."""

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement, committed, as the administrator."""
        return database.execute(self.admin_url, statement, parameters)

    def create_database(self, name: str | None = None) -> Database:
        """Create an empty database in which the application may do everything.

        Args:
            name: Begins with `app`, where the application's rights are.
        """
        name = name or f"app_{secrets.token_hex(4)}"
        self._create(name)
        return self._seen_by(self.application_url, name)

    def add_user(self, database: Database, user: str, password: str, *rights: str) -> Database:
        """Add a user with these rights on all tables, and return the database with the user's login.

        Args:
            database: The database of the rights.
            user: A new name.
            password: Not empty.
            rights: Words such as `SELECT`. Without any, the user may only log in.
        """
        self._create_user(user, password)
        self._added_users[database.name].append(user)
        self._grant(database, user, rights)
        return self._seen_by(self.application_url.set(username=user, password=password), database.name)

    def drop_database(self, database: Database) -> None:
        """Drop a database even if clients are connected to it, and the users added to it."""
        self._drop(database.name)
        for user in self._added_users.pop(database.name, []):
            self._drop_user(user)

    def close(self) -> None:  # noqa: B027 - a server that is not ours stays as it is
        """Leave nothing behind."""

    def _seen_by(self, login: URL, name: str) -> Database:
        return Database(login.set(database=name).render_as_string(hide_password=False), self.backend)

    @abc.abstractmethod
    def _create(self, name: str) -> None: ...

    @abc.abstractmethod
    def _drop(self, name: str) -> None: ...

    @abc.abstractmethod
    def _create_user(self, user: str, password: str) -> None: ...

    @abc.abstractmethod
    def _drop_user(self, user: str) -> None: ...

    @abc.abstractmethod
    def _grant(self, database: Database, user: str, rights: tuple[str, ...]) -> None: ...

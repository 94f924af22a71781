"""The SQL with which PostgreSQL keeps house."""

import functools
from typing import Any

from tests.servers import database as databases
from tests.servers.database import Database
from tests.servers.server import Server

_VERSION_15 = 150_000


class PostgreSQLFamily(Server):
    """PostgreSQL, where a database belongs to the application's user."""

    def _create(self, name: str) -> None:
        owned = f'CREATE DATABASE "{name}" OWNER "{self.application_url.username}"'
        if self._version >= _VERSION_15:
            self.execute(f"{owned} STRATEGY file_copy")  # half the CPU time of the default
        else:
            self.execute(owned)
            self._execute_in(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # as since version 15

    def _drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create_user(self, user: str, password: str) -> None:
        role = _quoted(user).replace("%", "%%")
        self.execute(f"CREATE ROLE {role} LOGIN PASSWORD %s", password)

    def _drop_user(self, user: str) -> None:
        self.execute(f"DROP ROLE {_quoted(user)}")

    def _grant(self, database: Database, user: str, rights: tuple[str, ...]) -> None:
        """Grant on the tables there are and on those to come; CREATE is a matter of the schema."""
        name, who = database.name, f"TO {_quoted(user)}"
        if "CREATE" in rights:
            self._execute_in(name, f"GRANT CREATE ON SCHEMA public {who}")
        if on_tables := ", ".join(right for right in rights if right != "CREATE"):
            owner = f'FOR ROLE "{self.application_url.username}"'
            for what, words in (("TABLES", on_tables), ("SEQUENCES", "USAGE, SELECT")):
                self._execute_in(name, f"GRANT {words} ON ALL {what} IN SCHEMA public {who}")
                self._execute_in(name, f"ALTER DEFAULT PRIVILEGES {owner} GRANT {words} ON {what} {who}")

    @functools.cached_property
    def _version(self) -> int:
        return int(self.execute("SHOW server_version_num")[0][0])

    def _execute_in(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        return databases.execute(self.admin_url.set(database=name), statement)


def _quoted(identifier: str) -> str:
    doubled = identifier.replace('"', '""')
    return f'"{doubled}"'

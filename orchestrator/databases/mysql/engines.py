"""Finds tables of MySQL and MariaDB without transactions, as the server reports them."""

import re
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, Statement

_TRANSACTIONAL = ("InnoDB", "ndbcluster", "RocksDB", "TokuDB")


class UnsafeTables:
    """The tables of the default database whose changes no rollback undoes; true if there are any."""

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        self._names: set[str] = set()
        self._words: re.Pattern[str] | None = None
        self._indirect: bool | None = None
        engines = ", ".join(f"'{engine}'" for engine in _TRANSACTIONAL)
        found = ask(
            dbapi_connection,
            f"""
            SELECT TABLE_NAME FROM information_schema.TABLES
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN ({engines})
            """,  # noqa: S608  # a constant
        )
        for (name,) in found:
            self._add(str(name))

    def __bool__(self) -> bool:
        return bool(self._names)

    def note(self, name: str, definition: str) -> None:
        """Note the engine of a table by its SHOW CREATE, which may differ from the statement that made it."""
        if not definition.startswith("CREATE TABLE"):
            return
        engine = re.search(r"\bENGINE=(\w+)", definition[definition.rfind("\n)") :])
        if not (engine and engine[1] in _TRANSACTIONAL):
            self._add(re.split(r"`\s*\.\s*`|\.(?=`?[\w$]+`?$)", name)[-1].strip("`"))

    def reached_by(self, statement: Statement, sql: str) -> bool:
        """Return whether a statement names such a table, or may reach one through a view or a trigger."""
        if not self._words:
            return False
        if statement.kind is Kind.DEFINITION:
            self._indirect = None  # the statement may create a view or a trigger
            return bool(self._words.search(sql))
        if self._indirect is None:
            self._indirect = any(
                ask(self._connection, f"SELECT 1 FROM information_schema.{table} WHERE {column} = DATABASE() LIMIT 1")  # noqa: S608
                for table, column in (("TRIGGERS", "TRIGGER_SCHEMA"), ("VIEWS", "TABLE_SCHEMA"))
            )
        return self._indirect or bool(self._words.search(sql))

    def _add(self, name: str) -> None:
        if name not in self._names:
            self._names.add(name)
            words = "|".join(re.escape(each) for each in self._names)
            self._words = re.compile(rf"(?<![\w$])(?:{words})(?![\w$])", re.IGNORECASE)

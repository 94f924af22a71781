"""Finds tables of MySQL and MariaDB without transactions, as the server reports them."""

import re
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, Statement
from orchestrator.patterns import pattern

TRANSACTIONAL = ("InnoDB", "ndbcluster", "RocksDB", "TokuDB")
ENGINE = pattern(r"\bENGINE=(\w+)")
"""In the last line of a table's SHOW CREATE."""
INDIRECT = pattern(r"\b(?:trigger|view|procedure|function)\b", re.IGNORECASE)
"""Statements that name what may write to other tables."""
_UNSAFE = f"FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN {TRANSACTIONAL}"
_HAS_INDIRECT = (
    "SELECT EXISTS (SELECT 1 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE())"
    " OR EXISTS (SELECT 1 FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE())"
)
_BODIES = (
    ("ROUTINE_DEFINITION", "ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"),
    ("ACTION_STATEMENT", "TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"),
    ("VIEW_DEFINITION", "VIEWS WHERE TABLE_SCHEMA = DATABASE()"),
)
_QUALIFIER = pattern(r"([\w$]+)[`\"]?\s*\.\s*[`\"]?[\w$]")


class UnsafeTables:
    """The tables of the default database whose changes no rollback undoes.

    Attributes:
        names: those that are known.
    """

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        self.names: set[str] = set()
        self._words: re.Pattern[str] | None = None
        self._indirect: bool | None = None
        self._bodies: str | None = None  # of routines, triggers and views
        self._databases: dict[str, bool] = {}  # others, and whether they have such tables
        for (name,) in ask(dbapi_connection, f"SELECT TABLE_NAME {_UNSAFE} AND TABLE_SCHEMA = DATABASE()"):
            self._add(str(name))

    def may_be_reached_by(self, sql: str) -> bool:
        """Return whether a statement may reach one, in any database, by a routine, trigger or view."""
        if self._bodies is None:
            asked = " UNION ALL ".join(f"SELECT {text} FROM information_schema.{table}" for text, table in _BODIES)  # noqa: S608
            self._bodies = "\n".join(str(body) for (body,) in ask(self._connection, asked))
        return bool(self.names) or self._databases_have_some(f"{sql}\n{self._bodies}")

    def _databases_have_some(self, text: str) -> bool:
        """Return whether a text qualifies names with a database that has such tables."""
        names = {name.lower() for name in _QUALIFIER.findall(text)}
        if unknown := names - self._databases.keys():
            listed = ", ".join(f"'{name}'" for name in unknown)
            found = ask(
                self._connection, f"SELECT DISTINCT LOWER(TABLE_SCHEMA) {_UNSAFE} AND TABLE_SCHEMA IN ({listed})"
            )
            unsafe = {str(name) for (name,) in found}
            self._databases |= {name: name in unsafe for name in unknown}
        return any(self._databases[name] for name in names)

    def note(self, name: str) -> None:
        """Note a table whose SHOW CREATE names no engine with transactions: its statement may have named another."""
        self._add(re.split(r"`\s*\.\s*`|\.(?=`?[\w$]+`?$)", name)[-1].strip("`"))

    def reached_by(self, statement: Statement, sql: str) -> bool:
        """Return whether a statement names such a table, or may reach one through a view or a trigger."""
        named = bool(self._words and self._words.search(sql))
        if statement.kind is Kind.DEFINITION:
            if INDIRECT.search(sql):
                self._indirect = self._bodies = None
            return named
        if self._indirect is None:
            self._indirect = bool(ask(self._connection, _HAS_INDIRECT)[0][0])
        return named or (self._indirect and self.may_be_reached_by(sql))

    def _add(self, name: str) -> None:
        if name not in self.names:
            self.names.add(name)
            words = "|".join(re.escape(each) for each in self.names)
            self._words = re.compile(rf"(?<![\w$])(?:{words})(?![\w$])", re.IGNORECASE)

"""Reads tables and columns from the server's catalogue: estimated sizes, and types. No table is scanned."""

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from orchestrator.migrations.upgrade.version_table import no_transaction_left, transaction_kept
from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.ddl.reading import Sql
from orchestrator.people.plan.model import Table

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_IF_NOT_EXISTS = re.compile(r"\bif\s+not\s+exists\b", re.IGNORECASE)


class Tables:
    """The tables of a database.

    Attributes:
        made: The tables that the plan has created so far.
    """

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._knowledge = knowledge_of(connection.dialect.name)
        self.made: set[str] = set()
        self._gone: set[str] = set()

    def of(self, sql: Sql) -> Table | None:
        """Return the current state of a statement's table; for a CREATE only a table that makes it fail."""
        table = self._table(sql.table)
        if sql.verb == "create table":
            fails = table.exists and sql.table not in self._gone and not _IF_NOT_EXISTS.search(sql.bare)
            self.made.add(sql.table)
            return table if fails else None
        if sql.verb in {"drop table", "rename table"}:
            self._gone.add(sql.table)
        return table

    def _table(self, path: str) -> Table:
        """Return the current state of a table; `path` is its name, with an optional schema."""
        found = None if path in self.made else self._one(self._knowledge.SIZE, path)
        rows, size = found or (None, None)
        return Table(
            name=path,
            exists=found is not None,
            rows=None if rows is None else int(rows),
            bytes=None if size is None else int(size),
        )

    def column(self, path: str, name: str) -> dict[str, str]:
        """Return type, nullability and key of a column; empty if it is missing, or is not asked for here."""
        known = self._knowledge.COLUMN and path not in self.made
        found = self._one(self._knowledge.COLUMN, path, column=name) if known else None
        return dict(zip(("type", "nullable", "key"), map(_text, found), strict=True)) if found else {}

    def _one(self, question: str, path: str, **more: str) -> Any:
        schema, _, name = path.rpartition(".")
        quoted = ".".join('"{}"'.format(part.replace('"', '""')) for part in path.split("."))
        values = {"schema": schema or None, "name": name, "path": path, "quoted": quoted, **more}
        wanted = {key: value for key, value in values.items() if f":{key}" in question}
        with no_transaction_left(self._connection):
            try:
                with transaction_kept(self._connection):
                    return self._connection.execute(text(question), wanted).first()
            except DBAPIError:  # a right is missing: then the size is unknown
                return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

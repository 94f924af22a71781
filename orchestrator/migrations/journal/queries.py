"""The SQL that reads and writes the journal, as text: letting SQLAlchemy compile it takes 6 ms of each run."""

# ruff: noqa: S608  # nothing but names, quoted by the dialect, is put into a text

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.migrations.journal.schema import MARK

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

AT_ONCE = 50
"""How many rows a single statement writes at most."""
_ALIAS_SINCE = (8, 0, 20)  # MySQL
_BEGUN = ("revision", "down_revision", "description", "checksum", "app_version", "boot_id", "task_id", "connection_id")
_STEP = ("revision", "statement_index", "kind", "digest", "statement", "outcome", "answer", "definitions")
_REVISION_KEY, _STEP_KEY = ("revision",), ("revision", "statement_index")
_ENTRY = "revision, down_revision, checksum, app_version, boot_id, finished_at IS NOT NULL, statements_done"
_AT = "\0"
"""The place of a parameter: no name contains it."""
_STYLES: dict[str, Callable[[int], str]] = {
    "qmark": lambda _: "?",
    "numeric": ":{}".format,
    "numeric_dollar": "${}".format,
    "named": ":p{}".format,
}
"""How a parameter is written by its number, in the styles of PEP 249; the drivers of all others take `%s`."""


class Query(NamedTuple):
    """A statement, and its parameters as the driver takes them; None if it has none."""

    sql: str
    parameters: Any = None


class Queries:
    """The queries on the tables of one journal.

    Attributes:
        entries: reads all revisions.
        marks: reads all marks.
    """

    def __init__(self, dialect: "Dialect", schema: str | None, name: str, now: str) -> None:
        self._style, self._now = dialect.paramstyle, now
        self._conflict, self._new = _conflict(dialect)
        quote = dialect.identifier_preparer
        place = f"{quote.quote_schema(schema)}." if schema else ""
        self._revisions, self._statements = place + quote.quote(name), place + quote.quote(f"{name}_statements")
        self.entries = self._query(f"SELECT {_ENTRY}, pending_statement FROM {self._revisions}")
        self.marks = self._query(f"SELECT revision, statement FROM {self._statements} WHERE statement_index = {MARK}")

    def begin(self, values: Sequence[Any], done: int, pending: str | None) -> Query:
        """Write that a revision begins or continues; `values` are those of `_BEGUN`."""
        named = dict.fromkeys((*_BEGUN, "statements_done", "pending_statement"), _AT)
        named |= {"started_at": self._now, "finished_at": "NULL"}
        return self._upsert(self._revisions, named, _REVISION_KEY, [*values, done, pending])

    def progress(self, revision: str, done: int, pending: str | None) -> Query:
        """Write how far it is."""
        changed = (
            f"UPDATE {self._revisions} SET statements_done = {_AT}, pending_statement = {_AT} WHERE revision = {_AT}"
        )
        return self._query(changed, done, pending, revision)

    def finish(self, revision: str, done: int, seconds: float | None) -> Query:
        """Write that it is applied."""
        changed = (
            f"UPDATE {self._revisions} SET finished_at = {self._now}, statements_done = {_AT},"
            f" pending_statement = NULL, duration_seconds = {_AT} WHERE revision = {_AT}"
        )
        return self._query(changed, done, seconds, revision)

    def save(self, rows: Sequence[Sequence[Any]]) -> Query:
        """Write statements, each with the values of `_STEP`."""
        named = dict.fromkeys(_STEP, _AT) | {"recorded_at": self._now}
        return self._upsert(self._statements, named, _STEP_KEY, [value for row in rows for value in row], len(rows))

    def steps(self, revision: str) -> Query:
        """Read the statements of a revision."""
        columns = ", ".join((*_STEP, "recorded_at"))
        return self._query(
            f"SELECT {columns} FROM {self._statements} WHERE revision = {_AT} ORDER BY statement_index", revision
        )

    def forget(self, revision: str) -> Query:
        """Delete them."""
        return self._query(f"DELETE FROM {self._statements} WHERE revision = {_AT}", revision)

    def unmark(self, revision: str) -> Query:
        """Delete its mark."""
        found = f"DELETE FROM {self._statements} WHERE revision = {_AT} AND statement_index = {MARK}"
        return self._query(found, revision)

    def _upsert(
        self, table: str, named: dict[str, str], keys: Sequence[str], values: Sequence[Any], rows: int = 1
    ) -> Query:
        """Return an upsert of rows as a single statement, because drivers send several ones separately."""
        row = f"({', '.join(named.values())})"
        inserts = f"INSERT INTO {table} ({', '.join(named)}) VALUES {', '.join([row] * rows)}"
        changes = ", ".join(f"{name} = {self._new % name}" for name in named if name not in keys)
        return self._query(f"{inserts} {self._conflict % ', '.join(keys)} {changes}", *values)

    def _query(self, sql: str, *values: Any) -> Query:
        """Put the driver's form of a parameter in the place of each `_AT`."""
        if not values:
            return Query(sql)
        form = _STYLES.get(self._style)
        first, *others = sql.split(_AT)
        if form is None:  # a percent sign would begin a parameter
            return Query("%s".join(each.replace("%", "%%") for each in (first, *others)), values)
        text = first + "".join(f"{form(number)}{part}" for number, part in zip(count(1), others, strict=False))
        named = {f"p{number}": value for number, value in enumerate(values, start=1)}
        return Query(text, named if self._style == "named" else values)


def _conflict(dialect: "Dialect") -> tuple[str, str]:
    """Return how an upsert goes on at a key that exists, with a place for the keys, and how it names a new value."""
    if dialect.name not in {"mysql", "mariadb"}:
        return "ON CONFLICT (%s) DO UPDATE SET", "excluded.%s"
    version: Any = dialect.server_version_info
    if version < _ALIAS_SINCE or getattr(dialect, "is_mariadb", False):
        return "ON DUPLICATE KEY UPDATE%.0s", "VALUES(%s)"
    return "AS new ON DUPLICATE KEY UPDATE%.0s", "new.%s"  # VALUES() would be a warning, which some drivers show

"""A connection without a database: it passes statements on, and answers every question with no rows."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.engine.mock import MockConnection

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class NoRows:
    """The result of a statement: nothing. Its methods are those of SQLAlchemy's CursorResult."""

    rowcount = 0
    returns_rows = True
    lastrowid = None
    inserted_primary_key = None

    def __iter__(self) -> Iterator[Any]:
        """Return no rows."""
        return iter(())

    def fetchall(self, *_: Any) -> list[Any]:
        """Return no rows."""
        return []

    def first(self) -> None:
        """Return no row."""

    def _itself(self, *_: Any) -> "NoRows":
        return self

    def close(self) -> None:
        """Do nothing."""

    all = fetchmany = partitions = fetchall
    fetchone = scalar = one_or_none = scalar_one_or_none = first
    scalars = mappings = columns = unique = tuples = _itself


class Answering(MockConnection):
    """The connection that `op.get_bind()` returns while a revision is recorded."""

    def __init__(self, dialect: "Dialect", write: Callable[[Any], Any], read: Callable[[str], None]) -> None:
        super().__init__(dialect, write)
        self._write, self._read = write, read

    def execute(self, statement: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # wider
        """Record a statement; parameters stay placeholders."""
        construct = text(statement) if isinstance(statement, str) else statement
        self._read(str(construct).strip())
        self._write(construct)
        return NoRows()

    def scalar(self, statement: Any, *_: Any, **__: Any) -> None:
        """Record a statement and return nothing."""
        self.execute(statement)

    def scalars(self, statement: Any, *_: Any, **__: Any) -> Any:
        """Record a statement and return no rows."""
        return self.execute(statement)

    def exec_driver_sql(self, statement: str, *_: Any, **__: Any) -> Any:
        """Record a statement of the driver, which has its own placeholders."""
        return self.execute(text(statement.replace(":", "\\:")))

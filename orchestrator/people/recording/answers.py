"""A connection without a database: it records statements, and returns no rows for each query."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspection, text
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.exc import NoResultFound, NoSuchTableError

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

    def one(self, *_: Any) -> Any:
        """Raise NoResultFound, as for a query without rows."""
        raise NoResultFound("No row was found when one was required")

    def _itself(self, *_: Any) -> "NoRows":
        return self

    def close(self) -> None:
        """Do nothing."""

    all = fetchmany = partitions = fetchall
    fetchone = scalar = one_or_none = scalar_one_or_none = first
    scalar_one = one
    scalars = mappings = columns = unique = tuples = _itself


class _Everything(list[Any]):
    """An empty list of names that contains each name that it is asked for."""

    def __contains__(self, _name: object) -> bool:
        return True


class NoTables:
    """The result of `sa.inspect(op.get_bind())`: no table exists or, with `present`, each one exists."""

    default_schema_name = None

    def __init__(self, bind: Any, *, present: bool) -> None:
        self.bind = self.engine = bind
        self.dialect, self._present = bind.dialect, present

    def has_table(self, *_: Any, **__: Any) -> bool:
        """Return `present`."""
        return self._present

    def get_table_names(self, *_: Any, **__: Any) -> list[str]:
        """Return an empty list; with `present`, a list that contains each name."""
        return _Everything() if self._present else []

    has_sequence = has_schema = has_index = has_table

    def get_pk_constraint(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return an empty constraint."""
        return {"constrained_columns": [], "name": None}

    def clear_cache(self) -> None:
        """Do nothing."""

    def _inspection_context(self) -> Any:
        """Raise the error of an empty database: a table cannot be reflected (`autoload_with`)."""
        raise NoSuchTableError("it reflects a table")

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("get_"):
            raise AttributeError(name)
        return lambda *_, **__: []


class Answering(MockConnection):
    """The connection that `op.get_bind()` returns while a revision is recorded."""

    def __init__(
        self, dialect: "Dialect", write: Callable[[Any], Any], read: Callable[[str], None], *, present: bool
    ) -> None:
        super().__init__(dialect, write)
        self._write, self._read, self._present = write, read, present

    def inspector(self) -> NoTables:
        """Return the inspector."""
        self._read("SELECT")
        return NoTables(self, present=self._present)

    def in_transaction(self) -> bool:
        """Return True: a revision runs in a transaction."""
        return True

    def begin(self, *_: Any, **__: Any) -> Any:
        """Return an empty context manager."""
        return contextlib.nullcontext(self)

    begin_nested = begin

    def close(self) -> None:
        """Do nothing."""

    commit = rollback = close

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"op.get_bind() has no {name} where there is no database")

    def execute(self, statement: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # wider
        """Record a statement; parameters stay placeholders."""
        construct = text(statement) if isinstance(statement, str) else statement
        with contextlib.suppress(Exception):  # a statement that cannot be compiled fails where it is recorded
            self._read(str(construct.compile(dialect=self._dialect)).strip())
        self._write(construct)
        return NoRows()

    def scalar(self, statement: Any, *_: Any, **__: Any) -> None:
        """Record a statement and return nothing."""
        self.execute(statement)

    def scalars(self, statement: Any, *_: Any, **__: Any) -> Any:
        """Record a statement and return no rows."""
        return self.execute(statement)

    def exec_driver_sql(self, statement: str, *_: Any, **__: Any) -> Any:
        """Record a statement with the driver's placeholders."""
        return self.execute(text(statement.replace(":", "\\:")))


inspection._inspects(Answering)(Answering.inspector)  # noqa: SLF001  # as SQLAlchemy registers its own connections

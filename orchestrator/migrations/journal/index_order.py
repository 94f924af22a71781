"""Creates the indexes of a table in the same order in every process.

SQLAlchemy keeps them in a set, whose order depends on memory addresses; a resumed revision would create them in another
order than the journal has.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Index, Table, event
from sqlalchemy.util import OrderedSet


@contextlib.contextmanager
def same_index_order() -> Iterator[None]:
    """Let tables that are made inside this block keep their indexes in the order of their names."""
    event.listen(Table, "after_parent_attach", _sort)
    try:
        yield
    finally:
        event.remove(Table, "after_parent_attach", _sort)


def _sort(table: Table, _metadata: Any) -> None:
    table.indexes = OrderedSet(sorted(table.indexes, key=_key))  # SQLAlchemy uses it like a set


def _key(index: Index) -> tuple[str, list[str]]:
    return str(index.name or ""), [str(each) for each in index.expressions]

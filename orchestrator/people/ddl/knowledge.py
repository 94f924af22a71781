"""What `plan` and `check` know of the definitions of a database: one module per kind, `people/ddl/NAME.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from re import Pattern
from typing import Any, Literal, Protocol

from orchestrator.dialects import DIALECTS
from orchestrator.people.ddl.reading import Sql

Column = Mapping[str, str]
"""A column: `type` (`varchar(20)`), `nullable` (`YES`, `NO`), `key` (empty: no index); empty if it is not known."""
ColumnOf = Callable[[str], Column]


@dataclass(frozen=True)
class Effect:
    """The effect of a definition on a table in use, in the words of `plan --json`.

    Attributes:
        algorithm: how it is carried out.
        rebuilds: every row is written again.
        blocks: what others cannot do while it runs.
        reason: the deciding clause, and why.
        sure: it does not depend on facts outside the statement.
    """

    algorithm: Literal["instant", "inplace", "copy", "metadata", "scan", "index", "rewrite"]
    rebuilds: bool
    blocks: Literal["nothing", "writes", "reads and writes"]
    reason: str
    sure: bool = True


class Knowledge(Protocol):
    """The members of such a module."""

    AS_CONNECTED: Mapping[str, Mapping[str, Any]]
    """By dialect: what SQLAlchemy's dialect learns when it connects to a usual server, and needs for writing SQL."""
    SIZE: str
    """SQL for the estimated rows and the bytes of a table; parameters `schema`, `name`, `path`, `quoted`."""
    COLUMN: str
    """SQL for type, nullability and key of a column, with the parameter `column`; empty if `effect_of` needs none."""
    OUTSIDE_TRANSACTIONS: Pattern[str] | None
    """Statements that the server refuses inside a transaction."""
    COMMITS_DEFINITIONS: bool
    """A definition commits the open transaction."""
    LINTED: bool
    """squawk judges the statements, so our own rules about blocking do not."""

    def effect_of(self, sql: Sql, dialect: str, version: tuple[int, ...], column: ColumnOf) -> Effect | None:
        """Return the effect of a statement; None if it changes no existing table, or is not known.

        Args:
            sql: the statement.
            dialect: the dialect of the server that executes it.
            version: its version.
            column: returns the current definition of a column of its table.
        """


def knowledge_of(dialect: str) -> Knowledge:
    """Return what is known of a dialect's database.

    Raises:
        KeyError: the dialect is not supported.
    """
    module: Any = import_module(f"orchestrator.people.ddl.{DIALECTS[dialect].name}")
    found: Knowledge = module
    return found

"""The tables that a generated tree has made so far, for its next step to use."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

_IDS_A_STEP = 100_000


class UnsuitableError(Exception):
    """There is nothing yet that this habit could be practised on."""


@dataclass
class Table:
    """A table with `id`, `name` and `n`, and what was added.

    Attributes:
        name: Its name.
        keyed: Whether `id` is its key; where not, a row that is inserted twice is there twice.
        columns: The further ones, each with its type as SQLAlchemy writes it.
        indexes: Names.
    """

    name: str
    keyed: bool
    columns: dict[str, str] = field(default_factory=dict)
    indexes: list[str] = field(default_factory=list)

    @property
    def definition(self) -> str:
        """What `create_table` takes besides the name, as of now."""
        key = ", primary_key=True, autoincrement=False" if self.keyed else ""
        kinds = {"id": f"sa.Integer(){key}", "name": "sa.String(80)", "n": "sa.Integer()", **self.columns}
        return ", ".join(f"sa.Column({name!r}, {kind})" for name, kind in kinds.items())


class Schema:
    """All of them on one backend, and the dice."""

    def __init__(self, backend: str, random: Random) -> None:
        self.backend = backend
        self.random = random
        self.tables: list[Table] = []
        self._numbers = itertools.count(1)
        self._ids = itertools.count(_IDS_A_STEP, _IDS_A_STEP)

    def name(self, prefix: str) -> str:
        """Make a name that nothing has."""
        return f"{prefix}{next(self._numbers)}"

    def ids(self) -> int:
        """Return a number above all existing ids."""
        return next(self._ids)

    def rows(self) -> list[dict[str, object]]:
        """Make some rows."""
        first, count = self.ids(), self.random.randint(1, 8)
        return [{"id": first + i, "name": f"plant {i}", "n": self.random.randrange(20)} for i in range(count)]

    def add(self) -> Table:
        """Add a table."""
        table = Table(self.name("plants"), keyed=self.random.random() < 0.6)
        self.tables.append(table)
        return table

    def any(self, fits: Callable[[Table], bool] = lambda _: True) -> Table:
        """Choose a table.

        Raises:
            UnsuitableError: No table fits.
        """
        tables = [table for table in self.tables if fits(table)]
        if not tables:
            raise UnsuitableError
        return self.random.choice(tables)

    def alter(self, table: Table, change: str) -> str:
        """Write down a change of a table: directly, or as a batch, the only way that SQLite knows."""
        if self.backend != "sqlite" and self.random.random() < 0.7:
            operation, _, arguments = change.partition("(")
            return f"op.{operation}({table.name!r}, {arguments}"
        how = ", recreate='always'" if self.random.random() < 0.2 else ""
        return f"with op.batch_alter_table({table.name!r}{how}) as batch:\n    batch.{change}"


Habit: TypeAlias = Callable[[Schema], str]

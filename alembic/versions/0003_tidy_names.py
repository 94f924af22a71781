"""Tidy the names, and number the plants that share one.

Revision ID: c51a7f09e6d2
Revises: 9e27d5b8c340
Create Date: 2026-03-17 08:02:27

The first release kept names as they were typed and only lower-cased the key, so that "Straße",
"STRASSE" and "Strasse " were three plants. From now on the key is folded, and unique in the next
revision. Run twice, the second run finds nothing to do. What tidy means is copied from the app, for
the app will change and this revision must not.
"""

from collections.abc import Iterator
from itertools import count
from unicodedata import category, normalize

import sqlalchemy as sa
from alembic import op

revision = "c51a7f09e6d2"
down_revision = "9e27d5b8c340"
branch_labels = None
depends_on = None

LENGTH = 80
BATCH = 1000  # rows in memory at a time

plants = sa.table("plants", sa.column("id", sa.Integer), sa.column("name", sa.String), sa.column("name_key", sa.String))


def upgrade() -> None:
    """Tidy all names, then number the later ones of those that have become the same."""
    if op.get_context().as_sql:
        op.get_context().impl.static_output("-- the names are tidied by a program; it has no SQL to show")
        return
    connection = op.get_bind()
    for batch in batches(connection):
        for plant in batch:
            rename(connection, plant, tidy(plant.name) or f"Plant {plant.id}")
    for shared in shared_keys(connection):
        for plant in sharers(connection, shared)[1:]:
            rename(connection, plant, unused_name(connection, plant.name))


def downgrade() -> None:
    """Leave the names: how they were typed is not known any more, and the first release can use these."""


def tidy(name: str) -> str:
    """Put a name on one line, composed, with single spaces and without control characters."""
    line = " ".join(name.split())
    readable = "".join(character for character in line if category(character) != "Cc")
    return normalize("NFC", readable)[:LENGTH].strip()


def key(name: str) -> str:
    """Return what is equal for names that differ in case only."""
    return normalize("NFC", name.casefold())


def batches(connection: sa.Connection) -> Iterator[list[sa.Row[tuple[int, str, str]]]]:
    """Yield all plants in the order of their numbers."""
    last = 0
    while batch := list(
        connection.execute(sa.select(plants).where(plants.c.id > last).order_by(plants.c.id).limit(BATCH))
    ):
        yield batch
        last = batch[-1].id


def shared_keys(connection: sa.Connection) -> list[str]:
    """Return the keys that more than one plant has."""
    keys = sa.select(plants.c.name_key).group_by(plants.c.name_key).having(sa.func.count() > 1)
    return list(connection.scalars(keys.order_by(plants.c.name_key)))


def sharers(connection: sa.Connection, shared: str) -> list[sa.Row[tuple[int, str, str]]]:
    """Return the plants of one key, the oldest first: it keeps its name."""
    return list(connection.execute(sa.select(plants).where(plants.c.name_key == shared).order_by(plants.c.id)))


def unused_name(connection: sa.Connection, name: str) -> str:
    """Return "Rose (2)" for a rose, or the first number that is free."""
    for number in count(2):
        suffix = f" ({number})"
        candidate = name[: LENGTH - len(suffix)].rstrip() + suffix
        taken = sa.select(plants.c.id).where(plants.c.name_key == key(candidate)).limit(1)
        if connection.scalar(taken) is None:
            return candidate
    raise AssertionError("there is always another number")


def rename(connection: sa.Connection, plant: sa.Row[tuple[int, str, str]], name: str) -> None:
    """Write the name and its key, unless they are there already."""
    if (plant.name, plant.name_key) != (name, key(name)):
        connection.execute(sa.update(plants).where(plants.c.id == plant.id).values(name=name, name_key=key(name)))

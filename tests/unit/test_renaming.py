"""Whether a broken off RENAME TABLE was carried out is told by the names, or not at all."""

import pytest

from orchestrator.databases.mysql.grammar import read
from orchestrator.migrations.journal.renaming import carried_out


def _judged(sql: str, there: str, here: str) -> bool | None:
    """Judge a statement by the names that there were before it, and that there are now."""
    statement = read(sql)
    before, now = (
        {each: "the same" if each.partition(" ")[2] in names.split() else "" for each in statement.objects}
        for names in (there, here)
    )
    return carried_out(statement.moves, before, now)


REPLACED = "RENAME TABLE t TO old, new TO t"
EXCHANGED = "RENAME TABLE a TO between_, b TO a, between_ TO b"


@pytest.mark.parametrize(
    ("sql", "there", "here", "told"),
    [
        ("RENAME TABLE a TO b", "a", "b", True),
        ("RENAME TABLE a TO b", "a", "a", False),
        ("RENAME TABLE a TO b, c TO d", "a c", "b d", True),
        ("RENAME TABLE a TO b, c TO d", "a c", "a c", False),
        (REPLACED, "t new", "t old", True),
        (REPLACED, "t new", "t new", False),
        ("RENAME TABLE `a` TO x.a", "`a`", "x.a", True),
        ("RENAME TABLE `a` TO x.a", "`a`", "`a`", False),
        ("RENAME TABLE a TO A", "a", "A", True),
    ],
)
def test_names_that_come_and_go_tell_it(sql: str, there: str, here: str, *, told: bool) -> None:
    """Also when each definition is what it was."""
    assert _judged(sql, there, here) is told


@pytest.mark.parametrize(
    ("sql", "there", "here"),
    [
        (EXCHANGED, "a b", "a b"),
        (EXCHANGED, "a b", "a between_"),
        (REPLACED, "t new", "new old"),
        (REPLACED, "t new", "t new old"),
        ("RENAME TABLE a TO b, c TO d", "a c", "b c"),
        ("RENAME TABLE a TO x, B TO A, x TO b", "a b A B", "a b A B"),
        ("RENAME TABLE a TO x, app.b TO app.a, x TO b", "a b app.a app.b", "a b app.a app.b"),
    ],
)
def test_what_the_names_do_not_tell_is_not_guessed(sql: str, there: str, here: str) -> None:
    """An exchange, a part of it, names that may be two for one table: done twice it would be undone."""
    assert _judged(sql, there, here) is None

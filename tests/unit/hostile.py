"""Hostile SQL for every function that reads SQL: long, unbalanced, unclosed."""

from collections.abc import Callable

from hypothesis import strategies as st

_WORDS = (
    "select insert into update delete with as create alter drop rename table index view temporary on to exists if not "
    "or replace set @x := = ; , . ( ) ' \" ` -- # /* */ /*! \\ $$ call lock begin commit rollback concurrently null"
)
SQL = st.lists(st.sampled_from(_WORDS.split()) | st.text(max_size=5)).map(" ".join) | st.text()
"""Anything, and what looks like SQL."""

_ENDLESS = (
    "(",
    "()",
    "'",
    "\\'",
    "'\\",
    '"',
    '\\"',
    "`",
    "``",
    "/*",
    "/*/",
    "--",
    "-- \n",
    "#\n",
    " ",
    "\t\n",
    ";",
    ", ",
    ".",
)
_MORE = (
    "a.",
    "`a`.",
    "@",
    "@a=",
    "@a:=",
    "x as (",
    "with ",
    "on ",
    "rename ",
    "definer=",
    "or replace ",
    "to a,",
    "$$",
    "é",
)
_BEFORE = (
    "",
    "select ",
    "with a as (",
    "create table ",
    "create index i on ",
    "alter table a rename ",
    "set @a = ",
    "drop ",
)


def _endless(before: str, piece: str) -> Callable[[int], str]:
    return lambda length: before + (piece * length)[:length]


HOSTILE = [_endless(before, piece) for before in _BEFORE for piece in (*_ENDLESS, *_MORE)]
"""Texts of any length, each for what goes back and forth in it, and so needs the square of the length."""
HOSTILE += [lambda length: "with a as " + "(" * (length // 2) + ")" * (length // 2) + " select 1"]

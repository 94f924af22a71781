"""SQL that no one writes, for whatever reads SQL: long, unbalanced, unclosed."""

from hypothesis import strategies as st

_WORDS = (
    "select insert into update delete with as create alter drop rename table index view temporary on to exists if not "
    "or replace set @x := = ; , . ( ) ' \" ` -- # /* */ /*! \\ $$ call lock begin commit rollback concurrently null"
)
SQL = st.lists(st.sampled_from(_WORDS.split()) | st.text(max_size=5)).map(" ".join) | st.text()
"""Anything, and what looks like SQL."""

_LENGTH = 100_000
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
HOSTILE = [before + (each * _LENGTH)[:_LENGTH] for before in _BEFORE for each in (*_ENDLESS, *_MORE)]
"""100 KB of each: whoever goes back and forth in it, and so needs the square of its length, is not done today."""
HOSTILE += ["with a as " + "(" * (_LENGTH // 2) + ")" * (_LENGTH // 2) + " select 1"]

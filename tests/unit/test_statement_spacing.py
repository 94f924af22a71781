"""A statement means the same in other white space and in the other case, on every backend."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.databases.mysql import grammar as mysql
from orchestrator.databases.postgresql import grammar as postgresql
from orchestrator.databases.sqlite import session as sqlite
from tests.unit import (
    test_grammar_mysql,
    test_grammar_mysql_details,
    test_grammar_mysql_names,
    test_grammar_postgresql,
    test_grammar_sqlite,
    test_statement_flags,
    test_statements,
)

Read = Callable[[str], Any]
_COMMENT = re.compile(r"--|#")
_QUOTED_OR_COMMENT = re.compile(r"('[^']*'|\"[^\"]*\"|`[^`]*`|/\*.*?\*/|(?:--|#)[^\n]*\n?|\$\w*\$)", re.DOTALL)


def cases(read: Read, *modules: Any) -> list[str]:
    """The statements that are the first or the last parameter of a test in one of these modules."""
    told = [sql for each, sql, *_ in test_statement_flags.CASES if each is read]
    for marks in (getattr(test, "pytestmark", ()) for module in modules for test in vars(module).values()):
        for names, values, *_ in (mark.args for mark in marks if mark.name == "parametrize"):
            if tuple(names)[:1] == ("kind",):
                told += [line.strip() for _, lines in values for line in lines.strip().splitlines()]
            elif tuple(names)[:1] == ("sql",):
                told += [value[0] for value in values]
    return told


ON_MYSQL = cases(mysql.read, test_grammar_mysql, test_grammar_mysql_details, test_grammar_mysql_names)
ON_MYSQL += [sql for sql, _ in test_statements.KINDS_ON_MYSQL]
ON_POSTGRESQL = cases(postgresql.read, test_grammar_postgresql)
ON_SQLITE = cases(sqlite.read, test_grammar_sqlite)


def outside_quotes(sql: str, change: Callable[[str], str]) -> str:
    """Change what is neither quoted nor a comment."""
    parts = _QUOTED_OR_COMMENT.split(sql)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


CHANGES: dict[str, Callable[[str], str]] = {
    "wide": lambda text: text.replace(" ", " \n\t "),
    "around dots and signs": lambda text: re.sub(r"(?<=[^\W\d])\s*([.=,])\s*(?=[\w@])", " \n \\1 \t ", text),
    "upper case": str.upper,
    "lower case": str.lower,
}


def meaning(read: Read, sql: str) -> dict[str, Any]:
    """What a statement proves, its names without case and white space."""
    found = dataclasses.asdict(read(sql))
    for names in ("objects", "databases"):
        found[names] = [re.sub(r"\s", "", name).casefold() for name in found[names]]
    return found


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("read", "statements"), [(mysql.read, ON_MYSQL), (postgresql.read, ON_POSTGRESQL), (sqlite.read, ON_SQLITE)]
)
def test_the_layout_of_a_statement_says_nothing(read: Read, statements: list[str], change: str) -> None:
    """People write SQL in lines and columns; their tools, in one case or the other."""
    assert len(statements) > 30
    other = {sql: outside_quotes(sql, CHANGES[change]) for sql in statements}
    found = {other[sql]: meaning(read, other[sql]) for sql in statements}
    assert found == {other[sql]: meaning(read, sql) for sql in statements}


@pytest.mark.parametrize(
    ("read", "statements"), [(mysql.read, ON_MYSQL), (postgresql.read, ON_POSTGRESQL), (sqlite.read, ON_SQLITE)]
)
def test_a_semicolon_at_the_end_begins_no_other_statement(read: Read, statements: list[str]) -> None:
    """Copied statements have one."""
    closed = [sql for sql in statements if not _COMMENT.search(sql) and not sql.endswith((";", "'", '"'))]
    assert {sql: meaning(read, f"{sql} ; ") for sql in closed} == {sql: meaning(read, sql) for sql in closed}

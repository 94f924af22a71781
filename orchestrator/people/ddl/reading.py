"""Parses SQL as far as the rules need it: the verb, the tables, and the clauses of an ALTER TABLE."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COMMENT = re.compile(r"--[^\n]*|/\*(?!!).*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_TEXT_OR_COMMENT = re.compile(rf"{_TEXT.pattern}|{_COMMENT.pattern}", re.DOTALL)
_NAME = r"(?:`[^`]+`|\"[^\"]+\"|[\w$]+)"
_TABLE = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_ALTER = re.compile(
    rf"alter\s+(?:online\s+|ignore\s+)*table\s+(?:if\s+exists\s+)?(?:only\s+)?({_TABLE})\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_VERBS = tuple(
    (verb, re.compile(pattern.format(table=_TABLE, name=_NAME), re.IGNORECASE | re.DOTALL))
    for verb, pattern in (
        (
            "create index",
            (
                r"create\s+(?:or\s+replace\s+)?(?:unique\s+|fulltext\s+|spatial\s+)*index\s+(?:concurrently\s+)?"
                r"(?:if\s+not\s+exists\s+)?(?:{name}\s+)?(?:using\s+\w+\s+)?on\s+(?:only\s+)?({table})"
            ),
        ),
        ("drop index", r"drop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?{name}(?:\s+on\s+({table}))?"),
        ("create table", r"create\s+(?:temp\s+|temporary\s+|unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?({table})"),
        ("drop table", r"drop\s+table\s+(?:if\s+exists\s+)?({table})"),
        ("rename table", r"rename\s+table\s+({table})"),
        ("truncate", r"truncate\s+(?:table\s+)?({table})"),
        ("update", r"update\s+(?:low_priority\s+|ignore\s+|only\s+)*({table})"),
        ("delete", r"delete\s+(?:low_priority\s+|quick\s+|ignore\s+)*from\s+(?:only\s+)?({table})"),
        ("insert", r"(?:insert|replace)\s+(?:low_priority\s+|ignore\s+)*into\s+({table})"),
    )
)


@dataclass(frozen=True)
class Sql:
    """A statement and its parts.

    Attributes:
        text: The statement without comments, in one line.
        bare: The same with empty text literals, so that no word in them counts.
        verb: `alter table`, `create index`, `update` ...; empty if unknown.
        table: The first table that it changes, without quotes; empty if it changes none.
        clauses: The clauses of an ALTER TABLE.
    """

    text: str
    bare: str
    verb: str = ""
    table: str = ""
    clauses: Sequence[str] = ()

    @classmethod
    def of(cls, sql: str) -> "Sql":
        """Parse a statement."""
        text = " ".join(without_comments(sql).split())
        bare = without_texts(text)
        if found := _ALTER.match(text):
            return cls(text, bare, "alter table", plain(found[1]), [*clauses_of(found[2])])
        for verb, pattern in _VERBS:
            if found := pattern.match(bare):
                return cls(text, bare, verb, plain(found[1] or ""))
        return cls(text, bare)

    @property
    def defines(self) -> bool:
        """Whether it changes definitions. MySQL commits such a statement implicitly."""
        return bool(re.match(r"(create|alter|drop|rename|truncate)\b", self.bare, re.IGNORECASE))

    @property
    def writes_rows(self) -> bool:
        """Whether it changes rows."""
        return self.verb in {"update", "delete", "insert"} or bool(
            re.match(r"(load\s+data|merge|call)\b", self.bare, re.IGNORECASE)
        )


def plain(name: str) -> str:
    """Return a name without quotes."""
    return re.sub(r"[`\"\s]", "", name)


def without_comments(sql: str) -> str:
    """Return the SQL without comments. Text literals stay unchanged."""
    return _TEXT_OR_COMMENT.sub(lambda found: found[0] if found[0].startswith("'") else " ", sql)


def without_texts(sql: str) -> str:
    """Return the SQL with empty text literals."""
    return _TEXT.sub("''", sql)


def clauses_of(text: str) -> Iterator[str]:
    """Return the parts of a text between the commas outside of parentheses and text literals."""
    depth, begin = 0, 0
    masked = _TEXT.sub(lambda found: "'" * len(found[0]), text)
    for position, letter in enumerate(masked):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield text[begin:position].strip()
            begin = position + 1
    if last := text[begin:].strip():
        yield last

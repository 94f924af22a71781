"""Remembers types and nullability of columns over the revisions: an ALTER does not show the column as it was."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.people.ddl.reading import Sql, clauses_of, plain

_NAME = r"(?P<name>`[^`]+`|\"[^\"]+\"|[\w$]+)"
_NO_COLUMN = r"(?!(?:constraint|index|key|unique|fulltext|spatial|primary|foreign|check|partition|exclude|like)\b)"
_IF = r"(?:if\s+(?:not\s+)?exists\s+)?"
_TYPE = re.compile(
    r"(?P<name>\w+(?:\s+(?:precision|varying))?)\s*(?P<size>\([^)]*\))?(?P<more>\s+unsigned|\s+with(?:out)?\s+time\s+zone)?",
    re.IGNORECASE,
)
_ONE_TYPE = {
    "integer": "int",
    "bool": "tinyint",
    "boolean": "tinyint",
    "numeric": "decimal",
    "double precision": "double",
    "character varying": "varchar",
}
_WIDTHS = ("tinyint", "smallint", "mediumint", "int", "bigint")  # whose size is only how wide they are shown
_BODY = re.compile(r"create\s[^(]*\((?P<body>.*)\)[^)]*\Z", re.IGNORECASE | re.DOTALL)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_DEFINED = _pattern(rf"{_NO_COLUMN}{_NAME}\s+(?P<rest>.*)")
_ADDED = _pattern(rf"add\s+(?:column\s+)?{_IF}{_NO_COLUMN}{_NAME}\s+(?P<rest>.*)")
_MODIFIED = _pattern(rf"modify\s+(?:column\s+)?{_IF}{_NAME}\s+(?P<rest>.*)")
_CHANGED = _pattern(rf"change\s+(?:column\s+)?{_IF}{_NAME}\s+(?P<new>`[^`]+`|[\w$]+)\s+(?P<rest>.*)")
_DROPPED = _pattern(rf"drop\s+(?:column\s+)?{_IF}{_NO_COLUMN}{_NAME}(?:\s+(?:cascade|restrict))?\Z")
_RENAMED = _pattern(rf"rename\s+(?:column\s+)?{_NAME}\s+to\s+(?P<new>\S+)\Z")
_RETYPED = _pattern(rf"alter\s+(?:column\s+)?{_NAME}\s+(?:set\s+data\s+)?type\s+(?P<rest>.*)")
_SET_NULL = _pattern(rf"alter\s+(?:column\s+)?{_NAME}\s+(?P<word>set|drop)\s+not\s+null")
_RENAMED_TABLE = _pattern(r"rename\s+(?:to|as)\s+(?P<new>\S+)\Z")


@dataclass(frozen=True)
class Column:
    """A column's definition, in the words of MySQL's information_schema.

    Attributes:
        new: the revision that runs has added it, so no version of the app uses it yet.
    """

    type: str
    nullable: bool = True
    new: bool = False

    @property
    def row(self) -> Mapping[str, str]:
        """Return it as a row of MySQL's information_schema; empty if its type is not known."""
        return {"type": self.type, "nullable": "YES" if self.nullable else "NO"} if self.type else {}


_UNKNOWN = Column("")


@dataclass
class Columns:
    """The columns of the tables, as far as the statements so far define them."""

    _tables: dict[str, dict[str, Column]] = field(default_factory=dict)

    def of(self, table: str, name: str) -> Column:
        """Return a column; one without a type is not known."""
        return self._tables.get(table.lower(), {}).get(plain(name).lower(), _UNKNOWN)

    def of_running_version(self) -> "Columns":
        """Return a copy in which no column is new: the app's version that runs may use each of them."""
        return Columns(
            {
                table: {name: Column(each.type, each.nullable) for name, each in columns.items()}
                for table, columns in self._tables.items()
            }
        )

    def copied(self) -> "Columns":
        """Return a copy."""
        return Columns({table: dict(columns) for table, columns in self._tables.items()})

    def observe(self, sql: Sql) -> None:
        """Take in a statement."""
        if sql.verb == "create table" and (body := _BODY.match(sql.text)):
            defined = (_DEFINED.match(each) for each in clauses_of(body["body"]))
            self._tables[sql.table.lower()] = dict(_defined(each) for each in defined if each)
        elif sql.verb == "drop table":
            self._tables.pop(sql.table.lower(), None)
        elif sql.verb == "alter table":
            for clause in sql.clauses:
                self._observe(sql.table.lower(), clause)

    def _observe(self, table: str, clause: str) -> None:
        if found := _RENAMED_TABLE.match(clause):
            self._tables[plain(found["new"]).lower()] = self._tables.pop(table, {})
            return
        columns = self._tables.setdefault(table, {})
        for pattern, after in _EFFECTS:
            if found := pattern.match(clause):
                name = plain(found["name"]).lower()
                new_name = plain(found.groupdict().get("new") or name).lower()
                if (column := after(found, columns.pop(name, _UNKNOWN))) is not None:
                    columns[new_name] = column
                return


def type_of(definition: str) -> str:
    """Return the type at the beginning of a definition, spelt in one way; empty without one."""
    found = _TYPE.match(definition.strip())
    if not found:
        return ""
    name = " ".join(found["name"].lower().split())
    size = "" if _ONE_TYPE.get(name, name) in _WIDTHS else (found["size"] or "").replace(" ", "").lower()
    return f"{_ONE_TYPE.get(name, name)}{size}{' '.join((found['more'] or '').lower().split())}"


def _defined(found: re.Match[str]) -> tuple[str, Column]:
    return plain(found["name"]).lower(), _column(found, Column("", new=True))


def _column(found: re.Match[str], before: Column) -> Column:
    nullable = not re.search(r"\bnot\s+null\b", found["rest"], re.IGNORECASE)
    return Column(type_of(found["rest"]), nullable, before.new)


_EFFECTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Column], Column | None]], ...] = (
    (_ADDED, lambda found, _before: _column(found, Column("", new=True))),
    (_MODIFIED, _column),
    (_CHANGED, _column),
    (_RENAMED, lambda _found, before: before),
    (_RETYPED, lambda found, before: Column(type_of(found["rest"]), before.nullable, before.new)),
    (_SET_NULL, lambda found, before: Column(before.type, found["word"].lower() == "drop", before.new)),
    (_DROPPED, lambda _found, _before: None),
)
"""What each clause of an ALTER TABLE does to its column; None: the column is gone."""

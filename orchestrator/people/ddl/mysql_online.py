"""How MySQL and MariaDB carry out a definition: INSTANT, INPLACE or COPY, and whether others may write meanwhile.

The facts are those of https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html and
https://mariadb.com/docs/server/server-usage/storage-engines/innodb/innodb-online-ddl; a test asks the servers for each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from orchestrator.people.ddl.columns import type_of
from orchestrator.people.ddl.knowledge import ColumnOf
from orchestrator.people.ddl.reading import Sql, without_texts


class Algorithm(IntEnum):
    """The algorithms from cheap to expensive. A statement needs the most expensive one of its clauses."""

    INSTANT = 0
    INPLACE = 1
    COPY = 2


@dataclass(frozen=True)
class Effect:
    """The effect of a definition on a table in use.

    Attributes:
        algorithm: how it is carried out.
        rebuilds: every row is written again.
        blocks_writes: others cannot write while it runs; otherwise only at its beginning and end.
        reason: the deciding clause, and why.
        sure: it does not depend on facts outside the statement.
    """

    algorithm: Algorithm
    rebuilds: bool = False
    blocks_writes: bool = False
    reason: str = ""
    sure: bool = True

    @property
    def cost(self) -> tuple[int, bool, bool]:
        """Return a key for comparing the cost of several clauses."""
        return self.algorithm, self.blocks_writes, self.rebuilds


@dataclass(frozen=True)
class Server:
    """The kind and version of a server: each version changes what is instant."""

    mariadb: bool = False
    version: tuple[int, ...] = (8, 0, 36)

    def since(self, mysql: tuple[int, ...], mariadb: tuple[int, ...]) -> bool:
        """Return whether it is this version or a later one."""
        return self.version >= (mariadb if self.mariadb else mysql)


Judge = Callable[[re.Match[str], "Server", ColumnOf], "Effect"]

_INSTANT, _METADATA = Effect(Algorithm.INSTANT), Effect(Algorithm.INPLACE)
_ONE_BYTE = 255  # bytes of a VARCHAR whose length takes one byte
_BYTES = 4  # of a character, at most
_VARCHAR = re.compile(r"varchar\((\d+)\)")


def effect(sql: Sql, server: Server, column: ColumnOf = lambda _name: {}) -> Effect | None:
    """Return the effect of a statement; None if it changes no existing table, or is not known.

    Args:
        sql: The statement.
        server: The server that executes it.
        column: Returns the current definition of a column of its table.
    """
    if sql.verb == "create index":
        return _index(sql.bare)
    if sql.verb in {"drop index", "rename table"}:
        return _METADATA
    if sql.verb != "alter table":
        return None
    clauses = [each for each in sql.clauses if not _matches(r"(algorithm|lock)\b", each)]
    if any(_matches(_PRIMARY_KEY, each) for each in clauses):
        clauses = [each for each in clauses if not _matches(r"drop\s+primary\s+key", each)]
    found = [_clause(each, server, column) for each in clauses]
    return max(found, key=lambda each: each.cost) if found else None


def _matches(pattern: str, text: str) -> re.Match[str] | None:
    return re.match(pattern, text, re.IGNORECASE)


def _clause(clause: str, server: Server, column: ColumnOf) -> Effect:
    for pattern, judge in _JUDGES:
        if found := _matches(pattern, clause):
            return judge(found, server, column)
    return replace(_copy("what this clause takes is not known"), sure=False)


def _copy(reason: str) -> Effect:
    return Effect(Algorithm.COPY, rebuilds=True, blocks_writes=True, reason=reason)


def _rebuild(reason: str, *, blocks_writes: bool = False) -> Effect:
    return Effect(Algorithm.INPLACE, rebuilds=True, blocks_writes=blocks_writes, reason=reason)


def _always(kind: Effect) -> Judge:
    return lambda *_: kind


def _instant_since(mysql: tuple[int, ...], mariadb: tuple[int, ...], before: Effect) -> Judge:
    return lambda _found, server, _column: _INSTANT if server.since(mysql, mariadb) else before


def _index(text: str) -> Effect:
    if re.search(r"\b(fulltext|spatial)\b", without_texts(text), re.IGNORECASE):
        reason = "a FULLTEXT or SPATIAL index blocks writes while it is built"
        return Effect(Algorithm.INPLACE, blocks_writes=True, reason=reason)
    return Effect(Algorithm.INPLACE, reason="an index is built from all rows; others may write meanwhile")


def _add_column(found: re.Match[str], server: Server, _column: ColumnOf) -> Effect:
    words = without_texts(found.string).lower()
    if "auto_increment" in words:
        return _rebuild("an AUTO_INCREMENT column numbers every row", blocks_writes=True)
    if re.search(r"\b(stored|persistent)\b", words):
        return _copy("a stored generated column is computed for every row")
    if re.search(r"\b(primary\s+key|unique)\b", words):
        return _rebuild("the column comes with a unique index")
    last = not re.search(r"\b(first|after\s+`?\w+`?)\s*$", words)
    if server.since((8, 0, 29), (10, 4)) or (last and server.since((8, 0, 12), (10, 3))):
        return _INSTANT
    return _rebuild("adding a column here rewrites the table on this version")


def _drop_column(found: re.Match[str], server: Server, column: ColumnOf) -> Effect:
    if column(found["name"]).get("key"):
        return _rebuild("dropping a column with an index rewrites the table")
    if server.since((8, 0, 29), (10, 4)):
        return _INSTANT
    return _rebuild("dropping a column rewrites the table on this version")


def _modify(found: re.Match[str], server: Server, column: ColumnOf) -> Effect:
    return _redefine(found["name"], found["name"], found["rest"], column, server)


def _change(found: re.Match[str], server: Server, column: ColumnOf) -> Effect:
    return _redefine(found["name"], found["new"], found["rest"], column, server)


def _redefine(name: str, new_name: str, rest: str, column: ColumnOf, server: Server) -> Effect:
    """Judge MODIFY and CHANGE by the column's current definition."""
    now, wanted = column(name), type_of(rest)
    if not now:
        return replace(_copy("another type copies the table, and the type before is not known"), sure=False)
    if wanted != type_of(now["type"]):
        return _other_type(wanted, type_of(now["type"]), server)
    if bool(re.search(r"\bnot\s+null\b", rest, re.IGNORECASE)) != (now["nullable"] == "NO"):
        return _rebuild("NULL or NOT NULL rewrites the table")
    if new_name.lower() != name.lower():
        return _INSTANT if server.since((8, 0, 28), (10, 4)) else _METADATA
    return _INSTANT


def _other_type(wanted: str, now: str, server: Server) -> Effect:
    if now.startswith("enum(") and wanted.startswith(now.removesuffix(")")):
        return _INSTANT
    longer, shorter = _VARCHAR.fullmatch(wanted), _VARCHAR.fullmatch(now)
    if longer and shorter and int(longer[1]) >= int(shorter[1]):
        after, before = int(longer[1]) * _BYTES, int(shorter[1]) * _BYTES
        if server.mariadb:
            return _INSTANT
        if (before <= _ONE_BYTE) == (after <= _ONE_BYTE):
            return _METADATA
    return _copy(f"the type changes from {now} to {wanted}")


def _light(_found: re.Match[str], server: Server, _column: ColumnOf) -> Effect:
    """MariaDB calls instant what MySQL calls in place."""
    return _INSTANT if server.mariadb else _METADATA


_CONSTRAINT = r"add\s+(constraint\s+(\S+\s+)?)?"
_PRIMARY_KEY = rf"{_CONSTRAINT}primary\s+key"
_COLUMN = r"(?:column\s+)?(?:if\s+exists\s+)?`?(?P<name>[\w$]+)`?\s+"
_JUDGES: tuple[tuple[str, Judge], ...] = (
    (rf"{_CONSTRAINT}foreign\s+key", _always(_copy("a foreign key copies the table while foreign_key_checks is on"))),
    (rf"{_CONSTRAINT}check\b", _always(_copy("a CHECK reads and copies every row"))),
    (_PRIMARY_KEY, _always(_rebuild("a new primary key rewrites the table"))),
    (rf"{_CONSTRAINT}(unique|fulltext|spatial|index|key)\b", lambda found, *_: _index(found.string)),
    (r"add\s+partition\b", _always(replace(_copy("what partitioning takes is not known"), sure=False))),
    (r"add\b", _add_column),
    (r"drop\s+primary\s+key", _always(_copy("dropping the primary key copies the table"))),
    (r"drop\s+foreign\s+key", _light),
    (r"drop\s+(index|key)\b", _always(_METADATA)),
    (r"drop\s+(constraint|check)\b", _always(_INSTANT)),
    (r"drop\s+partition\b", _always(replace(_copy("what partitioning takes is not known"), sure=False))),
    (r"drop\s+(?:column\s+)?(?:if\s+exists\s+)?`?(?P<name>[\w$]+)`?", _drop_column),
    (r"alter\s+(column\s+)?\S+\s+(set|drop)\s+default", _always(_INSTANT)),
    (r"rename\s+column\b", _instant_since((8, 0, 28), (10, 4), _METADATA)),
    (r"rename\s+(index|key)\b", _light),
    (r"rename\b", _always(_INSTANT)),
    (rf"modify\s+{_COLUMN}(?P<rest>.*)", _modify),
    (rf"change\s+{_COLUMN}`?(?P<new>[\w$]+)`?\s+(?P<rest>.*)", _change),
    (r"convert\s+to\s+character\s+set", _always(_copy("another character set copies the table"))),
    (r"(engine|row_format|force)\b", _always(_rebuild("the table is rewritten"))),
    (r"(comment|auto_increment|(default\s+)?(character\s+set|charset|collate))\b", _light),
)

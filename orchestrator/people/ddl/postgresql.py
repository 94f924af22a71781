"""Finds which sessions a definition of PostgreSQL blocks, and whether it reads or writes every row meanwhile.

The locks are those of https://www.postgresql.org/docs/current/sql-altertable.html and
https://www.postgresql.org/docs/current/explicit-locking.html.
"""

import re
from dataclasses import dataclass
from typing import Literal

from orchestrator.people.ddl.knowledge import ColumnOf, Effect
from orchestrator.people.ddl.reading import Sql, without_texts

AS_CONNECTED = {"postgresql": {"server_version_info": (16, 0)}}
SIZE = """
SELECT NULLIF(reltuples, -1), pg_total_relation_size(oid) FROM pg_class
WHERE oid = COALESCE(to_regclass(:quoted), to_regclass(:path))
"""
COLUMN = ""
OUTSIDE_TRANSACTIONS = re.compile(
    r"(create|drop|alter)\s+database\b|vacuum\b|alter\s+system\b|(create|drop)\s+tablespace\b"
    r"|(create\s+(unique\s+)?index|drop\s+index|reindex\b.*)\s+concurrently\b",
    re.IGNORECASE,
)
COMMITS_DEFINITIONS = False
LINTED = True

Blocks = Literal["nothing", "writes", "reads and writes"]
_ORDER: tuple[Blocks, ...] = ("nothing", "writes", "reads and writes")


@dataclass(frozen=True)
class Lock:
    """The effect of a definition on a table in use.

    Attributes:
        blocks: what others cannot do while it runs.
        work: `none`: it is short; `scan`: it reads every row; `rewrite`: it writes every row; `index`: it builds one.
        reason: the deciding clause, and why.
    """

    blocks: Blocks
    work: Literal["none", "scan", "index", "rewrite"] = "none"
    reason: str = ""

    @property
    def cost(self) -> tuple[bool, int]:
        """Return a key for comparing the cost of several clauses."""
        return self.work != "none", _ORDER.index(self.blocks)


_CONSTRAINT = r"add\s+(constraint\s+\S+\s+)?"
_COLUMN = r"alter\s+(column\s+)?\S+\s+"
_VOLATILE = r"\bdefault\s+\(*\s*(?!now\b|current_)[a-z_][\w.]*\s*\("
_BOTH: Blocks = "reads and writes"
_SHORT = Lock(_BOTH)
_JUDGES = (
    (rf"{_CONSTRAINT}(foreign\s+key|check)\b.*\bnot\s+valid", Lock("writes")),
    (rf"{_CONSTRAINT}foreign\s+key", Lock("writes", "scan", "a foreign key is checked for every row")),
    (rf"{_CONSTRAINT}check\b", Lock(_BOTH, "scan", "a CHECK is checked for every row")),
    (rf"{_CONSTRAINT}(unique|primary\s+key)\s+using\s+index", _SHORT),
    (rf"{_CONSTRAINT}(unique|primary\s+key|exclude)\b", Lock(_BOTH, "index", "an index is built")),
    (r"validate\s+constraint", Lock("nothing", "scan", "every row is checked")),
    (rf"add\s+.*{_VOLATILE}", Lock(_BOTH, "rewrite", "the default differs from row to row")),
    (r"add\s+.*\bgenerated\s+always\s+as\s*\(", Lock(_BOTH, "rewrite", "the column is computed")),
    (r"add\s+.*\b(big|small)?serial\b", Lock(_BOTH, "rewrite", "every row is numbered")),
    (rf"{_COLUMN}(set\s+data\s+)?type\b", Lock(_BOTH, "rewrite", "most other types rewrite the table")),
    (rf"{_COLUMN}set\s+not\s+null", Lock(_BOTH, "scan", "every row is checked for NULL")),
    (r"set\s+(tablespace|logged|unlogged)\b", Lock(_BOTH, "rewrite", "the table is written again")),
    (rf"{_COLUMN}set\s+statistics|set\s*\(|cluster\s+on|set\s+without\s+cluster", Lock("nothing")),
)


def effect_of(sql: Sql, _dialect: str, _version: tuple[int, ...], _column: ColumnOf) -> Effect | None:
    """Return the same as `lock`, in the words of `plan --json`."""
    found = lock(sql)
    if found is None:
        return None
    algorithm = "metadata" if found.work == "none" else found.work
    return Effect(algorithm, found.work == "rewrite", found.blocks, found.reason)


def lock(sql: Sql) -> Lock | None:
    """Return the effect of a statement; None if it changes no existing table, or is not known."""
    if sql.verb in {"create index", "drop index"} and re.search(r"\bconcurrently\b", sql.bare, re.IGNORECASE):
        return Lock("nothing", "index" if sql.verb == "create index" else "none")
    if sql.verb == "create index":
        return Lock("writes", "index", "an index is built; CONCURRENTLY lets others write")
    if sql.verb in {"drop index", "drop table", "truncate"}:
        return Lock("reads and writes")
    if sql.verb != "alter table":
        return None
    return max(map(_clause, sql.clauses), key=lambda each: each.cost, default=None)


def _clause(clause: str) -> Lock:
    bare = without_texts(clause)
    return next(
        (judged for pattern, judged in _JUDGES if re.match(pattern, bare, re.IGNORECASE)), Lock("reads and writes")
    )

"""The orchestrator's rules, each a check of a revision's statements."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.people.ddl.columns import Columns
from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.ddl.reading import Sql, without_texts
from orchestrator.people.recording.recorder import Statement

_RENAMED_COLUMN = re.compile(
    r"rename\s+(column\s+)?(?!to\b|index\b|key\b|constraint\b|as\b)(?P<old>\S+)\s+to\b", re.IGNORECASE
)
_CHANGED = re.compile(r"change\s+(?:column\s+)?`?(?P<old>[\w$]+)`?\s+`?(?P<new>[\w$]+)`?", re.IGNORECASE)
_DROPPED = re.compile(
    r"drop\s+(column\s+)?(?!(index|key|primary|foreign|constraint|check|partition|default|not|expression|identity)\b)"
    r"(if\s+exists\s+)?(?P<old>\S+)",
    re.IGNORECASE,
)
_ADDED_COLUMN = re.compile(
    r"add\s+(?:column\s+)?(?!(?:constraint|index|key|unique|fulltext|spatial|primary|foreign|check|partition)\b)",
    re.IGNORECASE,
)
_FILLED = re.compile(
    r"\b(default|auto_increment|generated|as\s*\(|serial|bigserial|identity)\b|\bas\s*\(", re.IGNORECASE
)
_REDEFINED = re.compile(r"(modify|change)\s+(?:column\s+)?(?P<old>\S+)", re.IGNORECASE)
_TEMPORARY = "_alembic_tmp_"  # the tables of Alembic's batches on SQLite
_NOT_NULL = re.compile(r"\bnot\s+null\b", re.IGNORECASE)


class Hit(NamedTuple):
    """A statement that violates a rule; line 0 and no SQL if the whole revision does."""

    code: str
    line: int = 0
    sql: str = ""
    table: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Parsed:
    """A recorded statement and its parts."""

    recorded: Statement
    sql: Sql

    def before(self, columns: Columns, name: str) -> Mapping[str, str]:
        """Return a column's previous definition: as the revision gives it, or as earlier ones left it."""
        return self.recorded.column or columns.of(self.sql.table, name).row

    def hit(self, code: str, reason: str = "") -> Hit:
        """Return a hit of a rule."""
        return Hit(code, self.recorded.line, self.recorded.sql, self.sql.table or "a table", reason)


def hits(statements: Sequence[Statement], dialect: str, before: Columns | None = None) -> Iterator[Hit]:
    """Return the findings in a revision. What the revision itself creates is not in use yet.

    Args:
        statements: of the revision.
        dialect: the database's name.
        before: the columns before the revision, as far as they are known.
    """
    columns = (before or Columns()).of_running_version()
    parsed = [Parsed(each, Sql.of(each.sql)) for each in statements]
    knowledge = knowledge_of(dialect)
    refused = knowledge.OUTSIDE_TRANSACTIONS
    made = {each.sql.table for each in parsed if each.sql.verb == "create table"}
    for each in parsed:
        if each.sql.table not in made and not each.sql.table.startswith(_TEMPORARY):
            yield from _compatibility(each, dialect, columns)
            yield from _load(each, dialect, columns)
        columns.observe(each.sql)
        if refused and refused.match(each.sql.bare) and not each.recorded.autocommit:
            yield each.hit("needs-autocommit")
    if knowledge.COMMITS_DEFINITIONS and any(each.sql.defines for each in parsed):
        rows = [each for each in parsed if each.sql.writes_rows and each.sql.table not in made]
        if rows:
            yield rows[0].hit("definitions-and-rows")


def _compatibility(each: Parsed, dialect: str, columns: Columns) -> Iterator[Hit]:
    """Return the statements that break the app's version that is still running."""
    if each.sql.verb == "drop table":
        yield each.hit("drop-table")
    if each.sql.verb == "rename table":
        yield each.hit("rename-table")
    for clause in each.sql.clauses:
        yield from _clause(each, without_texts(clause), dialect, columns)


def _clause(each: Parsed, clause: str, dialect: str, columns: Columns) -> Iterator[Hit]:
    changed, dropped, renamed = _CHANGED.match(clause), _DROPPED.match(clause), _RENAMED_COLUMN.match(clause)
    if changed and changed["old"].lower() != changed["new"].lower():
        renamed = changed
    if renamed:
        yield from () if columns.of(each.sql.table, renamed["old"]).new else [each.hit("rename-column")]
    elif re.match(r"rename\s+(to|as)\b", clause, re.IGNORECASE):
        yield each.hit("rename-table")
    if dropped and not columns.of(each.sql.table, dropped["old"]).new:
        yield each.hit("drop-column")
    if knowledge_of(dialect).LINTED:
        return  # squawk has rules for the rest
    if _ADDED_COLUMN.match(clause) and _NOT_NULL.search(clause) and not _FILLED.search(clause):
        yield each.hit("required-column")
    redefined = _REDEFINED.match(clause)
    if redefined and _NOT_NULL.search(clause) and each.before(columns, redefined["old"]).get("nullable") == "YES":
        yield each.hit("set-not-null")


def _load(each: Parsed, dialect: str, columns: Columns) -> Iterator[Hit]:
    """Return the statements that block other sessions."""
    if each.sql.verb in {"update", "delete"} and not re.search(r"\b(where|limit)\b", each.sql.bare, re.IGNORECASE):
        yield each.hit("unbounded-change")
    knowledge = knowledge_of(dialect)
    version = knowledge.AS_CONNECTED[dialect]["server_version_info"]
    effect = knowledge.effect_of(each.sql, dialect, version, functools.partial(each.before, columns))
    if knowledge.LINTED or effect is None or effect.blocks == "nothing":
        return
    if "foreign key" in effect.reason:
        yield each.hit("foreign-key")
    else:
        code = "copies-table" if effect.algorithm == "copy" else "blocks-writes"
        yield each.hit(code, effect.reason)

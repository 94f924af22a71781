"""The orchestrator's rules, each a check of a revision's statements."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.ddl.reading import Sql, without_texts
from orchestrator.people.recording.recorder import Statement

_RENAMED_COLUMN = re.compile(r"rename\s+(column\s+)?(?!to\b|index\b|key\b|constraint\b|as\b)\S+\s+to\b", re.IGNORECASE)
_CHANGED = re.compile(r"change\s+(?:column\s+)?`?(?P<old>[\w$]+)`?\s+`?(?P<new>[\w$]+)`?", re.IGNORECASE)
_DROPPED = re.compile(
    r"drop\s+(column\s+)?(?!(index|key|primary|foreign|constraint|check|partition|default|not|expression|identity)\b)",
    re.IGNORECASE,
)
_ADDED_COLUMN = re.compile(
    r"add\s+(?:column\s+)?(?!(?:constraint|index|key|unique|fulltext|spatial|primary|foreign|check|partition)\b)",
    re.IGNORECASE,
)
_FILLED = re.compile(
    r"\b(default|auto_increment|generated|as\s*\(|serial|bigserial|identity)\b|\bas\s*\(", re.IGNORECASE
)
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

    def hit(self, code: str, reason: str = "") -> Hit:
        """Return a hit of a rule."""
        return Hit(code, self.recorded.line, self.recorded.sql, self.sql.table or "a table", reason)


def hits(statements: Sequence[Statement], dialect: str) -> Iterator[Hit]:
    """Return the findings in a revision. A table that the revision itself creates is not in use yet."""
    parsed = [Parsed(each, Sql.of(each.sql)) for each in statements]
    knowledge = knowledge_of(dialect)
    refused = knowledge.OUTSIDE_TRANSACTIONS
    made = {each.sql.table for each in parsed if each.sql.verb == "create table"}
    for each in parsed:
        if each.sql.table not in made:
            yield from _compatibility(each, dialect)
            yield from _load(each, dialect)
        if refused and refused.match(each.sql.bare) and not each.recorded.autocommit:
            yield each.hit("needs-autocommit")
    if knowledge.COMMITS_DEFINITIONS and any(each.sql.defines for each in parsed):
        rows = [each for each in parsed if each.sql.writes_rows and each.sql.table not in made]
        if rows:
            yield rows[0].hit("definitions-and-rows")


def _compatibility(each: Parsed, dialect: str) -> Iterator[Hit]:
    """Return the statements that break the app's version that is still running."""
    if each.sql.verb == "drop table":
        yield each.hit("drop-table")
    if each.sql.verb == "rename table":
        yield each.hit("rename-table")
    for clause in each.sql.clauses:
        yield from _clause(each, clause, dialect)


def _clause(each: Parsed, clause: str, dialect: str) -> Iterator[Hit]:
    clause = without_texts(clause)
    changed = _CHANGED.match(clause)
    if _RENAMED_COLUMN.match(clause) or (changed and changed["old"].lower() != changed["new"].lower()):
        yield each.hit("rename-column")
    elif re.match(r"rename\s+(to|as)\b", clause, re.IGNORECASE):
        yield each.hit("rename-table")
    if _DROPPED.match(clause):
        yield each.hit("drop-column")
    if knowledge_of(dialect).LINTED:
        return  # squawk has rules for the rest
    if _ADDED_COLUMN.match(clause) and _NOT_NULL.search(clause) and not _FILLED.search(clause):
        yield each.hit("required-column")
    redefined = re.match(r"modify|change", clause, re.IGNORECASE)
    if redefined and _NOT_NULL.search(clause) and each.recorded.column.get("nullable") == "YES":
        yield each.hit("set-not-null")


def _load(each: Parsed, dialect: str) -> Iterator[Hit]:
    """Return the statements that block other sessions."""
    if each.sql.verb in {"update", "delete"} and not re.search(r"\b(where|limit)\b", each.sql.bare, re.IGNORECASE):
        yield each.hit("unbounded-change")
    knowledge = knowledge_of(dialect)
    version = knowledge.AS_CONNECTED[dialect]["server_version_info"]
    effect = knowledge.effect_of(each.sql, dialect, version, lambda _name: each.recorded.column)
    if knowledge.LINTED or effect is None or effect.blocks == "nothing":
        return
    if "foreign key" in effect.reason:
        yield each.hit("foreign-key")
    else:
        code = "copies-table" if effect.algorithm == "copy" else "blocks-writes"
        yield each.hit(code, effect.reason)

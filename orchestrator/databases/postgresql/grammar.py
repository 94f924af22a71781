"""The statements of PostgreSQL, as the journal classifies them.

DDL is transactional, so nearly every statement is a write. Statements that cannot run in a transaction are listed:
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY and the pages of the others.
"""

import functools
import re
from dataclasses import replace

from orchestrator.databases.statements import Kind, Meanings, Statement, bare, plain

_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_NAME = rf"(?P<name>{_PART}(?:\s*\.\s*{_PART})?)"
_CONCURRENTLY = re.compile(
    rf"(?:create\s+(?:unique\s+)?|drop\s+)index\s+concurrently\s+(?:if\s+(?:not\s+)?exists\s+)?(?!on\b){_NAME}"
    rf"(?:\s+on\s+(?:only\s+)?(?P<table>{_PART}(?:\s*\.\s*{_PART})?))?",
    re.IGNORECASE,
)
_DOLLAR_QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_SEVERAL = re.compile(r";\s*\S")
_CHANGES = re.compile(r"\b(?:insert|update|delete|merge)\b")
# It stays when the transaction is rolled back, or is about another session.
_OUTSIDE = re.compile(
    r"\b(?:dblink\w*|pg_export_snapshot|lo_export|aws_s3 ?\. ?query_export_to_s3|aws_lambda ?\. ?invoke)\s*\("
    r"|\bhttp(?:_\w+)?\s*\(|^copy\b.*\b(?:to|from)\s+program\b|^copy\b.*\bto\s+'",
    re.DOTALL,
)
_ENVIRONMENT, _OPAQUE = Statement(Kind.ENVIRONMENT), Statement(Kind.OPAQUE)
_PATIENT = Statement(Kind.OPAQUE, long_lock_wait_ok=True)
_WORDS = Meanings(
    {
        r"(?:commit|rollback)\s+prepared\b": _OPAQUE,
        r"(?:commit|end)\b": Statement(Kind.COMMIT),
        r"(?:rollback|abort)\b(?!\s+(?:work\s+|transaction\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.SAVEPOINT, undoes=True),
        r"(?:begin|start|release|listen|unlisten|notify|show)\b": _ENVIRONMENT,
        # Before any query, and so before the journal's own:
        r"set\s+(?:session\s+|local\s+)?transaction(?:_\w+)?\b": _ENVIRONMENT,
        r"(?:set\s+(?:session\s+|local\s+)?|reset\s+)(?:role|session\s+authorization)\b": Statement(
            Kind.SETTING, changes_user=True
        ),
        r"set\s+local\b": _ENVIRONMENT,
        r"(?:set|reset)\b": Statement(Kind.SETTING),
        r"reindex\b.*\bconcurrently\b": _PATIENT,
        r"(?:create|drop)\s+(?:unique\s+)?index\s+concurrently\b": _PATIENT,
        r"alter\s+table\b.*\bdetach\b.*\bconcurrently\b": _PATIENT,
        r"(?:vacuum|reindex|discard)\b|cluster\s*;?$": _OPAQUE,
        r"(?:create|drop)\s+(?:database|tablespace|subscription)\b|alter\s+system\b": _OPAQUE,
        r"(?:call|do)\b": Statement(Kind.WRITE, compound=True),
        r"(?:select|values|table|fetch|explain)\b": Statement(Kind.READ),
    },
    otherwise=Statement(Kind.WRITE),
)


def read(sql: str) -> Statement:
    """Classify a statement; an unknown one is a write, because its transaction contains all its effects."""
    text = _DOLLAR_QUOTED.sub("''", plain(sql))
    words = " ".join(bare(text).split())
    meaning = _meaning(text, words)
    if meaning.kind in (Kind.READ, Kind.WRITE) and _OUTSIDE.search(words):
        meaning = replace(meaning, outside=True)
    return replace(meaning, drops=True) if "drop" in words or meaning.kind is Kind.OPAQUE else meaning


recall = functools.lru_cache(maxsize=1024)(read)  # for SHORT statements


def _meaning(text: str, words: str) -> Statement:
    if _SEVERAL.search(words):
        return Statement(Kind.OPAQUE, compound=True)
    if found := _CONCURRENTLY.match(text):
        objects = (f"INDEX {found['name']}" + (f" ON {found['table']}" if found["table"] else ""),)
        return Statement(Kind.DEFINITION, objects, long_lock_wait_ok=True)
    if re.match(r"with\b", words):
        return Statement(Kind.WRITE if _CHANGES.search(words) else Kind.READ)
    return _WORDS.of(words)

"""The statements of PostgreSQL, as the journal sees them.

DDL is transactional, so nearly everything is a write like any other; what cannot run in a transaction is told apart:
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY and the pages of the others.
"""

import functools
import re

from orchestrator.databases.statements import Kind, Meanings, Statement, bare, plain

_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_NAME = rf"(?P<name>{_PART}(?:\s*\.\s*{_PART})?)"
_CONCURRENTLY = re.compile(
    rf"(?:create\s+(?:unique\s+)?|drop\s+)index\s+concurrently\s+(?:if\s+(?:not\s+)?exists\s+)?(?!on\b){_NAME}"
    rf"(?:\s+on\s+(?:only\s+)?(?P<table>{_PART}(?:\s*\.\s*{_PART})?))?",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(r"create\s+(?:global\s+|local\s+)?temp(?:orary)?\b")
_CHANGES = re.compile(r"\b(?:insert|update|delete|merge)\b")
_PASSING, _OPAQUE = Statement(Kind.PASSING), Statement(Kind.OPAQUE)
_WORDS = Meanings(
    {
        r"(?:commit|rollback)\s+prepared\b": _OPAQUE,
        r"(?:commit|end)\b": Statement(Kind.COMMIT),
        r"(?:rollback|abort)\b(?!\s+(?:work\s+|transaction\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.PASSING, undoes=True),
        r"(?:begin|start|release|listen|unlisten|notify)\b": _PASSING,
        r"(?:show|explain)\b(?!.*\banaly[sz]e\b)": _PASSING,
        r"set\s+(?:transaction|session\s+characteristics)\b": _PASSING,
        r"(?:set|reset|discard)\b": Statement(Kind.SESSION),
        r"reindex\b.*\bconcurrently\b": Statement(Kind.DEFINITION, gentle=True),
        r"(?:vacuum|reindex|analy[sz]e)\b|cluster\s*;?$": Statement(Kind.DEFINITION),
        r"(?:create|drop)\s+(?:database|tablespace|subscription)\b|alter\s+system\b": _OPAQUE,
        r"(?:call|do)\b": Statement(Kind.WRITE, compound=True),
        r"(?:create|drop)\s+(?:unique\s+)?index\s+concurrently\b": Statement(Kind.OPAQUE, gentle=True),
        r"alter\s+table\b.*\bdetach\b.*\bconcurrently\b": Statement(Kind.OPAQUE, gentle=True),
        r"(?:select\b(?!.*\binto\b)(?=.*\bfrom\b)|values\b|table\b|lock\b)": Statement(Kind.READ),
    },
    otherwise=Statement(Kind.WRITE),
)


@functools.lru_cache(maxsize=1024)  # revisions repeat themselves
def read(sql: str) -> Statement:
    """Understand one statement; what is not known is a write, as everything else is."""
    text = plain(sql)
    words = " ".join(bare(text).split())
    if found := _CONCURRENTLY.match(text):
        objects = (f"INDEX {found['name']}" + (f" ON {found['table']}" if found["table"] else ""),)
        return Statement(Kind.DEFINITION, objects, gentle=True)
    if _TEMPORARY.match(words):
        return Statement(Kind.WRITE, binds="a temporary table")
    if re.match(r"with\b", words):
        return Statement(Kind.WRITE if _CHANGES.search(words) else Kind.READ)  # a CTE may change rows, too
    return _WORDS.of(words)

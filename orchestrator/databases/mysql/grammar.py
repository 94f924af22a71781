"""The statements of MySQL and MariaDB, as the journal sees them.

Implicit commits: https://dev.mysql.com/doc/refman/9.0/en/implicit-commit.html,
https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.databases.statements import Kind, Meanings, Statement, after_with, bare, plain, unique

_PART = r'(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[\w$]+)'
_NAME = re.compile(rf"{_PART}(?:\s*\.\s*{_PART})?")
_HEAD = re.compile(
    r"(?P<verb>create|alter|drop|rename)\s+"
    r"(?:(?:or\s+replace|online|offline|ignore|unique|fulltext|spatial|aggregate|algorithm\s*=\s*\w+|definer\s*=\s*\S+"
    r"|sql\s+security\s+\w+)\s+)*"
    r"(?P<kind>table|index|view|trigger|procedure|function|event|sequence)s?\b\s*(?:if\s+(?:not\s+)?exists\s+)?"
)
_TEMPORARY = re.compile(
    r"(?P<verb>create|drop)\s+(?:or\s+replace\s+)?temporary\s+(?:table|sequence)\s+(?:if\s+(?:not\s+)?exists\s+)?"
)
_ON = re.compile(r"\bon\s+(?:table\s+)?(?=[`\"\w$])")
_RENAMED = re.compile(r"\brename\s+(?!(?:column|index|key|constraint)\b)(?:to\s+|as\s+|=\s*)?(?=[`\"\w$])")
_BETWEEN_NAMES = re.compile(r"\s*(?:,|\bto\b|\bwait\s+\d+\s+to\b|\bnowait\s+to\b)\s*", re.IGNORECASE)

_RIPPLES = re.compile(r"\b(?:rename|change)\b|^drop\s+table\b")
_NOT_ATOMIC = re.compile(  # or nothing in the definition shows that it was done
    r"^create\s+or\s+replace\s+table\b|^create\s+table\b.*\bselect\b|"
    r"\b(?:truncate|exchange|discard|import)\s+(?:partition|tablespace)\b",
    re.DOTALL,
)
_SEVERAL = re.compile(r";\s*\S|^/\*!")
_TO_A_FILE = re.compile(r"\binto\s+(?:outfile|dumpfile)\b")
_OF_THE_SESSION = re.compile(
    r"\b(?:last_insert_id|row_count|found_rows)\s*\(|@@(?:session\.)?(?:last_insert_id|identity)\b"
)
_CONSTANT = r"(?:['\"]_*|[-+]?[\d.]+|null\b|true\b|false\b|@@(?!(?:session\.)?(?:last_insert_id|identity))[\w.]+)"
_SETS_A_VARIABLE = re.compile(rf"(?<![@\w'_])@(?:[\w$.]+|['`\"]_*)\s*:?=\s*+(?!{_CONSTANT}\s*(?:,|;|$))")
_LEAVES_A_VARIABLE = re.compile(r":=|\binto\s+@|^call\b.*@", re.DOTALL)
_COMPOUND = Statement(Kind.OPAQUE, compound=True)
_PASSING = Statement(Kind.PASSING)
_WORDS = Meanings(
    {
        r"(?:commit|begin|start\s+transaction|set\s+(?:session\s+|@@(?:session\.)?)?autocommit)\b": Statement(
            Kind.COMMIT
        ),
        r"rollback\b(?!\s+(?:work\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.PASSING, undoes=True),
        r"release\s+savepoint\b": _PASSING,
        r"show\s+(?:(?:global|session|local)\s+)?(?:variables|status|warnings|errors|engines|collation|char)": _PASSING,
        r"select\s+@@(?!(?:session\.)?(?:last_insert_id|identity))": _PASSING,
        r"select\s+(?:version|database|schema|connection_id)\(": _PASSING,
        r"(?:select|do)\s+(?:get_lock|release_lock)\s*\(": Statement(Kind.SESSION),
        r"(?:select|show|describe|desc|explain|values|table|do)\b": Statement(Kind.READ),
        r"(?:insert|update|delete|replace)\b": Statement(Kind.WRITE),
        r"set\s+(?:global|persist|password)\b|flush\s+tables?\b.*\bwith\s+read": Statement(Kind.OPAQUE),
        r"set\b": Statement(Kind.SESSION),
        r"use\b": Statement(Kind.SESSION, binds="another default database"),
        r"lock\s+tables?\b": Statement(Kind.OPAQUE, binds="locked tables"),
        r"unlock\s+tables?\b": Statement(Kind.OPAQUE, unbinds="locked tables"),
        r"prepare\b": Statement(Kind.OPAQUE, binds="a prepared statement"),
        r"(?:deallocate|drop)\s+prepare\b": Statement(Kind.OPAQUE, unbinds="a prepared statement"),
        r"(?:analyze|optimize|check|repair|flush|grant)\b": Statement(Kind.DEFINITION),
        r"(?:call|execute)\b": _COMPOUND,
    },
    otherwise=Statement(Kind.OPAQUE),
)


@functools.lru_cache(maxsize=1024)  # revisions repeat themselves
def read(sql: str) -> Statement:
    """Understand one statement; what is not known is OPAQUE."""
    text = plain(sql, r"\#|--(?=\s|\Z)")
    words = bare(text)
    meaning = _meaning(text, words)
    if _leaves_a_variable(words) and not meaning.objects:
        meaning = replace(meaning, binds="a user variable")
    return replace(meaning, needs_session=True) if _OF_THE_SESSION.search(words) else meaning


def _meaning(text: str, words: str) -> Statement:
    head = _HEAD.match(words)
    if _SEVERAL.search(words) and not (head and head["kind"] in {"trigger", "procedure", "function", "event"}):
        return _COMPOUND
    if temporary := _TEMPORARY.match(words):
        tables = f"temporary table {', '.join(_names(text, temporary.end()))}"
        creates = temporary["verb"] == "create"
        return Statement(Kind.WRITE, binds=tables) if creates else Statement(Kind.WRITE, unbinds=tables)
    if head and not _NOT_ATOMIC.search(words):
        objects = list(_objects(text, words, head))
        moves = tuple(zip(objects[::2], objects[1::2], strict=False)) if head["verb"] == "rename" else ()
        return Statement(Kind.DEFINITION, unique(objects), moves, ripples=bool(_RIPPLES.search(words)))
    if words.startswith("with"):
        return Statement(Kind.READ if after_with(words) in {"select", "values", "table"} else Kind.WRITE)
    return Statement(Kind.OPAQUE) if head or _TO_A_FILE.search(words) else _WORDS.of(words)


def _objects(text: str, words: str, head: "re.Match[str]") -> Iterator[str]:
    """Everything that the statement defines, as words for SHOW CREATE."""
    verb, kind = head["verb"], head["kind"]
    if kind == "index":
        on = _ON.search(words, head.end())
        names = _names(text, on.end())[:1] if on else []
    else:
        names = _names(text, head.end())
        names = names if verb in {"drop", "rename"} else names[:1]
    if verb == "alter" and (new := _RENAMED.search(words)):
        names += _names(text, new.end())[:1]
    shown = "TABLE" if kind in {"index", "view"} else kind.upper()
    yield from (f"{shown} {name}" for name in names)


def _names(text: str, position: int) -> list[str]:
    """The names that stand one after the other from `position` on, joined by commas or TO."""
    names = []
    while found := _NAME.match(text, position):
        names.append(re.sub(_PART, _in_backticks, found.group()))
        joined = _BETWEEN_NAMES.match(text, found.end())
        if not joined:
            break
        position = joined.end()
    return names


def _in_backticks(part: "re.Match[str]") -> str:
    """A part of a name as it can be used after ANSI_QUOTES is off again."""
    if not part[0].startswith('"'):
        return part[0]
    name = part[0][1:-1].replace('""', '"')
    return f"`{name.replace('`', '``')}`"


def _leaves_a_variable(words: str) -> bool:
    """Whether it leaves a user variable with what another session cannot know, or does not set again."""
    return bool((_SETS_A_VARIABLE if words.startswith("set") else _LEAVES_A_VARIABLE).search(words))

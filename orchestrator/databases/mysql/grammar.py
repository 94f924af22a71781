"""The statements of MySQL and MariaDB whose effect the server can confirm; all others are OPAQUE.

Implicit commits: https://dev.mysql.com/doc/refman/9.0/en/implicit-commit.html,
https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.databases.mysql.words import SETTINGS, harmless_calls
from orchestrator.databases.statements import Kind, Meanings, Statement, after_with, plain_and_bare

_PART = r'(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[\w$]+)'
_NAME = re.compile(rf"{_PART}(?:\s*\.\s*{_PART})?")
_HEAD = re.compile(
    r"(?P<verb>create|alter|drop|rename)\s+"
    r"(?:(?:or\s+replace|online|offline|ignore|unique|fulltext|spatial|aggregate|algorithm\s*=\s*\w+|definer\s*=\s*\S+"
    r"|sql\s+security\s+\w+)\s+)*"
    r"(?P<kind>table|index|view|trigger|procedure|function|event|sequence)s?\b\s*(?:if\s+(?:not\s+)?exists\s+)?"
)
_ON = re.compile(r"\bon\s+")
_RENAMED = re.compile(r"\brename\s+(?!(?:column|index|key|constraint)\b)(?:to\s+|as\s+|=\s*)?")
_BETWEEN_NAMES = re.compile(r"\s*(?:,|(?:wait\s+\d+\s+|nowait\s+)?to\b)\s*", re.IGNORECASE)
_ROUTINES = {"trigger", "procedure", "function", "event"}

_NOT_SHOWN = re.compile(  # not atomic, or its effect does not show in the definition
    r"^create\s+or\s+replace\s+table\b|^create\s+table\b.*\bselect\b|"
    r"^create\s+table\b.*(?:\bas|\bignore|\breplace|[()])\s*(?:values|table)\b|"
    r"\b(?:truncate|exchange|discard|import)\s+(?:partition|tablespace)\b",
    re.DOTALL,
)
_RENAMES_A_COLUMN = re.compile(
    rf"\brename\s+column\b|\bchange\s+(?:column\s+)?+(?:if\s+exists\s+)?+(?P<old>{_PART})\s++(?!(?P=old)\s)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r";\s*\S")
_UNCERTAIN_QUOTE = re.compile(r"\\['\"]")  # its meaning depends on NO_BACKSLASH_ESCAPES
_USER_VARIABLE = re.compile(r"(?<![@\w])@(?!@)")
_INTO = re.compile(r"\binto\b")
_OF_THE_SESSION = re.compile(
    r"\b(?:row_count|found_rows)\s*\(|@@(?:(?:session|local)\s*\.\s*)?(?:warning_count|error_count)\b"
    r"|^show\s+(?:count|warnings|errors)\b|^get\s+(?:current\s+)?diagnostics\b"
)
_VOLATILE = r"(?:last_insert_id|identity|insert_id|timestamp|warning_count|error_count|rand_seed\d|in_transaction)\b"
_VARIABLE = rf"@@(?!(?:(?:session|local)\s*\.\s*)?{_VOLATILE})\w+(?:\s*\.\s*\w+)?"
_END = r"\s*;?\s*$"
_CONSTANT = r"(?:'_*|\"_*|[-+]?[\d.]+|[a-z]\w*)"
_SET = (
    rf"set\s+(?:(?:session|local)\s+|@@(?:(?:session|local)\s*\.\s*)?)?(?:(?:{'|'.join(SETTINGS)})\s*=\s*{_CONSTANT}"
    rf"|names\s+{_CONSTANT}(?:\s+collate\s+{_CONSTANT})?){_END}"
)
_OPAQUE, _COMPOUND = Statement(Kind.OPAQUE), Statement(Kind.OPAQUE, compound=True)
_ENVIRONMENT = Statement(Kind.ENVIRONMENT)
_WORDS = Meanings(
    {
        r"(?:commit|start\s+transaction|begin)\b(?!\s+not\b)": Statement(Kind.COMMIT),  # BEGIN NOT ATOMIC is a block
        r"rollback\b(?!\s+(?:work\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.SAVEPOINT, undoes=True),
        r"release\s+savepoint\b": _ENVIRONMENT,
        r"show\s+(?:(?:global|session|local)\s+)?(?:variables|engines|collation|char)": _ENVIRONMENT,
        # For the next transaction only, and refused in one (1568): nothing may be written before it.
        r"set\s+transaction\b|set\s+@@(?:tx|transaction)_(?:isolation|read_only)\b": _ENVIRONMENT,
        rf"select\s+{_VARIABLE}(?:\s*,\s*{_VARIABLE})*{_END}": _ENVIRONMENT,
        rf"select\s+(?:version|database|schema)\(\){_END}": _ENVIRONMENT,
        r"(?:select|values|table)\b(?!.*\binto\b)": Statement(Kind.READ),
        r"(?:show|describe|desc)\b": Statement(Kind.READ),
        r"(?:insert|update|delete|replace)\b": Statement(Kind.WRITE),
        _SET: Statement(Kind.SETTING),
        r"(?:call|execute)\b": _COMPOUND,
    },
    otherwise=_OPAQUE,
)
_TARGETS = (
    re.compile(r"(?:insert|replace)\s+(?:(?:low_priority|high_priority|delayed|ignore)\s+)*(?:into\s+)?"),
    re.compile(r"(?:update|low_priority|ignore|join|,)[\s(]+|,"),
    re.compile(r"(?:delete|low_priority|quick|ignore|from|using|join|,)[\s(]+|,"),
)


def read(sql: str) -> Statement:
    """Classify a statement; unlisted ones are OPAQUE."""
    text, words = plain_and_bare(sql, r"\#|--(?=\s|\Z)")
    meaning = _meaning(text, words)
    if "drop" in words or meaning.kind is Kind.OPAQUE:
        meaning = replace(meaning, drops=True)
    return replace(meaning, needs_session=True) if _OF_THE_SESSION.search(words) else meaning


recall = functools.lru_cache(maxsize=1024)(read)  # for SHORT statements


def _meaning(text: str, words: str) -> Statement:
    head = _HEAD.match(words)
    if "/*" in words or (_SEVERAL.search(words) and not (head and head["kind"] in _ROUTINES)):
        return _COMPOUND
    if head:
        return _definition(text, words, head)
    if _UNCERTAIN_QUOTE.search(text) or _USER_VARIABLE.search(words):
        return _OPAQUE
    if words.startswith("with"):
        pure = after_with(words) in {"select", "values", "table"}  # a common table expression changes nothing here
        meaning = Statement(Kind.READ) if pure and not _INTO.search(words) else _OPAQUE
    else:
        meaning = _WORDS.of(words)
    if meaning.kind in (Kind.READ, Kind.WRITE) and not harmless_calls(words):
        return _OPAQUE
    return replace(meaning, databases=_databases(text, words)) if meaning.kind is Kind.WRITE else meaning


def _definition(text: str, words: str, head: "re.Match[str]") -> Statement:
    if _NOT_SHOWN.search(words) or _may_exchange_columns(text, words):
        return _OPAQUE
    objects = tuple(dict.fromkeys(_objects(text, words, head)))  # without duplicates
    one = len(objects) == (2 if head["verb"] == "rename" else 1) or (head["verb"] == "alter" and len(objects) <= 2)  # noqa: PLR2004  # from and to
    if not (objects and one):
        return _OPAQUE
    return Statement(Kind.DEFINITION, objects, compound=bool(_SEVERAL.search(words)))


def _may_exchange_columns(text: str, words: str) -> bool:
    """Return whether a statement may move values to other columns and leave the definition as it was.

    Two columns exchange their names and places, or one is dropped, a second gets its name, and a new one gets that of
    the second. Nothing then shows whether the statement was carried out, and a second time does harm.
    """
    renames = len(_RENAMES_A_COLUMN.findall(text))
    return renames > 1 or (renames == 1 and "drop" in words)


def _objects(text: str, words: str, head: "re.Match[str]") -> Iterator[str]:
    """Yield the objects that the statement defines, as words for SHOW CREATE."""
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
    """Return the names that follow `position`, separated by commas or TO."""
    names = []
    while found := _NAME.match(text, position):
        names.append(re.sub(_PART, _in_backticks, found.group()))
        joined = _BETWEEN_NAMES.match(text, found.end())
        if not joined:
            break
        position = joined.end()
    return names


def _in_backticks(part: "re.Match[str]") -> str:
    """Return a part of a name in a form that is valid without ANSI_QUOTES."""
    if not part[0].startswith('"'):
        return part[0]
    name = part[0][1:-1].replace('""', '"')
    return f"`{name.replace('`', '``')}`"


def _databases(text: str, words: str) -> tuple[str, ...]:
    """Return the databases that qualify the targets of a change of rows."""
    verb = words[:6]
    kind, stop = (1, r"\bset\b") if verb == "update" else (2, r"\bwhere\b") if verb == "delete" else (0, r"\(")
    end = re.search(stop, words)
    places = _TARGETS[kind].finditer(words, 0, end.start() if end else len(words))
    found = [_NAME.match(text, each.end()) for each in places]
    names = [re.split(r"\s*\.\s*", each[0])[0] for each in found if each and "." in each[0]]
    return tuple(dict.fromkeys(name.strip('`"') for name in names))

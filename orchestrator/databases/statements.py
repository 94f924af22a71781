"""What a statement does to a transaction and a session, as the journal has to know it; the words are the backends'."""

import enum
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


LEFTOVER = "leftover"
"""What `look` returns of an object that a broken-off statement left unusable."""
UNKNOWN = "unknown"
"""What `look` returns where the login may not see the definition."""
VIEW = "view"
"""How that begins which `look` returns of a view: its text may change with the tables under it."""


class Kind(enum.Enum):
    """What a statement does, as far as its form proves it."""

    READ = "read"  # returns rows and changes nothing; its answer is not kept
    WRITE = "write"  # changes rows in the open transaction and does nothing else; recorded in that transaction
    DEFINITION = "definition"  # changes what `objects` names; the catalogue shows whether it took effect
    SETTING = "setting"  # sets a session variable to a constant; run again on resume
    OPAQUE = "opaque"  # its form proves nothing: the revision is migrated, but not resumed after it
    ENVIRONMENT = "environment"  # asks what is the same in every session of this server; never recorded
    SAVEPOINT = "savepoint"  # never recorded; what follows may be rolled back to here
    COMMIT = "commit"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Statement:
    """One statement, as far as its form proves what it does.

    Attributes:
        objects: what a DEFINITION defines, as words for the catalogue.
        databases: the databases that its targets are qualified with.
        needs_session: its answer depends on the statement before it in this session.
        undoes: it rolls back to a savepoint.
        outside: no transaction holds what it does: rows of MyISAM, a PRAGMA of SQLite.
        long_lock_wait_ok: its lock wait blocks no other session.
        compound: the text may hold several statements, and return several results.
        drops: it may drop tables, the journal's among them.
    """

    kind: Kind
    objects: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    needs_session: bool = False
    undoes: bool = False
    outside: bool = False
    long_lock_wait_ok: bool = False
    compound: bool = False
    drops: bool = False


class RecordedSession(Protocol):
    """What the journal asks the connected database; on the migrating connection and in its thread."""

    commits_definitions: bool
    """Whether a DEFINITION commits the open transaction first; else it must run outside of one."""
    savepoint: bool
    """Whether an error leaves the transaction unusable, so that only a savepoint can bring it back."""
    records_in_autocommit: bool
    """Whether a statement in autocommit mode can be wrapped in a transaction with its record, unnoticed."""
    now: str
    """SQL for the time now, in UTC."""
    encoding: str
    """Python's name for the characters that can be written here."""

    def schema(self) -> str | None:
        """Return the schema of unqualified names and of the journal's tables."""

    def server(self) -> str:
        """Return name and version; a half-applied revision is resumed on the same only."""

    def why_not_resumable(self) -> str:
        """Return why nothing can be proven after an interruption on this server; empty when it can."""

    def autocommit(self, *, again: bool = False) -> bool:
        """Return whether the next statement is committed by itself; `again`: a statement may have changed that."""

    def state(self) -> Mapping[str, str]:
        """Return the session's settings by name, as the server reports them."""

    def restore(self, state: Mapping[str, str]) -> None:
        """Set again what no statement sets: the last generated key."""

    def read(self, sql: str) -> Statement:
        """Classify a statement."""

    def without_literals(self, sql: str) -> str:
        """Return the statement with its text literals masked, as it may be stored."""

    def look(self, subject: str) -> str:
        """Return a hash of how one of `Statement.objects` is defined; empty when it is not; LEFTOVER, UNKNOWN."""

    def clear(self, subject: str) -> bool:
        """Drop the leftover of a broken-off DEFINITION; False when there is none."""

    def has_table(self, name: str, schema: str | None) -> bool:
        """Return whether a table exists; never fails in a transaction."""

    def begin(self) -> None:
        """Begin a transaction in a session in autocommit mode."""

    def before_write(self, sql: str) -> None:
        """Begin the transaction where the driver would not."""

    def began_for_definitions(self) -> bool:
        """Return whether the open transaction is one that the driver by itself would not have begun."""

    def mark(self) -> Any:
        """Mark the open transaction."""

    def same_transaction(self, mark: Any) -> bool:
        """Return whether the marked transaction is still open, as the server says."""

    def lock_limit(self, seconds: float) -> "AbstractContextManager[None]":
        """In this context one statement may wait for a lock this long; only used for `long_lock_wait_ok`."""

    def met_lock_limit(self, error: BaseException) -> bool:
        """Return whether a statement gave up waiting for a lock and did nothing."""

    def refuses_transactions(self, error: BaseException) -> bool:
        """Return whether a statement failed because it cannot run inside a transaction."""

    def lost_transaction(self, error: BaseException) -> bool:
        """Return whether the server rolled back the whole transaction, as for a deadlock."""


# Possessive, and content with a missing end: no text takes longer than its length asks for.
_QUOTED = r"'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z)|\"(?:[^\"\\]|\\.|\"\")*+(?:\"|\\?\Z)|`(?:[^`]|``)*+(?:`|\Z)"
_BLOCK_COMMENT = r"/\*(?!!|m!).*?(?:\*/|\Z)"
_VERB = re.compile(r"[()]|\b(?:select|insert|update|delete|replace|merge|values|table)\b(?!\s+as\b)")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def plain(sql: str, line_comment: str = "--") -> str:
    """Return the statement from its first word on, without comments.

    Args:
        sql: The statement.
        line_comment: A pattern for what begins a comment that ends with the line.
    """
    found = re.compile(rf"({_QUOTED})|(?:{line_comment})[^\n]*|{_BLOCK_COMMENT}", re.DOTALL | re.IGNORECASE)
    return found.sub(lambda each: each[1] or " ", sql).lstrip(string.whitespace + "(")


def bare(text: str) -> str:
    """Return a plain statement in lower case, quoted text blotted out: a word stands in `text` at the same place."""
    blotted = re.compile(_QUOTED, re.DOTALL).sub(lambda quoted: quoted[0][0] + "_" * (len(quoted[0]) - 1), text)
    return blotted.translate(_LOWER)


def masked(sql: str, quotes: str) -> str:
    """Return the statement with each text literal replaced by `'?'`; `quotes` are the characters that begin one."""
    found = re.compile(_QUOTED, re.DOTALL)
    return found.sub(lambda each: f"{each[0][0]}?{each[0][0]}" if each[0][0] in quotes else each[0], sql)


def after_with(words: str) -> str:
    """Return the main verb of a bare statement that begins with common table expressions; empty if it has none."""
    depth = 0
    for found in _VERB.finditer(words):
        word = found[0]
        if word in "()":
            depth += 1 if word == "(" else -1
        elif not depth:
            return word
    return ""


class Meanings:
    """What statements mean by how they begin: the first pattern that matches counts."""

    def __init__(self, patterns: dict[str, Statement], *, otherwise: Statement) -> None:
        self._pattern = re.compile("|".join(f"({pattern})" for pattern in patterns))
        self._meanings, self._otherwise = tuple(patterns.values()), otherwise

    def of(self, words: str) -> Statement:
        """Return the meaning of a bare statement."""
        found = self._pattern.match(words)
        return self._meanings[found.lastindex - 1] if found and found.lastindex else self._otherwise


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in their order, each once."""
    return tuple(dict.fromkeys(names))

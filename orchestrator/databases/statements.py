"""The effects of a statement on transaction and session, as the journal needs them. Each backend has a grammar."""

import enum
import functools
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


SHORT = 2000
"""Up to so many characters, a statement's meaning is remembered: revisions repeat such ones, and long ones would fill
the memory."""
LEFTOVER = "leftover"
"""What `look` returns of an object that a broken-off statement left unusable."""
UNKNOWN = "unknown"
"""What `look` returns where the login may not see the definition."""
VIEW = "view"
"""How that begins which `look` returns of a view: its text may change with the tables under it."""


class Kind(enum.Enum):
    """The kind of a statement, as far as its form proves it."""

    READ = "read"  # returns rows and changes nothing; its result is not stored
    WRITE = "write"  # changes rows in the open transaction and nothing besides; journalled in that transaction
    DEFINITION = "definition"  # changes what `objects` names; the catalogue shows whether it took effect
    SETTING = "setting"  # sets a session variable to a constant; run again on resume
    OPAQUE = "opaque"  # its form proves nothing: the revision is migrated, but not resumed after it
    ENVIRONMENT = "environment"  # queries what is the same in every session of this server; never journalled
    SAVEPOINT = "savepoint"  # never journalled; later statements may be rolled back to it
    COMMIT = "commit"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Statement:
    """One statement, and what its form proves.

    Attributes:
        objects: the objects that a DEFINITION defines, as words for the catalogue.
        databases: the databases that qualify its targets.
        needs_session: its result depends on the statement before it in this session.
        undoes: it rolls back to a savepoint.
        outside: its effects are outside every transaction: rows of MyISAM, a PRAGMA of SQLite.
        long_lock_wait_ok: its lock wait blocks no other session.
        compound: the text may contain several statements, and return several results.
        changes_user: afterwards the journal may not be writable.
        drops: it may drop tables, including the journal's.
    """

    kind: Kind
    objects: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    needs_session: bool = False
    undoes: bool = False
    outside: bool = False
    long_lock_wait_ok: bool = False
    compound: bool = False
    changes_user: bool = False
    drops: bool = False


class RecordedSession(Protocol):
    """The connected session, as the journal needs it; on the migrating connection and in its thread."""

    commits_definitions: bool
    """Whether a DEFINITION commits the open transaction first; else it must run outside of one."""
    savepoint: bool
    """Whether an error leaves the transaction unusable, so that only a savepoint can bring it back."""
    begins_late: bool
    """Whether the driver begins no transaction for definitions."""
    records_in_autocommit: bool
    """Whether a statement in autocommit mode can be wrapped in a transaction with its record, unnoticed."""
    impatience: str
    """SQL after which a session gives up soon when another one has a lock."""
    now: str
    """SQL for the time now, in UTC."""
    encoding: str
    """Python's name for the characters that can be written here."""

    def ask(self, sql: str) -> list[Any]:
        """Return all rows of our own query, inside the open transaction, if any."""

    def server(self) -> str:
        """Return name and version; a half-applied revision is resumed only on the same version."""

    def why_not_resumable(self) -> str:
        """Return why nothing can be proven after an interruption on this server; empty if it can."""

    def autocommit(self, *, again: bool = False) -> bool:
        """Return whether the next statement commits by itself; `again`: a statement may have changed that."""

    def state(self) -> Mapping[str, str]:
        """Return the session's settings by name, as the server reports them."""

    def restore(self, state: Mapping[str, str]) -> None:
        """Restore what no statement sets: the last generated key."""

    def read(self, sql: str) -> Statement:
        """Classify a statement."""

    def without_literals(self, sql: str) -> str:
        """Return the statement with its text literals masked, as it may be stored."""

    def look(self, subject: str) -> str:
        """Return a hash of the definition of an object in `Statement.objects`.

        Empty if it is undefined; or LEFTOVER, UNKNOWN.
        """

    def clear(self, subject: str) -> bool:
        """Drop what an interrupted DEFINITION has left; return False if it has left nothing."""

    def has_table(self, name: str, schema: str | None) -> bool:
        """Return whether a table exists; never fails in a transaction."""

    def begin(self) -> None:
        """Begin a transaction in a session in autocommit mode."""

    def before_write(self, sql: str) -> None:
        """Begin the transaction if the driver would not; only used if it `begins_late`."""

    def began_for_definitions(self) -> bool:
        """Return whether the driver would not have begun the open transaction by itself."""

    def mark(self) -> Any:
        """Return a mark of the open transaction."""

    def same_transaction(self, mark: Any) -> bool:
        """Ask the server whether the marked transaction is still open."""

    def lock_limit(self, seconds: float) -> "AbstractContextManager[None]":
        """Let one statement wait this long for a lock, inside this context; only used for `long_lock_wait_ok`."""

    def met_lock_limit(self, error: BaseException) -> bool:
        """Return whether a statement gave up waiting for a lock and did nothing."""

    def refuses_transactions(self, error: BaseException) -> bool:
        """Return whether a statement failed because it cannot run inside a transaction."""

    def lost_transaction(self, error: BaseException) -> bool:
        """Return whether the server rolled back the whole transaction, as for a deadlock."""


# Possessive, and for content with a missing end: matching time stays linear in the length.
_QUOTED = r"'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z)|\"(?:[^\"\\]|\\.|\"\")*+(?:\"|\\?\Z)|`(?:[^`]|``)*+(?:`|\Z)"
_BLOCK_COMMENT = r"/\*(?!!|m!).*?(?:\*/|\Z)"
_VERB = re.compile(r"[()]|\b(?:select|insert|update|delete|replace|values|table)\b(?!\s+as\b)")
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
    """Return a plain statement in lower case with quoted text blanked out; words keep their place in `text`."""
    blotted = re.compile(_QUOTED, re.DOTALL).sub(lambda quoted: quoted[0][0] + "_" * (len(quoted[0]) - 1), text)
    return blotted.translate(_LOWER)


def plain_and_bare(sql: str, line_comment: str = "--") -> tuple[str, str]:
    """Return the plain statement, and the bare one."""
    text = plain(sql, line_comment)
    return text, bare(text)


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
    """The meanings of statements by their beginning: the first matching pattern counts."""

    def __init__(self, patterns: dict[str, Statement], *, otherwise: Statement) -> None:
        self._text = "|".join(f"({pattern})" for pattern in patterns)
        self._meanings, self._otherwise = tuple(patterns.values()), otherwise

    @functools.cached_property
    def _pattern(self) -> "re.Pattern[str]":
        """Compile it when it is needed first: it takes 2 ms, and a revision of simple statements needs none."""
        return re.compile(self._text, re.DOTALL)

    def of(self, words: str) -> Statement:
        """Return the meaning of a bare statement."""
        found = self._pattern.match(words)
        return self._meanings[found.lastindex - 1] if found and found.lastindex else self._otherwise

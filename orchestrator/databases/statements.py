"""What a statement does to a transaction and a session, as the journal has to know it; the words are the backends'."""

import enum
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Kind(enum.Enum):
    """What becomes of a statement when its revision is interrupted and carried out again."""

    READ = "read"  # recorded; answered from the record
    WRITE = "write"  # recorded in its own transaction; answered from the record
    DEFINITION = "definition"  # ends the transaction, or runs outside of one; judged by what it defines
    SESSION = "session"  # recorded, and run again
    OPAQUE = "opaque"  # nobody can tell what it does: if its outcome is unknown, there is no resuming
    PASSING = "passing"  # about the session or the server as they are now: always run, never recorded
    SAVEPOINT = "savepoint"  # the same, and whatever comes after it may be undone
    COMMIT = "commit"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Statement:
    """One statement, as far as it is understood.

    Attributes:
        objects: what a DEFINITION defines; empty: running it twice does no harm.
        moves: for a DEFINITION that renames several of its objects: from and to, in their order.
        ripples: it may change the definitions of other objects as well: a renamed table is renamed in foreign keys.
        binds: what it leaves in the session that a later session cannot have, such as a temporary table.
        unbinds: what of that it takes away.
        needs_session: its answer depends on what this very session did before.
        undoes: it may undo a part of the transaction, back to a savepoint.
        outside: no transaction holds what it does, or it does nothing in one: rows of MyISAM, a PRAGMA of SQLite.
        gentle: nobody queues behind it while it waits for a lock, so that it may wait for long.
        compound: it may be several: whatever ends it, some of them may be done, and even committed.
    """

    kind: Kind
    objects: tuple[str, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    ripples: bool = False
    binds: str = ""
    unbinds: str = ""
    needs_session: bool = False
    undoes: bool = False
    outside: bool = False
    gentle: bool = False
    compound: bool = False


class RecordedSession(Protocol):
    """What the recorder has to know of the connected database; on the connection that migrates, in its thread."""

    commits_definitions: bool
    """Whether a DEFINITION first commits the transaction that it finds; else it must stand outside of one."""
    savepoint: bool
    """Whether an error leaves the transaction unusable, so that only a savepoint can bring it back."""
    now: str
    """SQL for the time now, in UTC."""
    encoding: str
    """What Python calls the characters that can be written here."""

    def schema(self) -> str | None:
        """Where unqualified names lead to now, and the journal's tables are; a revision may change that."""

    def server(self) -> str:
        """Name and version; what is half done is finished on the same only."""

    def why_not_resumable(self) -> str:
        """Why nothing can be proven after an interruption on this server; empty when it can."""

    def read(self, sql: str) -> Statement:
        """Understand a statement."""

    def look(self, subject: str) -> str:
        """A hash of how one of `Statement.objects` is defined now; empty when it does not exist."""

    def clear(self, subject: str) -> bool:
        """Remove the ruin that a broken off DEFINITION left of an object; False when there is none."""

    def begin(self) -> None:
        """Begin a transaction in a session that is in autocommit mode."""

    def before_write(self, sql: str) -> None:
        """Begin the transaction of a session that is not, where the driver would not."""

    def began_for_definitions(self) -> bool:
        """Whether the open transaction is one that the driver by itself would not have begun."""

    def in_transaction(self) -> bool:
        """Whether a transaction is open, as the server says."""

    def lock_limit(self, seconds: float) -> "AbstractContextManager[None]":
        """In here one statement may wait for a lock so long; only asked for what is gentle."""

    def met_lock_limit(self, error: BaseException) -> bool:
        """Whether a statement gave up waiting for a lock, having done nothing."""

    def refuses_transactions(self, error: BaseException) -> bool:
        """Whether a statement cannot be run inside a transaction at all."""

    def lost_transaction(self, error: BaseException) -> bool:
        """Whether the server rolled back the whole transaction for the sake of another one: a deadlock."""


# Possessive, and content with a missing end: no text takes longer than its length asks for.
_QUOTED = r"'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z)|\"(?:[^\"\\]|\\.|\"\")*+(?:\"|\\?\Z)|`(?:[^`]|``)*+(?:`|\Z)"
_BLOCK_COMMENT = r"/\*(?!!).*?(?:\*/|\Z)"
_VERB = re.compile(r"[()]|\b(?:select|insert|update|delete|replace|merge|values|table)\b(?!\s+as\b)")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def plain(sql: str, line_comment: str = "--") -> str:
    """The statement from its first word on, without comments.

    Args:
        sql: The statement.
        line_comment: A pattern for what begins a comment that ends with the line.
    """
    found = re.compile(rf"({_QUOTED})|(?:{line_comment})[^\n]*|{_BLOCK_COMMENT}", re.DOTALL)
    return found.sub(lambda each: each[1] or " ", sql).lstrip(string.whitespace + "(")


def bare(text: str) -> str:
    """A plain statement in lower case, what is quoted blotted out: a word in it stands in `text` at the same place."""
    blotted = re.compile(_QUOTED, re.DOTALL).sub(lambda quoted: quoted[0][0] + "_" * (len(quoted[0]) - 1), text)
    return blotted.translate(_LOWER)


def after_with(words: str) -> str:
    """The main verb of a bare statement that begins with common table expressions; empty if it has none."""
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
        """The meaning of a bare statement."""
        found = self._pattern.match(words)
        return self._meanings[found.lastindex - 1] if found and found.lastindex else self._otherwise


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """In their order, each once."""
    return tuple(dict.fromkeys(names))

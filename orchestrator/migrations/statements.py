"""What the running revision has done so far, statement by statement, and what of it is there to stay."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection


def _first_word(words: str) -> "re.Pattern[str]":
    return re.compile(rf"(?is)\s*(?:(?:--|#)[^\n]*\n\s*|/\*.*?\*/\s*)*(?:{words})\b")


_READING = "select|show|describe|desc|explain|pragma|set|use|values|savepoint|release|rollback|kill"
_READS = _first_word(f"{_READING}|begin|start")
# What MySQL, MariaDB and SQLite leave in the transaction; with any other statement they commit it (BEGIN included).
_STAYS_INSIDE = _first_word(f"{_READING}|insert|update|delete|replace|with|do")
_COMMITS = _first_word("commit|end")
_CONCURRENTLY = re.compile(r"(?i)\bindex\s+concurrently\b")


@dataclass
class Statements:
    """Counts the statements of one revision, as they succeed on the connection that migrates.

    Attributes:
        done: statements that succeeded.
        running: SQL of the one that runs, or that failed; empty between two.
        committed: whether something is in the database for good already, before the end of the revision.
        transactional_ddl: whether the database rolls DDL back, as Alembic knows it.
    """

    transactional_ddl: bool = True
    done: int = 0
    running: str = field(default="", repr=False)
    committed: bool = False
    _wrote: bool = False

    def start(self) -> None:
        """A new revision begins."""
        self.done, self.running, self.committed, self._wrote = 0, "", False, False

    def watch(self, connection: Connection) -> None:
        """Count on this connection from now on."""
        event.listen(connection, "before_cursor_execute", self._before)
        event.listen(connection, "after_cursor_execute", self._after)
        event.listen(connection, "commit", self._commit)

    def _before(self, connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.running = statement
        # The commit comes first, also when the statement then fails; a failed CREATE INDEX CONCURRENTLY leaves a ruin.
        if (self._wrote and self._commits(connection, statement)) or _CONCURRENTLY.search(statement):
            self.committed = True

    def _after(self, connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.done += 1
        self.running = ""
        self._wrote = self._wrote or not _READS.match(statement)
        if self._wrote and (self._commits(connection, statement) or _in_autocommit(connection)):
            self.committed = True

    def _commit(self, _connection: Any) -> None:
        if self._wrote:
            self.committed = True

    def _commits(self, connection: Connection, statement: str) -> bool:
        if self.transactional_ddl or _STAYS_INSIDE.match(statement):
            return bool(_COMMITS.match(statement))
        # SQLite commits DDL only where no change of rows has begun a transaction; the other drivers do not say.
        return not getattr(connection.connection.driver_connection, "in_transaction", False)


def _in_autocommit(connection: Connection) -> bool:
    driver = connection.connection.dbapi_connection
    try:
        return driver is not None and connection.dialect.detect_autocommit_setting(driver)
    except (AttributeError, NotImplementedError):  # SQLAlchemy before 2.0.43; a driver that does not tell
        return False

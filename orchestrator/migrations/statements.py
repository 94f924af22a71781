"""What the running revision has done so far, statement by statement."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

# Statements that MySQL, MariaDB and SQLite keep in the transaction or that change nothing; all others commit.
_HARMLESS = re.compile(
    r"(?i)\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
    r"(?:select|show|describe|desc|explain|pragma|set|use|with|insert|update|delete|replace|values|do|begin|start|savepoint|release|"
    r"rollback|kill)\b",
    re.DOTALL,
)


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

    def start(self) -> None:
        """A new revision begins."""
        self.done, self.running, self.committed = 0, "", False

    def watch(self, connection: Connection) -> None:
        """Count on this connection from now on."""
        event.listen(connection, "before_cursor_execute", self._before)
        event.listen(connection, "after_cursor_execute", self._after)
        event.listen(connection, "commit", self._commit)

    def _before(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.running = statement

    def _after(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.done += 1
        self.running = ""
        if not self.transactional_ddl and not _HARMLESS.match(statement):
            self.committed = True

    def _commit(self, _connection: Any) -> None:
        if self.done:
            self.committed = True

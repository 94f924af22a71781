"""Keeps env.py from changing the database while `status`, `plan` or `check` runs it.

env.py may create a schema, set a role or take a lock before Alembic reads anything. Its statements through SQLAlchemy
are checked. Reads and settings of the session are executed. An advisory lock is answered without being taken. All
others are not executed. See
https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_execute.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestrator.people.ddl.reading import without_comments, without_texts

READS = re.compile(
    r"(select|show|set(?!\s+(global|persist|persist_only|password|@@global)\b)|use|pragma|explain(?!\s+\(?analy[sz]e)"
    r"|desc|describe|begin|start\s+transaction|commit|rollback|savepoint|release|values|table|with)\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"with\b.*\b(insert|update|delete|merge)\b"  # PostgreSQL
    r"|select\b.*\binto\s+(?!@)"  # a new table, or a file
    r"|pragma\s+(\w+\.)?(journal_mode|user_version|application_id|auto_vacuum|page_size|encoding)\s*[=(]",
    re.IGNORECASE | re.DOTALL,
)
_LOCKS = re.compile(r"\b(get_lock|pg_(try_)?advisory_(xact_)?lock(_shared)?)\s*\(", re.IGNORECASE)
_TAKEN = "SELECT 1"
_HOOKS = ("do_execute", "do_executemany", "do_execute_no_params")


def changes(statement: str) -> bool:
    """Return whether a statement, or one of several in one text, may change what other sessions see."""
    return any(map(_one_changes, without_texts(without_comments(statement)).split(";")))


def _one_changes(statement: str) -> bool:
    bare = statement.strip()
    return bool(bare) and (not READS.match(bare) or bool(_WRITES.match(bare)))


class Guard:
    """Lets one thread execute only statements that read.

    Attributes:
        left_out: The statements that were not executed.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._thread = threading.get_ident()

    def answer_lock(  # as SQLAlchemy calls it
        self,
        _connection: Any,
        _cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        _many: bool,  # noqa: FBT001
    ) -> tuple[str, Any]:
        """Replace a query for a lock by a constant: the command must neither wait for a migration nor delay one."""
        if self._concerned and _LOCKS.search(statement):
            return _TAKEN, type(parameters)()
        return statement, parameters

    def leave_out(self, _cursor: Any, statement: str, *_: Any) -> bool:
        """Return whether SQLAlchemy must not execute the statement."""
        if not (self._concerned and changes(statement)):
            return False
        self.left_out.append(" ".join(statement.split()))
        return True

    @property
    def _concerned(self) -> bool:
        return threading.get_ident() == self._thread


@contextlib.contextmanager
def nothing_changed() -> Iterator[Guard]:
    """Let no engine of this thread change anything inside the block."""
    guard = Guard()
    event.listen(Engine, "before_cursor_execute", guard.answer_lock, retval=True)
    for name in _HOOKS:
        event.listen(Engine, name, guard.leave_out)
    try:
        yield guard
    finally:
        event.remove(Engine, "before_cursor_execute", guard.answer_lock)
        for name in _HOOKS:
            event.remove(Engine, name, guard.leave_out)

"""The session of a connected SQLite, as the journal needs it.

SQLite's DDL is transactional, but Python's driver begins a transaction only for changes of rows. So we begin one, and a
failed revision leaves nothing behind.
"""

import contextlib
import functools
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.databases.autocommit import autocommits
from orchestrator.databases.statements import SHORT, Kind, Meanings, Statement, after_with, bare, masked, plain

_SETTINGS = (
    "foreign_keys",
    "legacy_alter_table",
    "recursive_triggers",
    "ignore_check_constraints",
    "defer_foreign_keys",
)
_WORDS = Meanings(
    {
        r"(?:commit|end)\b": Statement(Kind.COMMIT),
        r"rollback\b(?!\s+(?:transaction\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.SAVEPOINT, undoes=True),
        r"begin\b": Statement(Kind.ENVIRONMENT, outside=True),
        r"(?:release|explain)\b": Statement(Kind.ENVIRONMENT),
        rf"pragma (?:\w+ ?\. ?)?(?:{'|'.join(_SETTINGS)}) ?=": Statement(Kind.SETTING, outside=True),
        r"pragma [\w. ]+(?:\(|;?$)": Statement(Kind.READ),
        r"(?:pragma|attach|detach|vacuum)\b": Statement(Kind.OPAQUE, outside=True),
        r"(?:select(?!.*\blast_insert_rowid\b)|values)\b": Statement(Kind.READ),
    },
    otherwise=Statement(Kind.WRITE),
)


def read(sql: str) -> Statement:
    """Classify a statement; an unknown one is a write, because its transaction contains all its effects."""
    words = " ".join(bare(plain(sql)).split())
    of_session = re.search(r"\b(?:last_insert_rowid|changes|total_changes)\b", words)
    main = f"{after_with(words)} {words}" if words.startswith("with ") else words
    return replace(_WORDS.of(main), needs_session=bool(of_session), drops="drop" in words)


recall = functools.lru_cache(maxsize=1024)(read)  # for SHORT statements


class SQLiteSession:
    """Implements `RecordedSession`."""

    commits_definitions = False
    savepoint = False
    begins_late = True
    records_in_autocommit = False  # after it, changes() would describe the journal's statement
    impatience = "PRAGMA busy_timeout = 0"
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    encoding = "utf-8"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection, self._driver = dbapi_connection, driver_connection
        self._rows = False

    def ask(self, sql: str) -> list[Any]:
        """Return all rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def server(self) -> str:
        """Return the library's version."""
        return f"sqlite {sqlite3.sqlite_version}"

    def why_not_resumable(self) -> str:
        """Return nothing: DDL is transactional."""
        return ""

    def autocommit(self, *, again: bool = False) -> bool:
        """Return whether statements commit by themselves; SQLAlchemy's recipe for SQLite emits BEGIN itself."""
        del again
        return autocommits(self._connection) and not self._driver.in_transaction

    def state(self) -> Mapping[str, str]:
        """Return settings, attached databases and temporary tables."""
        state = {name: str(self.ask(f"PRAGMA {name}")) for name in _SETTINGS}
        state["temporary tables"] = str(self.ask("SELECT name FROM sqlite_temp_master ORDER BY name"))
        state["databases"] = str([name for _, name, _ in self.ask("PRAGMA database_list") if name != "temp"])
        return state

    def restore(self, state: Mapping[str, str]) -> None:
        """Do nothing: no such state exists."""
        del state

    def read(self, sql: str) -> Statement:
        """Classify by the grammar."""
        return recall(sql) if len(sql) <= SHORT else read(sql)

    def without_literals(self, sql: str) -> str:
        """Mask text; a double quote begins a name."""
        return masked(sql, "'")

    def look(self, subject: str) -> str:
        """Return nothing: no definition here is outside a transaction."""
        del subject
        return ""

    def clear(self, subject: str) -> bool:
        """Return False: an interrupted statement leaves nothing."""
        del subject
        return False

    def has_table(self, name: str, schema: str | None) -> bool:
        """Ask the catalogue."""
        catalogue = f"{schema}.sqlite_master" if schema else "sqlite_master"
        return bool(self.ask(f"SELECT 1 FROM {catalogue} WHERE type = 'table' AND name = '{name}'"))  # noqa: S608

    def begin(self) -> None:
        """Begin a transaction, in autocommit mode too."""
        self.ask("BEGIN IMMEDIATE")

    def before_write(self, sql: str) -> None:
        """Begin a transaction.

        The driver does so for changes of rows only. DDL before them would stay if they fail.
        """
        if not self._driver.in_transaction:
            self.begin()
            self._rows = False
        self._rows = self._rows or bool(re.match(r"(?:insert|update|delete|replace)\b", plain(sql), re.IGNORECASE))

    def began_for_definitions(self) -> bool:
        """Return whether the driver would not have begun the current transaction by itself."""
        return bool(self._driver.in_transaction) and not self._rows

    def mark(self) -> Any:
        """Return whether a transaction is open."""
        return bool(self._driver.in_transaction)

    def same_transaction(self, mark: Any) -> bool:
        """Return whether one is still open: a single statement cannot end it and begin another."""
        return bool(mark and self._driver.in_transaction)

    def lock_limit(self, seconds: float) -> "contextlib.AbstractContextManager[None]":
        """Change nothing: every lock wait here blocks other sessions."""
        del seconds
        return contextlib.nullcontext()

    def met_lock_limit(self, error: BaseException) -> bool:
        """Return whether busy_timeout expired; earlier changes in the transaction stay."""
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY

    def refuses_transactions(self, error: BaseException) -> bool:
        """Return False: the grammar recognises such statements."""
        del error
        return False

    def lost_transaction(self, error: BaseException) -> bool:
        """Return False: the holder of the write lock keeps it."""
        del error
        return False

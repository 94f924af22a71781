"""What the journal asks a connected SQLite.

Its DDL is transactional, but Python's driver begins a transaction only for changes of rows. So we begin it, and a
revision leaves nothing behind when it fails.
"""

import contextlib
import functools
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.autocommit import autocommits
from orchestrator.databases.statements import Kind, Meanings, Statement, after_with, bare, masked, plain

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
        rf"pragma\s+(?:\w+\.)?(?:{'|'.join(_SETTINGS)})\s*=": Statement(Kind.SETTING, outside=True),
        r"pragma\s+[\w.]+\s*(?:\(|;?$)": Statement(Kind.READ),
        r"(?:pragma|attach|detach|vacuum)\b": Statement(Kind.OPAQUE, outside=True),
        r"(?:select(?!.*\blast_insert_rowid\b)|values)\b": Statement(Kind.READ),
    },
    otherwise=Statement(Kind.WRITE),
)


@functools.lru_cache(maxsize=1024)  # revisions repeat themselves
def read(sql: str) -> Statement:
    """Classify one statement; what is not known is a write: its transaction holds whatever it does."""
    words = " ".join(bare(plain(sql)).split())
    if re.match(r"with\b", words):
        return Statement(Kind.READ if after_with(words) in {"select", "values"} else Kind.WRITE)
    of_session = re.search(r"\b(?:last_insert_rowid|changes|total_changes)\b", words)
    return replace(_WORDS.of(words), needs_session=bool(of_session), drops="drop" in words)


class SQLiteSession:
    """See `RecordedSession`."""

    commits_definitions = False
    savepoint = False
    records_in_autocommit = False  # changes() would tell of the record
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    encoding = "utf-8"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection, self._driver = dbapi_connection, driver_connection
        self._rows = False

    def schema(self) -> str | None:
        """Return the default schema."""
        return None

    def server(self) -> str:
        """Return the library's version."""
        return f"sqlite {sqlite3.sqlite_version}"

    def why_not_resumable(self) -> str:
        """DDL is transactional."""
        return ""

    def autocommit(self, *, again: bool = False) -> bool:
        """Return whether nobody begins transactions; SQLAlchemy's recipe for SQLite has a BEGIN of its own."""
        del again
        return autocommits(self._connection) and not self._driver.in_transaction

    def state(self) -> Mapping[str, str]:
        """Return settings, attached databases and temporary tables."""
        state = {name: str(ask(self._connection, f"PRAGMA {name}")) for name in _SETTINGS}
        state["temporary tables"] = str(ask(self._connection, "SELECT name FROM sqlite_temp_master ORDER BY name"))
        state["databases"] = str(
            [name for _, name, _ in ask(self._connection, "PRAGMA database_list") if name != "temp"]
        )
        return state

    def restore(self, state: Mapping[str, str]) -> None:
        """Nothing is to be restored."""
        del state

    def read(self, sql: str) -> Statement:
        """Classify by the grammar."""
        return read(sql)

    def without_literals(self, sql: str) -> str:
        """Mask text; a double quote begins a name."""
        return masked(sql, "'")

    def look(self, subject: str) -> str:
        """Nothing here stands outside of transactions and defines something."""
        del subject
        return ""

    def clear(self, subject: str) -> bool:
        """Nothing is left by a broken-off statement."""
        del subject
        return False

    def has_table(self, name: str, schema: str | None) -> bool:
        """Ask the catalogue."""
        catalogue = f"{schema}.sqlite_master" if schema else "sqlite_master"
        return bool(ask(self._connection, f"SELECT 1 FROM {catalogue} WHERE type = 'table' AND name = '{name}'"))  # noqa: S608

    def begin(self) -> None:
        """Also in autocommit mode."""
        ask(self._connection, "BEGIN IMMEDIATE")

    def before_write(self, sql: str) -> None:
        """The driver would begin one for changes of rows only, and DDL before them would stay when they fail."""
        if not self._driver.in_transaction:
            self.begin()
            self._rows = False
        self._rows = self._rows or bool(re.match(r"(?:insert|update|delete|replace)\b", plain(sql), re.IGNORECASE))

    def began_for_definitions(self) -> bool:
        """Return whether the driver by itself would not be in a transaction now."""
        return bool(self._driver.in_transaction) and not self._rows

    def mark(self) -> Any:
        """Return whether one is open."""
        return bool(self._driver.in_transaction)

    def same_transaction(self, mark: Any) -> bool:
        """One statement cannot end it and begin another."""
        return bool(mark and self._driver.in_transaction)

    def lock_limit(self, seconds: float) -> "contextlib.AbstractContextManager[None]":
        """Every lock wait here blocks others."""
        del seconds
        return contextlib.nullcontext()

    def met_lock_limit(self, error: BaseException) -> bool:
        """After busy_timeout; what was done before in the transaction stays."""
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY

    def refuses_transactions(self, error: BaseException) -> bool:
        """Those are known by their words."""
        del error
        return False

    def lost_transaction(self, error: BaseException) -> bool:
        """Who has the write lock keeps it."""
        del error
        return False

"""What the recorder has to know of a connected SQLite.

Its DDL is transactional, but Python's driver begins a transaction only for changes of rows. So we begin it, and a
revision leaves nothing behind when it fails.
"""

import contextlib
import functools
import re
import sqlite3
from dataclasses import replace
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.statements import Kind, Meanings, Statement, after_with, bare, plain

_WORDS = Meanings(
    {
        r"(?:commit|end)\b": Statement(Kind.COMMIT),
        r"rollback\b(?!\s+(?:transaction\s+)?to\b)": Statement(Kind.ROLLBACK),
        r"savepoint\b": Statement(Kind.SAVEPOINT),
        r"rollback\b": Statement(Kind.PASSING, undoes=True),
        r"(?:begin|release|explain)\b": Statement(Kind.PASSING),
        r"pragma\s+[\w.]+\s*(?:\(|;?$)": Statement(Kind.PASSING),
        r"(?:pragma|attach|detach|vacuum)\b": Statement(Kind.SESSION, outside=True),
        r"create\s+temp(?:orary)?\b": Statement(Kind.WRITE, binds="a temporary table"),
        r"(?:select(?!.*\blast_insert_rowid\b)|values)\b": Statement(Kind.READ),
    },
    otherwise=Statement(Kind.WRITE),
)


@functools.lru_cache(maxsize=1024)  # revisions repeat themselves
def read(sql: str) -> Statement:
    """Understand one statement; what is not known is a write, as everything else is."""
    words = " ".join(bare(plain(sql)).split())
    if re.match(r"with\b", words):
        return Statement(Kind.READ if after_with(words) in {"select", "values"} else Kind.WRITE)
    return replace(_WORDS.of(words), needs_session="last_insert_rowid" in words)


class SQLiteSession:
    """See `RecordedSession`."""

    commits_definitions = False
    savepoint = False
    encoding = "utf-8"
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection, self._driver = dbapi_connection, driver_connection
        self._rows = False

    def schema(self) -> str | None:
        """There is no other."""
        return None

    def server(self) -> str:
        """The library's version."""
        return f"sqlite {sqlite3.sqlite_version}"

    def why_not_resumable(self) -> str:
        """DDL is transactional."""
        return ""

    def read(self, sql: str) -> Statement:
        """As the grammar says."""
        return read(sql)

    def look(self, subject: str) -> str:
        """Nothing here stands outside of transactions and defines something."""
        del subject
        return ""

    def clear(self, subject: str) -> bool:
        """No ruins."""
        del subject
        return False

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
        """Whether the driver by itself would not be in a transaction now."""
        return bool(self._driver.in_transaction) and not self._rows

    def in_transaction(self) -> bool:
        """As the driver says."""
        return bool(self._driver.in_transaction)

    def lock_limit(self, seconds: float) -> "contextlib.AbstractContextManager[None]":
        """Nothing here is gentle."""
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

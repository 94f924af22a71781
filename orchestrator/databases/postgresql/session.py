"""The session of a connected PostgreSQL, as the journal needs it."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.databases.autocommit import autocommits
from orchestrator.databases.postgresql.errors import sqlstate_of
from orchestrator.databases.postgresql.grammar import read, recall
from orchestrator.databases.statements import LEFTOVER, SHORT, Statement, masked

_QUOTE = "'"
_LOCK_NOT_AVAILABLE = "55P03"
_OUTSIDE_ONLY = {"25001", "2D000"}
_OTHERS_FAULT = {_LOCK_NOT_AVAILABLE, "40P01", "40001"}  # and deadlock, and serialization
_BEGUN, _IDLE = 2, 0  # psycopg2's connection.status, libpq's transaction status
_STATE = """
SELECT name, setting FROM pg_settings
WHERE source = 'session' AND name !~ 'timeout|keepalives|application_name'
UNION ALL SELECT 'current_user', current_user
UNION ALL SELECT 'temporary tables', string_agg(relname, ', ' ORDER BY relname)
FROM pg_class WHERE relnamespace = pg_my_temp_schema()
"""


class PostgreSQLSession:
    """Implements `RecordedSession`."""

    commits_definitions = False
    savepoint = True
    begins_late = False
    records_in_autocommit = True
    impatience = "SET lock_timeout = 1000"
    now = "timezone('utc', clock_timestamp())"

    def __init__(self, dbapi_connection: Any, driver_connection: Any) -> None:
        self._connection, self._driver = dbapi_connection, driver_connection
        characters = self.ask("SHOW server_encoding")[0][0]
        self.encoding = "utf-8" if characters == "UTF8" else "ascii"

    def ask(self, sql: str) -> list[Any]:
        """Return all rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def server(self) -> str:
        """Return nothing: definitions do not depend on the version."""
        return "postgresql"

    def why_not_resumable(self) -> str:
        """Return nothing: DDL is transactional."""
        return ""

    def autocommit(self, *, again: bool = False) -> bool:
        """Return True in autocommit mode, and after a COMMIT statement, which asyncpg and psycopg2 overlook."""
        del again
        if autocommits(self._connection):
            return True
        if hasattr(
            self._driver, "is_in_transaction"
        ):  # asyncpg, because SQLAlchemy's adapter knows only the transactions that it began
            begun = getattr(self._connection, "_started", None) or getattr(self._connection, "_transaction", None)
            return bool(begun and not self._driver.is_in_transaction())
        if hasattr(self._connection, "get_transaction_status"):
            return bool(self._connection.status == _BEGUN and self._connection.get_transaction_status() == _IDLE)
        return False

    def state(self) -> Mapping[str, str]:
        """Return the session's settings, its role, and its temporary tables."""
        return {str(name): str(setting or "") for name, setting in self.ask(_STATE)}

    def restore(self, state: Mapping[str, str]) -> None:
        """Do nothing: currval() fails in a new session."""
        del state

    def read(self, sql: str) -> Statement:
        """Classify by the grammar."""
        return recall(sql) if len(sql) <= SHORT else read(sql)

    def without_literals(self, sql: str) -> str:
        """Mask text; a double quote begins a name."""
        return masked(sql, "'")

    def look(self, subject: str) -> str:
        """Hash the definition of an index."""
        found = self._index(subject)
        if found and not found[1]:
            return LEFTOVER
        return hashlib.sha256(repr(tuple(found)).encode()).hexdigest()[:32] if found else ""

    def clear(self, subject: str) -> bool:
        """Drop an index that an interrupted CREATE INDEX CONCURRENTLY left invalid."""
        found = self._index(subject)
        if not found or found[1]:
            return False
        inside = not self.autocommit()
        for sql in ("COMMIT" if inside else "", f"DROP INDEX CONCURRENTLY {found[2]}", "BEGIN" if inside else ""):
            if sql:
                self.ask(sql)
        return True

    def has_table(self, name: str, schema: str | None) -> bool:
        """Ask the catalogue."""
        where = f"'{schema}'" if schema else "current_schema()"
        asked = f"SELECT 1 FROM pg_tables WHERE tablename = '{name}' AND schemaname = {where}"  # noqa: S608
        return bool(self.ask(asked))

    def begin(self) -> None:
        """Begin a transaction, in autocommit mode too."""
        self.ask("BEGIN")

    def before_write(self, sql: str) -> None:
        """Do nothing: the driver begins a transaction by itself."""
        del sql

    def began_for_definitions(self) -> bool:
        """Return False: the driver begins them."""
        return False

    def mark(self) -> Any:
        """Return the transaction's number; it exists once the journal has written."""
        return None if self.autocommit() else self.ask("SELECT txid_current_if_assigned()")[0][0]

    def same_transaction(self, mark: Any) -> bool:
        """Return whether the transaction still has the same number."""
        return mark is not None and mark == self.mark()

    @contextlib.contextmanager
    def lock_limit(self, seconds: float) -> Iterator[None]:
        """Raise the limit for CREATE INDEX CONCURRENTLY.

        It waits for every older transaction, and a timeout would make it start over.
        """
        before = self.ask("SHOW lock_timeout")[0][0]
        self.ask(f"SET lock_timeout = {max(1, round(seconds * 1000))}")
        try:
            yield
        finally:
            self.ask(f"SET lock_timeout = '{before}'")

    def met_lock_limit(self, error: BaseException) -> bool:
        """Return whether it is 55P03: lock_timeout."""
        return sqlstate_of(error) == _LOCK_NOT_AVAILABLE

    def refuses_transactions(self, error: BaseException) -> bool:
        """Return whether it is 25001 (VACUUM and the like) or 2D000 (a procedure that commits)."""
        return sqlstate_of(error) in _OUTSIDE_ONLY

    def lost_transaction(self, error: BaseException) -> bool:
        """Return whether it is an error without a fault of the revision; any error makes the transaction unusable."""
        return sqlstate_of(error) in _OTHERS_FAULT

    def _index(self, subject: str) -> Any:
        """Return an index's definition, validity and full name, found next to its table if that is known; or None."""
        name, _, table = subject.removeprefix("INDEX ").partition(" ON ")
        name = name.replace("'", "''")
        _, dot, plain = name.rpartition(".")
        where = f"index.oid = to_regclass('{name}')"
        if table and not dot:  # an index is in the schema of its table, with any search path
            table = table.replace(_QUOTE, _QUOTE * 2)
            place = f"SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{table}')"  # noqa: S608
            where = f"index.relname = (parse_ident('{plain}'))[1] AND index.relnamespace = ({place})"
        found = self.ask(
            f"""
            SELECT pg_get_indexdef(index.oid), state.indisvalid, format('%I.%I', place.nspname, index.relname)
            FROM pg_class AS index JOIN pg_index AS state ON state.indexrelid = index.oid
            JOIN pg_namespace AS place ON place.oid = index.relnamespace WHERE {where}
            """,  # noqa: S608  # names that the revision itself uses
        )
        return found[0] if found else None

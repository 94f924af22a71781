"""What the recorder has to know of a connected PostgreSQL."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from orchestrator.databases import ask
from orchestrator.databases.postgresql.errors import sqlstate_of
from orchestrator.databases.postgresql.grammar import read
from orchestrator.databases.statements import Statement

_QUOTE = "'"
_LOCK_NOT_AVAILABLE = "55P03"
_OUTSIDE_ONLY = {"25001", "2D000"}
_OTHERS_FAULT = {_LOCK_NOT_AVAILABLE, "40P01", "40001"}  # and deadlock, and serialization


class PostgreSQLSession:
    """See `RecordedSession`."""

    commits_definitions = False
    savepoint = True
    now = "timezone('utc', clock_timestamp())"

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        characters = ask(dbapi_connection, "SHOW server_encoding")[0][0]
        self.encoding = "utf-8" if characters == "UTF8" else "ascii"

    def schema(self) -> str | None:
        """The first schema of the search path that there is."""
        name: str | None = ask(self._connection, "SELECT current_schema()")[0][0]
        return name

    def server(self) -> str:
        """The database; its definitions here do not depend on the version."""
        return "postgresql"

    def why_not_resumable(self) -> str:
        """DDL is transactional."""
        return ""

    def read(self, sql: str) -> Statement:
        """As the grammar says."""
        return read(sql)

    def look(self, subject: str) -> str:
        """An index as it is defined, or the ruin of one."""
        found = self._index(subject)
        return hashlib.sha256(repr(tuple(found)).encode()).hexdigest()[:32] if found else ""

    def clear(self, subject: str) -> bool:
        """Drop an index that a broken off CREATE INDEX CONCURRENTLY left invalid."""
        found = self._index(subject)
        if not found or found[1]:
            return False
        inside = not self._connection.autocommit
        for sql in ("COMMIT" if inside else "", f"DROP INDEX CONCURRENTLY {found[2]}", "BEGIN" if inside else ""):
            if sql:
                ask(self._connection, sql)
        return True

    def begin(self) -> None:
        """Also in autocommit mode."""
        ask(self._connection, "BEGIN")

    def before_write(self, sql: str) -> None:
        """The driver begins one by itself."""
        del sql

    def began_for_definitions(self) -> bool:
        """Never."""
        return False

    def in_transaction(self) -> bool:
        """Only asked of what runs outside of one."""
        return False

    @contextlib.contextmanager
    def lock_limit(self, seconds: float) -> Iterator[None]:
        """CREATE INDEX CONCURRENTLY waits for every transaction that is older, and who gives up begins anew."""
        before = ask(self._connection, "SHOW lock_timeout")[0][0]
        ask(self._connection, f"SET lock_timeout = {max(1, round(seconds * 1000))}")
        try:
            yield
        finally:
            ask(self._connection, f"SET lock_timeout = '{before}'")

    def met_lock_limit(self, error: BaseException) -> bool:
        """55P03: lock_timeout."""
        return sqlstate_of(error) == _LOCK_NOT_AVAILABLE

    def refuses_transactions(self, error: BaseException) -> bool:
        """25001: VACUUM and the like; 2D000: a procedure that commits."""
        return sqlstate_of(error) in _OUTSIDE_ONLY

    def lost_transaction(self, error: BaseException) -> bool:
        """After any error it is unusable; after these nothing is wrong with the revision itself."""
        return sqlstate_of(error) in _OTHERS_FAULT

    def _index(self, subject: str) -> Any:
        """Definition, validity and full name of an index, found beside its table when that is known; else None."""
        name, _, table = subject.removeprefix("INDEX ").partition(" ON ")
        name = name.replace("'", "''")
        _, dot, plain = name.rpartition(".")
        where = f"index.oid = to_regclass('{name}')"
        if table and not dot:  # an index lives in the schema of its table, whatever the search path is
            table = table.replace(_QUOTE, _QUOTE * 2)
            place = f"SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{table}')"  # noqa: S608
            where = f"index.relname = (parse_ident('{plain}'))[1] AND index.relnamespace = ({place})"
        found = ask(
            self._connection,
            f"""
            SELECT pg_get_indexdef(index.oid), state.indisvalid, index.oid::regclass::text
            FROM pg_class AS index JOIN pg_index AS state ON state.indexrelid = index.oid WHERE {where}
            """,  # noqa: S608  # names that the revision itself uses
        )
        return found[0] if found else None

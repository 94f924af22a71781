"""PostgreSQL."""

import hashlib
import math
from typing import TYPE_CHECKING, Any

from orchestrator.databases import Holder, MigrationLock, row, rows
from orchestrator.databases.diagnosis import (
    BUSY,
    CREDENTIALS,
    LOST,
    OTHER,
    READ_ONLY,
    RIGHTS,
    STARTING,
    UNKNOWN_DATABASE,
    Cause,
    Diagnosis,
    Verdict,
    chain,
    innermost_message,
    of_system,
    unknown,
)

if TYPE_CHECKING:
    import ssl

    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

# SQLSTATEs, the whole code or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_CAUSES: dict[str, Cause] = {
    "08P01": OTHER,  # what pgbouncer says of nearly everything
    "08": LOST,
    "25006": READ_ONLY,
    "28": CREDENTIALS,
    "3D000": UNKNOWN_DATABASE,
    "40": BUSY,
    "42501": RIGHTS,
    "53": BUSY,
    "55P03": BUSY,
    "57P": STARTING,  # starting up, shutting down, crashed
}
_UNDEFINED_TABLE = "42P01"
_NO_TLS = Cause(
    Verdict.DOUBT,
    "protocol",
    "What answers there is no PostgreSQL, or it offers no TLS although DATABASE_SSL_CA or the URL asks for it.",
)


class PostgreSQL:
    """The backend."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """A verifying SSLContext when a CA is given; the URL's own `ssl` option otherwise."""
        return {} if tls is None else {"ssl": tls}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Such as 15.18."""
        return "postgresql", ".".join(str(part) for part in dialect.server_version_info or ())

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By SQLSTATE; asyncpg raises the system's own errors as they are."""
        state = _sqlstate(error)
        if state is None and "rejected SSL upgrade" in str(error):  # a mere ConnectionError
            return _NO_TLS.found("", innermost_message(error))
        if state is None:
            return of_system(error) or unknown(error)
        cause = _CAUSES.get(state) or _CAUSES.get(state[:3]) or _CAUSES.get(state[:2]) or OTHER
        return cause.found(state, _message(error))

    def is_missing_table(self, error: BaseException) -> bool:
        """SQLSTATE 42P01."""
        return _sqlstate(error) == _UNDEFINED_TABLE

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """A standby, or a server set to default_transaction_read_only, says `on`."""
        read_only = (await connection.exec_driver_sql("SELECT current_setting('transaction_read_only')")).scalar()
        await connection.rollback()
        if read_only == "on":
            raise ReadOnlyError

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """A session's advisory lock, polled.

        Waiting inside pg_advisory_lock would hold a snapshot, for which the holder's CREATE INDEX CONCURRENTLY waits:
        https://github.com/golang-migrate/migrate/issues/960.
        """
        return _AdvisoryLock(dbapi_connection)

    def cancel_sql(self, connection_id: int) -> str:
        """The statement ends with 57014 and its transaction rolls back."""
        return f"SELECT pg_cancel_backend({connection_id:d})"


class ReadOnlyError(Exception):
    """What the server would answer to the first write."""

    sqlstate = "25006"

    def __init__(self) -> None:
        super().__init__("the server takes no writes: it is a standby or default_transaction_read_only is on")


class _AdvisoryLock:
    pause_seconds = 0.2

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        database = row(dbapi_connection, "SELECT current_database()")[0]
        self.name = f"orchestrator:{database}"
        self._key = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], "big", signed=True)

    def prepare(self, *, ddl_lock_timeout_seconds: float) -> None:
        # The keepalives end the session of a host that vanished, and with it the lock, after about a minute.
        milliseconds = max(1, math.ceil(ddl_lock_timeout_seconds * 1000))
        for setting in (
            f"lock_timeout = {milliseconds}",
            "tcp_keepalives_idle = 30",
            "tcp_keepalives_interval = 10",
            "tcp_keepalives_count = 3",
        ):
            rows(self._connection, f"SET SESSION {setting}")
        self._check_client_while_it_works()

    def _check_client_while_it_works(self) -> None:
        """Let the server notice a dead client during a statement, and so free the lock (0.3 s against 8 s)."""
        supported = row(
            self._connection,
            "SELECT count(*) FROM pg_settings WHERE name = 'client_connection_check_interval'",
        )
        if supported[0]:
            rows(self._connection, "SET SESSION client_connection_check_interval = 500")

    def connection_id(self) -> int:
        return int(row(self._connection, "SELECT pg_backend_pid()")[0])

    def try_acquire(self) -> bool:
        return bool(row(self._connection, f"SELECT pg_try_advisory_lock({self._key})")[0])

    def holder(self) -> Holder:
        found = row(
            self._connection,
            f"""
            SELECT activity.pid, activity.usename, host(activity.client_addr), left(activity.query, 300),
                   extract(epoch FROM clock_timestamp() - activity.query_start)
            FROM pg_locks AS held JOIN pg_stat_activity AS activity ON activity.pid = held.pid
            WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
              AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND held.classid::bigint = {(self._key >> 32) & 0xFFFFFFFF}
              AND held.objid::bigint = {self._key & 0xFFFFFFFF}
            """,  # noqa: S608  # two integers of ours
        )
        if found is None:
            return Holder()
        process, user, address, statement, seconds = found
        return Holder(f"process {process} of {user}@{address or 'local'}", str(statement or ""), float(seconds or 0))

    def release(self) -> None:
        rows(self._connection, f"SELECT pg_advisory_unlock({self._key})")


def _sqlstate(error: BaseException) -> str | None:
    for each in chain(error):
        state = getattr(each, "sqlstate", None) or getattr(each, "pgcode", None)
        if isinstance(state, str):
            return state
    return None


def _message(error: BaseException) -> str:
    """The server's words, without the class name that SQLAlchemy's asyncpg dialect puts before them."""
    for each in chain(error):
        if type(each).__module__.startswith("asyncpg"):
            return innermost_message(each)
    return innermost_message(error)


BACKEND = PostgreSQL()

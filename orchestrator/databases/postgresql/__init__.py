"""PostgreSQL."""

from typing import TYPE_CHECKING, Any

from orchestrator.databases import MigrationLock, ask
from orchestrator.databases.diagnosis import POOLER, Diagnosis
from orchestrator.databases.postgresql.errors import diagnose, sqlstate_of
from orchestrator.databases.postgresql.lock import AdvisoryLock

if TYPE_CHECKING:
    import ssl

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases.observation import Observation
    from orchestrator.databases.statements import RecordedSession

_UNDEFINED_TABLE = "42P01"
_ROUNDS = 3


class PostgreSQL:
    """The backend."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """A verifying SSLContext when a CA is given; the URL's own `ssl` option otherwise.

        Statements stay unnamed: behind a pool a name is unknown, or somebody else's, in the next transaction.
        """
        unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
        return unnamed if tls is None else unnamed | {"ssl": tls}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Such as 15.18."""
        return "postgresql", ".".join(str(part) for part in dialect.server_version_info or ())

    def identity(self, dbapi_connection: Any) -> str:
        """The cluster's system identifier, or its address where that may not be read; and the database."""
        asked = (
            "SELECT has_function_privilege('pg_control_system()', 'execute'), current_database(), "
            "concat_ws(':', inet_server_addr(), inet_server_port(), pg_postmaster_start_time())"
        )
        readable, database, server = ask(dbapi_connection, asked)[0]
        if readable:
            server = ask(dbapi_connection, "SELECT system_identifier FROM pg_control_system()")[0][0]
        return f"{server}/{database}"

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> Diagnosis:
        """By SQLSTATE."""
        return diagnose(error, url)

    def is_missing_table(self, error: BaseException) -> bool:
        """SQLSTATE 42P01."""
        return sqlstate_of(error) == _UNDEFINED_TABLE

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """A standby, or a server set to default_transaction_read_only, says `on`."""
        read_only = (await connection.exec_driver_sql("SELECT current_setting('transaction_read_only')")).scalar()
        await connection.rollback()
        if read_only == "on":
            raise ReadOnlyError

    async def why_not_lockable(self, connection: "AsyncConnection", other: "AsyncConnection") -> Diagnosis | None:
        """A pool that shares sessions gives one connection another backend in its next transaction, or two the same.

        A pool that goes round shows it by the first, one that hands out what was used last by the second; in some
        rounds, as its other clients interfere.
        """
        ours, theirs = set(), set()
        for _ in range(_ROUNDS):
            ours |= {await _backend_of(connection), await _backend_of(connection)}
            theirs.add(await _backend_of(other))
        if len(ours) == len(theirs) == 1 and ours != theirs:
            return None
        seen = ", ".join(str(each) for each in sorted(ours | theirs))
        return POOLER.found(
            "", f"two connections of ours did not get one session each, but took turns in the backends {seen}"
        )

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """A session's advisory lock, polled.

        Waiting inside pg_advisory_lock would hold a snapshot, for which the holder's CREATE INDEX CONCURRENTLY waits:
        https://github.com/golang-migrate/migrate/issues/960.
        """
        return AdvisoryLock(dbapi_connection)

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """See `PostgreSQLSession`."""
        from orchestrator.databases.postgresql.session import PostgreSQLSession

        return PostgreSQLSession(dbapi_connection, driver_connection)

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """See `postgresql.watching`."""
        from orchestrator.databases.postgresql.watching import observe

        return await observe(connection, connection_id)

    def cancel_sql(self, connection_id: int) -> str:
        """The statement ends with 57014 and its transaction rolls back."""
        return f"SELECT pg_cancel_backend({connection_id:d})"


class ReadOnlyError(Exception):
    """What the server would answer to the first write."""

    sqlstate = "25006"

    def __init__(self) -> None:
        super().__init__("the server takes no writes: it is a standby or default_transaction_read_only is on")


async def _backend_of(connection: "AsyncConnection") -> int:
    """The server process of one transaction."""
    process: int = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
    await connection.rollback()
    return process


BACKEND = PostgreSQL()

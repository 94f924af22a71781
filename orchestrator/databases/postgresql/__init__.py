"""PostgreSQL."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from orchestrator.databases import ask

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import MigrationLock
    from orchestrator.databases.diagnosis import Diagnosis
    from orchestrator.databases.observation import Observation
    from orchestrator.databases.statements import RecordedSession

_UNDEFINED_TABLE, _DUPLICATE_TABLE = "42P01", "42P07"
_ROUNDS = 10  # with three, one check missed a busy round-robin pool, seen once on a loaded machine
_ENDS = "SELECT host(inet_client_addr()), inet_client_port(), host(inet_server_addr()), inet_server_port()"
_SCHEMA_OF = (
    "SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE c.oid = to_regclass(quote_ident('{table}'))"
)


class PostgreSQL:
    """The backend."""

    # Unique violation (of its catalogue), duplicate schema, table, object, serialization failure, deadlock.
    collisions = frozenset({"23505", "42P06", "42P07", "42710", "40001", "40P01"})
    errors_end_transactions = True

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """Return a verifying SSLContext if a CA is given; otherwise the URL's own `ssl` option applies.

        Statements stay unnamed: behind a pooler, the next transaction may not know a name, or know another statement by
        it.
        """
        unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
        return unnamed if tls is None else unnamed | {"ssl": tls}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Return name and version, such as 15.18."""
        return "postgresql", ".".join(str(part) for part in dialect.server_version_info or ())

    def identity(self, dbapi_connection: Any) -> str:
        """Return the cluster's system identifier, or its address if that is not readable; and the database."""
        asked = (
            "SELECT has_function_privilege('pg_control_system()', 'execute'), current_database(), "
            "concat_ws(':', inet_server_addr(), inet_server_port(), pg_postmaster_start_time())"
        )
        readable, database, server = ask(dbapi_connection, asked)[0]
        if readable:
            server = ask(dbapi_connection, "SELECT system_identifier FROM pg_control_system()")[0][0]
        return f"{server}/{database}"

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> "Diagnosis":
        """Return the diagnosis by SQLSTATE."""
        from orchestrator.databases.postgresql.errors import diagnose

        return diagnose(error, url)

    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether it is SQLSTATE 42P01."""
        return _sqlstate_of(error) == _UNDEFINED_TABLE

    def is_existing_table(self, error: BaseException) -> bool:
        """Return whether it is SQLSTATE 42P07."""
        return _sqlstate_of(error) == _DUPLICATE_TABLE

    async def check_readable(self, connection: "AsyncConnection") -> None:
        """Do nothing: the login has shown it."""
        del connection

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Raise if transaction_read_only is `on`: a standby, or a server with default_transaction_read_only."""
        read_only = (await connection.exec_driver_sql("SELECT current_setting('transaction_read_only')")).scalar()
        await connection.rollback()
        if read_only == "on":
            raise ReadOnlyError

    async def why_not_lockable(self, connection: "AsyncConnection") -> "Diagnosis | None":
        """Return whether a pooler shares sessions: a connection changes its backend, or two have the same one.

        A round-robin pooler shows the first, a last-used-first pooler the second. Several rounds are needed, because
        its other clients interfere. A connection that is the server's own needs no second one: the login may have one.
        """
        if await _is_direct(connection):
            return None
        ours, theirs = set(), set()
        async with connection.engine.connect() as other:
            for _ in range(_ROUNDS):
                ours |= {await _backend_of(connection), await _backend_of(connection)}
                theirs.add(await _backend_of(other))
        if len(ours) == len(theirs) == 1 and ours != theirs:
            return None
        seen = ", ".join(str(each) for each in sorted(ours | theirs))
        from orchestrator.databases.diagnosis import POOLER

        return POOLER.found(
            "", f"two connections of ours did not get one session each, but took turns in the backends {seen}"
        )

    def lock(self, dbapi_connection: Any) -> "MigrationLock":
        """Return a session-level advisory lock, polled.

        Waiting inside pg_advisory_lock would hold a snapshot, for which the holder's CREATE INDEX CONCURRENTLY waits:
        https://github.com/golang-migrate/migrate/issues/960.
        """
        from orchestrator.databases.postgresql.lock import AdvisoryLock

        return AdvisoryLock(dbapi_connection)

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """Return a `PostgreSQLSession`."""
        from orchestrator.databases.postgresql.session import PostgreSQLSession

        return PostgreSQLSession(dbapi_connection, driver_connection)

    def default_schema(self, dbapi_connection: Any) -> str | None:
        """Return the first schema of the search path that exists."""
        found: str | None = ask(dbapi_connection, "SELECT current_schema()")[0][0]
        return found

    def schema_of(self, dbapi_connection: Any, table: str) -> str | None:
        """Return the first schema of the search path that has the table."""
        found = ask(dbapi_connection, _SCHEMA_OF.format(table=table.replace("'", "''")))
        return found[0][0] if found else None

    def local_settings_kept(self, dbapi_connection: Any) -> AbstractContextManager[None]:
        """Keep what `SET LOCAL` has set."""
        from orchestrator.databases.postgresql.local_settings import local_settings_kept

        return local_settings_kept(dbapi_connection)

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """Return what `postgresql.watching` sees."""
        from orchestrator.databases.postgresql.watching import observe

        return await observe(connection, connection_id)

    async def show_life(self, connection: "AsyncConnection", connection_ids: "Sequence[int]") -> None:
        """Do nothing: keepalives show it."""
        del connection, connection_ids

    def cancel_sql(self, connection_id: int) -> str:
        """Return pg_cancel_backend: the statement ends with 57014 and its transaction rolls back."""
        return f"SELECT pg_cancel_backend({connection_id:d})"


def _sqlstate_of(error: BaseException) -> str | None:
    from orchestrator.databases.postgresql.errors import sqlstate_of

    return sqlstate_of(error)


class ReadOnlyError(Exception):
    """The error that the server would give to the first write."""

    sqlstate = "25006"

    def __init__(self) -> None:
        super().__init__("the server takes no writes: it is a standby or default_transaction_read_only is on")


async def _is_direct(connection: "AsyncConnection") -> bool:
    """Return whether the server sees the same two addresses and ports as our socket, so that nothing is in between."""
    client, client_port, server, server_port = tuple((await connection.exec_driver_sql(_ENDS)).one())
    await connection.rollback()
    pooled = await connection.get_raw_connection()
    from orchestrator.databases.sockets import is_direct

    return is_direct(pooled.dbapi_connection, (client, client_port), (server, server_port))


async def _backend_of(connection: "AsyncConnection") -> int:
    """Return the server process of a new transaction."""
    process: int = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
    await connection.rollback()
    return process


BACKEND = PostgreSQL()

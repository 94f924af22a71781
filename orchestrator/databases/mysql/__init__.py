"""MySQL and MariaDB."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestrator.address.drivers import DRIVERS
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

_NO_SUCH_TABLE, _TABLE_EXISTS = 1146, 1050


@event.listens_for(Engine, "do_connect")
def _encode_password(dialect: "Dialect", _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
    """Encode the password as UTF-8, as other clients do, for the app too; some drivers would use Latin-1."""
    if driver := DRIVERS.get(dialect.driver):
        key = driver.password_key
        if password := parameters.get(key):
            parameters[key] = driver.passwords.encoded(password)


class MySQL:
    """The backend for both: they differ only in name."""

    # Duplicate database, table, changed row, deadlock, changed definition, definition being changed.
    collisions = frozenset({"1007", "1050", "1020", "1213", "1412", "1684"})
    errors_end_transactions = False

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """Return a verifying SSLContext if a CA is given; otherwise the URL's own `ssl_*` options apply."""
        return {} if tls is None else {"ssl": tls}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """Return the server's own name, which may differ from the URL's."""
        version = ".".join(str(part) for part in dialect.server_version_info or ())
        return "mariadb" if getattr(dialect, "is_mariadb", False) else "mysql", version

    def identity(self, dbapi_connection: Any) -> str:
        """Return the server's UUID (MySQL) or UID (MariaDB from 10.10), and the database.

        Older servers are identified by host name, port and data directory. See
        https://mariadb.com/kb/en/server-system-variables/ on `server_uid`.
        """
        names = "'server_uuid', 'server_uid', 'hostname', 'port', 'datadir'"
        found = dict(ask(dbapi_connection, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
        server = found.get("server_uuid") or found.get("server_uid")
        server = server or ":".join(str(found.get(name)) for name in ("hostname", "port", "datadir"))
        return f"{server}/{ask(dbapi_connection, 'SELECT DATABASE()')[0][0]}"

    def diagnose(self, error: BaseException, url: "URL | None" = None) -> "Diagnosis":
        """Return the diagnosis by error code."""
        from orchestrator.databases.mysql.errors import diagnose

        return diagnose(error, url)

    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether it is error 1146."""
        return _code_of(error) == _NO_SUCH_TABLE

    def is_existing_table(self, error: BaseException) -> bool:
        """Return whether it is error 1050."""
        return _code_of(error) == _TABLE_EXISTS

    async def check_readable(self, connection: "AsyncConnection") -> None:
        """Do nothing: the login has shown it."""
        del connection

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Ask for a writing transaction, which fails with 1290 or 1792 exactly if our writes would fail.

        @@read_only is less exact: it does not bind users with READ_ONLY ADMIN. Aurora's readers have read_only=0 and
        refuse only DDL (1836): https://github.com/go-sql-driver/mysql/issues/1660.
        """
        await connection.exec_driver_sql("START TRANSACTION READ WRITE")
        reader = (await connection.exec_driver_sql("SELECT @@innodb_read_only")).scalar()
        await connection.rollback()
        if reader:
            raise ReadOnlyError(1836, "Running in read-only mode (innodb_read_only)")

    async def why_not_lockable(self, connection: "AsyncConnection") -> "Diagnosis | None":
        """Return a diagnosis on a cluster, where GET_LOCK is local to a node.

        See https://mariadb.com/kb/en/mariadb-galera-cluster-known-limitations/. Poolers that know MySQL keep a session
        together from its first GET_LOCK on.
        """
        asked = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_provider')"
        found = (await connection.exec_driver_sql(asked)).mappings()
        variables = {each["Variable_name"]: each["Value"] for each in found}
        await connection.rollback()
        if variables.get("wsrep_on") == "ON" and variables.get("wsrep_provider", "none") != "none":
            from orchestrator.databases.diagnosis import CLUSTER

            return CLUSTER.found("", "the server is a node of a Galera cluster (wsrep_on = ON)")
        return None

    def lock(self, dbapi_connection: Any) -> "MigrationLock":
        """Return a GET_LOCK lock, which ends with the session and survives commits, including DDL's implicit ones."""
        from orchestrator.databases.mysql.lock import NamedLock

        return NamedLock(dbapi_connection)

    def recorded(self, dbapi_connection: Any, driver_connection: Any) -> "RecordedSession":
        """Return a `MySQLSession`."""
        from orchestrator.databases.mysql.session import MySQLSession

        return MySQLSession(dbapi_connection, driver_connection)

    def default_schema(self, dbapi_connection: Any) -> str | None:
        """Return the current database."""
        found: str | None = ask(dbapi_connection, "SELECT DATABASE()")[0][0]
        return found

    def schema_of(self, dbapi_connection: Any, table: str) -> str | None:
        """Return the current database."""
        del table
        return self.default_schema(dbapi_connection)

    def local_settings_kept(self, dbapi_connection: Any) -> AbstractContextManager[None]:
        """Do nothing: settings belong to the session."""
        del dbapi_connection
        return nullcontext()

    async def observe(self, connection: "AsyncConnection", connection_id: int) -> "Observation":
        """Return what `mysql.watching` sees."""
        from orchestrator.databases.mysql.watching import observe

        return await observe(connection, connection_id)

    async def show_life(self, connection: "AsyncConnection", connection_ids: "Sequence[int]") -> None:
        """Hold locks in the name of these sessions, see `mysql.life`."""
        from orchestrator.databases.mysql.life import show

        await show(connection, connection_ids)

    def cancel_sql(self, connection_id: int) -> str:
        """Return KILL QUERY: the statement ends with 1317; the session and its lock stay."""
        return f"KILL QUERY {connection_id:d}"


def _code_of(error: BaseException) -> int | None:
    from orchestrator.databases.mysql.errors import code_of

    return code_of(error)


class ReadOnlyError(Exception):
    """The server's variables show that later writes would fail."""


BACKEND = MySQL()

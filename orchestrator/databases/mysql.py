"""MySQL and MariaDB."""

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestrator.databases import Holder, MigrationLock, row, rows
from orchestrator.databases.diagnosis import (
    BUSY,
    CREDENTIALS,
    LOST,
    OTHER,
    PROTOCOL,
    READ_ONLY,
    RIGHTS,
    STARTING,
    TLS,
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

_BLOCKED = Cause(
    Verdict.REFUSE,
    "blocked",
    "The server blocks this host after too many broken connections: FLUSH HOSTS (or TRUNCATE host_cache) there.",
)
# Server errors: https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html; 2xxx are the client's own.
_CAUSES = {
    **dict.fromkeys((2002, 2003, 2006, 2013, 2014, 2055, 1158, 1159, 1160, 1161, 1184), LOST),
    **dict.fromkeys((1053, 1077, 1078, 1079, 1080, 3032, 1047), STARTING),  # 1047: a Galera node that is not ready
    **dict.fromkeys((1040, 1203, 1226, 1205, 1213, 9001), BUSY),  # 9001: ProxySQL reaches no server
    **dict.fromkeys((1290, 1792, 1836, 3100), READ_ONLY),  # 1836: Aurora with innodb_read_only
    **dict.fromkeys((1045, 1130, 1251, 1698, 1820, 1862, 2059, 2061, 3118), CREDENTIALS),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), RIGHTS),
    1049: UNKNOWN_DATABASE,
    1129: _BLOCKED,
    **dict.fromkeys((2026, 3159, 1043), TLS),
    **dict.fromkeys((2007, 2027, 2054), PROTOCOL),
}
_NO_SUCH_TABLE = 1146


@event.listens_for(Engine, "do_connect")
def _encode_password(dialect: "Dialect", _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
    """Passwords are UTF-8, as those of other clients: asyncmy would make Latin-1 of them. For the app's engines too."""
    if dialect.driver == "asyncmy" and isinstance(parameters.get("password"), str):
        parameters["password"] = parameters["password"].encode()


class MySQL:
    """The backend for both: they differ in names only."""

    def connect_args(self, tls: "ssl.SSLContext | None") -> dict[str, Any]:
        """A verifying SSLContext when a CA is given; the URL's own `ssl_*` options otherwise."""
        return {} if tls is None else {"ssl": tls}

    def describe(self, dialect: "Dialect") -> tuple[str, str]:
        """The server's own name, whatever the URL calls it."""
        version = ".".join(str(part) for part in dialect.server_version_info or ())
        return "mariadb" if getattr(dialect, "is_mariadb", False) else "mysql", version

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By error code; 2003 stands for everything that a TCP or TLS connect can meet, so the cause decides."""
        code = _code(error)
        if (code is None or 2000 <= code < 3000) and (of := of_system(error)):  # noqa: PLR2004  # the client's codes
            return of
        if code is None:
            return unknown(error)
        return _CAUSES.get(code, OTHER).found(code, _message(error))

    def is_missing_table(self, error: BaseException) -> bool:
        """Error 1146."""
        return _code(error) == _NO_SUCH_TABLE

    async def check_writable(self, connection: "AsyncConnection") -> None:
        """Ask for a writing transaction: refused with 1290 or 1792 exactly when our writes would be.

        Better than reading @@read_only, which does not bind users with READ_ONLY ADMIN. Aurora's readers have
        read_only=0 and refuse only DDL (1836): https://github.com/go-sql-driver/mysql/issues/1660.
        """
        await connection.exec_driver_sql("START TRANSACTION READ WRITE")
        reader = (await connection.exec_driver_sql("SELECT @@innodb_read_only")).scalar()
        await connection.rollback()
        if reader:
            raise ReadOnlyError(1836, "Running in read-only mode (innodb_read_only)")

    def lock(self, dbapi_connection: Any) -> MigrationLock:
        """GET_LOCK, which ends with the session and survives commits, the implicit ones of DDL included."""
        return _NamedLock(dbapi_connection)

    def cancel_sql(self, connection_id: int) -> str:
        """The statement ends with 1317; the session and its lock stay."""
        return f"KILL QUERY {connection_id:d}"


class ReadOnlyError(Exception):
    """The server's variables say what its errors would say later."""


class _NamedLock:
    pause_seconds = 0.01  # GET_LOCK itself waits; but not if it fails

    def __init__(self, dbapi_connection: Any) -> None:
        self._connection = dbapi_connection
        self.name = _lock_name(row(dbapi_connection, "SELECT DATABASE()")[0] or "")

    def prepare(self, *, ddl_lock_timeout_seconds: float) -> None:
        seconds = max(1, math.ceil(ddl_lock_timeout_seconds))
        # lock_wait_timeout is a day (MariaDB) or a year (MySQL) by default. wait_timeout: after a host vanished without
        # closing its connection, the lock is free in 15 minutes and not in 8 hours.
        rows(
            self._connection,
            f"SET SESSION lock_wait_timeout={seconds}, innodb_lock_wait_timeout={seconds}, wait_timeout=900",
        )

    def connection_id(self) -> int:
        return int(row(self._connection, "SELECT CONNECTION_ID()")[0])

    def try_acquire(self) -> bool:
        # 1: ours; 0: not within a second; NULL: killed or out of memory. Only 1 is yes.
        return bool(row(self._connection, f"SELECT GET_LOCK('{self.name}', 1)")[0] == 1)

    def holder(self) -> Holder:
        held_by = row(self._connection, f"SELECT IS_USED_LOCK('{self.name}')")[0]
        if held_by is None:
            return Holder()
        for identity, user, host, _database, _command, seconds, _state, statement in (
            each[:8] for each in rows(self._connection, "SHOW FULL PROCESSLIST")
        ):
            if identity == held_by:
                return Holder(f"connection {held_by} of {user}@{host}", str(statement or "")[:300], float(seconds or 0))
        return Holder(f"connection {held_by}")

    def release(self) -> None:
        rows(self._connection, f"SELECT RELEASE_LOCK('{self.name}')")


def _lock_name(database: str) -> str:
    """Locks are the server's, not the schema's: the name tells the schema. At most 64 characters, whatever they are."""
    plain = re.sub(r"[^a-z0-9_.-]", "_", database.lower())[:40]
    if plain != database:
        plain += "-" + hashlib.sha256(database.encode()).hexdigest()[:8]
    return f"orchestrator:{plain}"


def _code(error: BaseException) -> int | None:
    for each in chain(error):
        if each.args and isinstance(each.args[0], int) and not isinstance(each, OSError):
            return each.args[0]
    return None


def _message(error: BaseException) -> str:
    for each in chain(error):
        if len(each.args) > 1 and isinstance(each.args[0], int):
            return " ".join(str(each.args[1]).split())[:500] or innermost_message(error)
    return innermost_message(error)


BACKEND = MySQL()

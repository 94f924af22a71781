"""What PostgreSQL's and SQLite's errors mean, and which of all backends' means that a table is missing."""

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import asyncpg
import psycopg2.errors
import pytest
from sqlalchemy.exc import InterfaceError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import Diagnosis, Verdict
from tests.unit.driver_errors import caused, found, mariadb_connector, mysql, wrapped

RETRY, DOUBT, REFUSE = Verdict.RETRY, Verdict.DOUBT, Verdict.REFUSE


@pytest.mark.parametrize(
    ("error", "verdict", "error_type", "code"),
    [
        (asyncpg.CannotConnectNowError("the database system is starting up"), RETRY, "starting", "57P03"),
        (asyncpg.AdminShutdownError("terminating connection"), RETRY, "starting", "57P01"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients"), RETRY, "busy", "53300"),
        (asyncpg.DiskFullError("could not extend file"), RETRY, "storage", "53100"),
        (asyncpg.LockNotAvailableError("canceling statement due to lock timeout"), RETRY, "busy", "55P03"),
        (asyncpg.SerializationError("could not serialize"), RETRY, "busy", "40001"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute"), RETRY, "read_only", "25006"),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), RETRY, "connection_lost", "08003"),
        (asyncpg.InvalidPasswordError("password authentication failed"), REFUSE, "credentials", "28P01"),
        (asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"), REFUSE, "credentials", "28000"),
        (asyncpg.InvalidCatalogNameError('database "x" does not exist'), REFUSE, "unknown_database", "3D000"),
        (asyncpg.InsufficientPrivilegeError("permission denied"), REFUSE, "rights", "42501"),
        (asyncpg.ProtocolViolationError("no such user"), DOUBT, "other", "08P01"),
        (asyncpg.QueryCanceledError("canceling statement"), DOUBT, "other", "57014"),
        (asyncpg.UndefinedTableError("relation does not exist"), DOUBT, "other", "42P01"),
        (asyncpg.InterfaceError("unexpected number of attributes"), DOUBT, "protocol", ""),
        (asyncpg.InternalClientError("unexpected"), DOUBT, "protocol", ""),
        (psycopg2.errors.lookup("57P03")("starting up"), DOUBT, "protocol", ""),
    ],
)
def test_postgresqls_states_mean_what_its_manual_says(
    error: BaseException, verdict: Verdict, error_type: str, code: str
) -> None:
    """The class of a state, if the state itself is not listed."""
    for given in (
        error,
        wrapped(error),
        wrapped(caused(RuntimeError(f"<class 'asyncpg'>: {error}"), error), InterfaceError),
    ):
        diagnosis = found("postgresql", given)
        assert (diagnosis.verdict, diagnosis.error_type, diagnosis.error_code) == (verdict, error_type, code)


def test_postgresqls_own_words_are_reported_and_not_sqlalchemys() -> None:
    """The dialect puts the class's name before them."""
    inner = asyncpg.InvalidPasswordError('password authentication failed for user "app"')
    middle = caused(Exception(f"<class 'asyncpg.exceptions.InvalidPasswordError'>: {inner}"), inner)
    assert found("postgresql", wrapped(middle)).error_message == str(inner)


def sqlite_error(path: str, *, script: str = "SELECT 1") -> sqlite3.Error:
    """Return a real error of SQLite."""
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.executescript(script)
    except sqlite3.Error as error:
        return error
    raise AssertionError("it succeeded")


def test_sqlites_own_errors_are_understood(tmp_path: Path) -> None:
    """A missing directory, a file with other content, a locked file."""
    file, text = tmp_path / "app.db", tmp_path / "notes.txt"
    text.write_text("no database " * 100)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.executescript("CREATE TABLE t (id); BEGIN EXCLUSIVE")
    for error, verdict, error_type in (
        (sqlite_error("/nowhere/app.db"), REFUSE, "unknown_database"),
        (sqlite_error(str(text), script="SELECT * FROM sqlite_master"), REFUSE, "protocol"),
        (sqlite_error(str(file), script="SELECT * FROM t"), RETRY, "busy"),
        (sqlite_error(":memory:", script="SELEKT"), DOUBT, "other"),
        (sqlite3.OperationalError("attempt to write a readonly database"), REFUSE, "rights"),
        (sqlite3.DatabaseError("database disk image is malformed"), REFUSE, "protocol"),
    ):
        diagnosis = found("sqlite", wrapped(error))
        assert (diagnosis.verdict, diagnosis.error_type) == (verdict, error_type)
    holder.close()
    assert found("sqlite", TimeoutError()).error_type == "busy"
    assert found("sqlite", ValueError("x")).error_type == "configuration"


@pytest.mark.parametrize(
    ("backend", "error"),
    [
        ("mysql", mysql(1146, "Table 'x.alembic_version' doesn't exist")),
        ("mysql", mariadb_connector(1146, "Table 'x.alembic_version' doesn't exist")),
        ("postgresql", asyncpg.UndefinedTableError('relation "alembic_version" does not exist')),
        ("sqlite", sqlite3.OperationalError("no such table: alembic_version")),
    ],
)
def test_a_missing_table_is_distinguished_from_everything_else(backend: str, error: Exception) -> None:
    """An empty database is to be migrated, not refused."""
    assert backend_for(backend).is_missing_table(wrapped(error))
    assert not backend_for(backend).is_missing_table(wrapped(RuntimeError("else")))
    assert not backend_for(backend).is_missing_table(TimeoutError())


async def _error_of_check(reader: int) -> Diagnosis | None:
    """Return what is wrong with a server whose @@innodb_read_only is this."""
    backend, connection = backend_for("mysql"), AsyncMock()
    connection.exec_driver_sql.return_value = Mock(scalar=lambda: reader)
    try:
        await backend.check_writable(connection)
    except Exception as error:  # noqa: BLE001  # whatever it is
        return backend.diagnose(error)
    finally:
        connection.rollback.assert_awaited_once_with()
    return None


async def test_a_reader_of_aurora_takes_no_writes() -> None:
    """It begins a transaction that writes, and refuses only definitions: a migration would fail late."""
    assert await _error_of_check(reader=0) is None
    refused = await _error_of_check(reader=1)
    assert refused
    assert (refused.verdict, refused.error_type, refused.error_code) == (RETRY, "read_only", 1836)

"""What a failed attempt means, by the drivers' own exceptions, as each of them was met."""

import asyncio
import socket
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import asyncmy.errors
import asyncpg
import psycopg2.errors
import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import Diagnosis, Verdict, chain, innermost_message

SOON, RETRY, DOUBT, REFUSE = Verdict.RETRY_SOON, Verdict.RETRY, Verdict.DOUBT, Verdict.REFUSE


def wrapped(error: BaseException, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    """The error as SQLAlchemy raises it, with SQL and parameters."""
    found = kind("SELECT secret FROM users WHERE id = ?", {"id": "hunter2"}, error)
    found.__cause__ = error
    return found


def caused(error: Exception, cause: BaseException) -> Exception:
    """The error, raised from its cause."""
    error.__cause__ = cause
    return error


def mysql(code: int, message: str = "words", cause: BaseException | None = None) -> Exception:
    """An error of asyncmy."""
    error: Exception = asyncmy.errors.OperationalError(code, message)
    return caused(error, cause) if cause else error


def found(backend: str, error: BaseException) -> Diagnosis:
    """The diagnosis, which must be fit for an event."""
    diagnosis = backend_for(backend).diagnose(error)
    assert diagnosis.error_type.replace("_", "").isalpha()
    assert "\n" not in diagnosis.error_message
    assert 0 < len(diagnosis.error_message) <= 600
    assert "hunter2" not in repr(diagnosis)
    return diagnosis


# What the system says, whatever the driver.
CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
SYSTEM: list[tuple[BaseException, Verdict, str]] = [
    (ConnectionRefusedError(111, "Connection refused"), SOON, "refused"),
    (FileNotFoundError(2, "No such file", "/run/mysqld/mysqld.sock"), SOON, "refused"),
    (socket.gaierror(-2, "Name or service not known"), RETRY, "dns"),
    (TimeoutError(), RETRY, "timeout"),
    (TimeoutError(110, "Connection timed out"), RETRY, "timeout"),
    (ConnectionResetError(104, "Connection reset by peer"), RETRY, "connection_lost"),
    (BrokenPipeError(32, "Broken pipe"), RETRY, "connection_lost"),
    (asyncio.IncompleteReadError(b"", 4), RETRY, "connection_lost"),
    (OSError(113, "No route to host"), RETRY, "network"),
    (PermissionError(13, "Permission denied"), RETRY, "network"),
    (CERTIFICATE, REFUSE, "tls"),
    (ssl.SSLError(1, "wrong version number"), REFUSE, "tls"),
]


@pytest.mark.parametrize(("error", "verdict", "error_type"), SYSTEM)
@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
@pytest.mark.parametrize("around", ["alone", "wrapped", "caused"])
def test_the_systems_errors_are_understood_wherever_they_stand(
    backend: str, around: str, error: BaseException, verdict: Verdict, error_type: str
) -> None:
    """A driver raises them, wraps them, or raises its own from them."""
    if around == "wrapped":
        error = wrapped(error)
    elif around == "caused":
        error = caused(RuntimeError("connection failed"), error)
    diagnosis = found(backend, error)
    assert (diagnosis.verdict, diagnosis.error_type) == (verdict, error_type)


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (ValueError("invalid option"), "configuration"),
        (TypeError("connect() got an unexpected keyword argument 'foo'"), "configuration"),
        (asyncpg.ClientConfigurationError("sslmode parameter must be one of"), "configuration"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "protocol"),
        (IndexError("index out of range"), "protocol"),
        (RuntimeError(), "protocol"),
    ],
)
@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_what_no_table_knows_is_a_doubt_that_names_itself(backend: str, error: Exception, error_type: str) -> None:
    """A driver that meets no database raises whatever its parser does; one that is misused says so in its way."""
    diagnosis = found(backend, error)
    assert (diagnosis.verdict, diagnosis.error_type, diagnosis.error_code) == (DOUBT, error_type, "")
    assert diagnosis.error_message.startswith(f"{type(error).__name__}: ")


@pytest.mark.parametrize(
    ("code", "verdict", "error_type"),
    [
        (1040, RETRY, "busy"),
        (1203, RETRY, "busy"),
        (1205, RETRY, "busy"),
        (9001, RETRY, "busy"),
        (1053, RETRY, "starting"),
        (3032, RETRY, "starting"),
        (1047, RETRY, "starting"),
        (1290, RETRY, "read_only"),
        (1792, RETRY, "read_only"),
        (1836, RETRY, "read_only"),
        (2013, RETRY, "connection_lost"),
        (2006, RETRY, "connection_lost"),
        (2003, RETRY, "connection_lost"),
        (1045, REFUSE, "credentials"),
        (1130, REFUSE, "credentials"),
        (1698, REFUSE, "credentials"),
        (2059, REFUSE, "credentials"),
        (1049, REFUSE, "unknown_database"),
        (1044, REFUSE, "rights"),
        (1142, REFUSE, "rights"),
        (1129, REFUSE, "blocked"),
        (3159, REFUSE, "tls"),
        (2026, REFUSE, "tls"),
        (2027, DOUBT, "protocol"),
        (1064, DOUBT, "other"),
        (99999, DOUBT, "other"),
    ],
)
def test_mysqls_codes_mean_what_its_manual_says(code: int, verdict: Verdict, error_type: str) -> None:
    """From either driver, wrapped or not."""
    for error in (mysql(code), wrapped(mysql(code)), wrapped(pymysql.err.OperationalError(code, "words"))):
        diagnosis = found("mysql", error)
        assert (diagnosis.verdict, diagnosis.error_type, diagnosis.error_code) == (verdict, error_type, code)
        assert diagnosis.error_message == "words"


@pytest.mark.parametrize(("cause", "verdict", "error_type"), SYSTEM)
def test_behind_mysqls_2003_the_cause_decides(cause: BaseException, verdict: Verdict, error_type: str) -> None:
    """`Can't connect` stands for everything that TCP and TLS can meet."""
    for code in (2003, 2013):
        diagnosis = found("mysql", wrapped(mysql(code, "Can't connect to MySQL server on 'db'", cause)))
        assert (diagnosis.verdict, diagnosis.error_type) == (verdict, error_type)


def test_the_servers_own_code_counts_more_than_what_happened_on_the_way() -> None:
    """`Too many connections`, then it closes the connection."""
    assert found("mysql", mysql(1040, "Too many connections", ConnectionResetError())).error_type == "busy"


def test_a_certificate_counts_more_than_the_connection_it_cost() -> None:
    """Else a wrong CA is retried for five minutes as a lost connection."""
    error = caused(ConnectionResetError(104, "reset"), CERTIFICATE)
    assert found("mysql", mysql(2013, "Lost connection", error)).error_type == "tls"


@pytest.mark.parametrize(
    ("error", "verdict", "error_type", "code"),
    [
        (asyncpg.CannotConnectNowError("the database system is starting up"), RETRY, "starting", "57P03"),
        (asyncpg.AdminShutdownError("terminating connection"), RETRY, "starting", "57P01"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients"), RETRY, "busy", "53300"),
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
    """The class of a state where the state itself says no more."""
    for given in (
        error,
        wrapped(error),
        wrapped(caused(RuntimeError(f"<class 'asyncpg'>: {error}"), error), InterfaceError),
    ):
        diagnosis = found("postgresql", given)
        assert (diagnosis.verdict, diagnosis.error_type, diagnosis.error_code) == (verdict, error_type, code)


def test_postgresqls_own_words_are_told_and_not_sqlalchemys() -> None:
    """The dialect puts the class's name before them."""
    inner = asyncpg.InvalidPasswordError('password authentication failed for user "app"')
    middle = caused(Exception(f"<class 'asyncpg.exceptions.InvalidPasswordError'>: {inner}"), inner)
    assert found("postgresql", wrapped(middle)).error_message == str(inner)


def sqlite_error(path: str, *, script: str = "SELECT 1") -> sqlite3.Error:
    """What SQLite really says."""
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.executescript(script)
    except sqlite3.Error as error:
        return error
    raise AssertionError("it succeeded")


def test_sqlites_own_errors_are_understood(tmp_path: Path) -> None:
    """A directory that is not there, a file that is something else, one that is locked."""
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
        ("postgresql", asyncpg.UndefinedTableError('relation "alembic_version" does not exist')),
        ("sqlite", sqlite3.OperationalError("no such table: alembic_version")),
    ],
)
def test_a_missing_table_is_told_from_everything_else(backend: str, error: Exception) -> None:
    """An empty database is to be migrated, not refused."""
    assert backend_for(backend).is_missing_table(wrapped(error))
    assert not backend_for(backend).is_missing_table(wrapped(RuntimeError("else")))
    assert not backend_for(backend).is_missing_table(TimeoutError())


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Two exceptions that name each other as their causes."""
    one, other = ValueError("one"), KeyError("other")
    one.__cause__, other.__context__ = other, one
    assert list(chain(one)) == [one, other]


def test_a_message_is_one_line_of_the_drivers_own_words() -> None:
    """SQLAlchemy's frame holds the parameters; some drivers have no words at all."""
    assert innermost_message(wrapped(ValueError("two\n  lines"))) == "two lines"
    assert innermost_message(wrapped(ValueError())) == "ValueError"
    assert len(innermost_message(ValueError("x" * 9_000))) == 500

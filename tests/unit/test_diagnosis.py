"""The meaning of a failed attempt: the system's errors in every driver, MySQL's codes, and unknown errors."""

import asyncio
import socket
import ssl

import asyncpg
import pymysql
import pytest

from orchestrator.databases.diagnosis import Verdict, chain, innermost_message
from tests.unit.driver_errors import caused, found, mariadb_connector, mysql, wrapped

SOON, RETRY, DOUBT, REFUSE = Verdict.RETRY_SOON, Verdict.RETRY, Verdict.DOUBT, Verdict.REFUSE

# The system's errors, in any driver.
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
    """A driver that meets no database raises any error of its parser; a misused one reports that in its way."""
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
        (1021, RETRY, "storage"),
        (1114, RETRY, "storage"),
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
        (2059, REFUSE, "authentication"),
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
    """From any driver, wrapped or not."""
    others = pymysql.err.OperationalError(code, "words"), mariadb_connector(code)
    for error in (mysql(code), wrapped(mysql(code)), *map(wrapped, others)):
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

"""Decides what a failed attempt to reach a database means: try again, or give up."""

import enum
import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy.exc import StatementError

from orchestrator.patterns import pattern
from orchestrator.sentences import text_of


class Verdict(enum.Enum):
    """What to do about a failed attempt."""

    RETRY_SOON = "it costs the server nothing: try again quickly"
    RETRY = "it may pass: try again, gently"
    DOUBT = "it looks permanent, but a server on its way up may look like this: refuse after a few in a row"
    REFUSE = "it will not pass: trying again only hides the cause"


class Diagnosis(NamedTuple):
    """A failed attempt and what it means."""

    verdict: Verdict
    error_type: str
    error_code: int | str
    error_message: str
    hint: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the fields of a failure event."""
        return {
            "error_type": self.error_type,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "hint": self.hint,
        }


class Cause(NamedTuple):
    """A row of a backend's table: what an error code means."""

    verdict: Verdict
    error_type: str
    hint: str = ""

    def found(self, code: int | str, message: str) -> Diagnosis:
        """Return this cause as a diagnosis, with `code` and `message`."""
        return Diagnosis(self.verdict, self.error_type, code, message, self.hint)


CREDENTIALS = Cause(
    Verdict.REFUSE,
    "credentials",
    (
        "Correct the user or the password, or the hosts that the user may connect from. A server that "
        "requires TLS may give the same error: see DATABASE_SSL_CA."
    ),
)
AUTHENTICATION = Cause(
    Verdict.REFUSE,
    "authentication",
    "The user logs in by a method that the driver does not have: install the package that the message names, or let "
    "the user log in by another (caching_sha2_password on MySQL, scram-sha-256 on PostgreSQL).",
)
UNKNOWN_DATABASE = Cause(
    Verdict.REFUSE,
    "unknown_database",
    "Create the database, or correct its name in the settings. A start does not create it.",
)
RIGHTS = Cause(
    Verdict.REFUSE,
    "rights",
    "Grant the user the rights that it lacks, or give migrations a user of their own with MIGRATION_DATABASE_URL.",
)
TLS = Cause(
    Verdict.REFUSE,
    "tls",
    (
        "DATABASE_SSL_CA must be the CA that signed the server's certificate, and the certificate must "
        "be for this host name."
    ),
)
NO_TLS = Cause(
    Verdict.REFUSE,
    "tls",
    "The server offers no TLS, and DATABASE_SSL_CA or the address asks for it: switch TLS on in the server, or leave "
    "the option out where the network is trusted.",
)
STARTING = Cause(Verdict.RETRY, "starting")
BUSY = Cause(
    Verdict.RETRY,
    "busy",
    "Raise the connection limit of the server, or make the connection pools of its clients smaller.",
)
STORAGE = Cause(
    Verdict.RETRY, "storage", "The database has no space left: enlarge its storage, or free some, and start again."
)
READ_ONLY = Cause(
    Verdict.RETRY,
    "read_only",
    "The server is a replica, or a failover is in progress. If this does not end, use the address of the writer.",
)
LOST = Cause(
    Verdict.RETRY,
    "connection_lost",
    "Something closes the connection: a proxy without a database behind it, or a firewall.",
)
TIMEOUT = Cause(
    Verdict.RETRY,
    "timeout",
    (
        "There is no answer from this address: check security group and network, and that a database "
        "listens there. ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS limits one attempt."
    ),
)
REFUSED = Cause(
    Verdict.RETRY_SOON,
    "refused",
    "Nothing listens on this port: check that the database is running, and that host and port are right.",
)
DNS = Cause(Verdict.RETRY, "dns", "The host name does not resolve: correct it, or fix the DNS of the network.")
NETWORK = Cause(
    Verdict.RETRY, "network", "Check the route and the security group between this process and the database."
)
PROTOCOL = Cause(
    Verdict.DOUBT,
    "protocol",
    "The server at this address does not speak the protocol of this database: correct host, port or driver.",
)
CONFIGURATION = Cause(Verdict.DOUBT, "configuration", "The driver rejects the options of the URL: correct them.")
POOLER = Cause(
    Verdict.REFUSE,
    "pooler",
    "A pool in front of the server shares its sessions, and migrations need one of their own: give "
    "MIGRATION_DATABASE_URL the server's own address, or let the pool keep sessions (pgbouncer: pool_mode = session).",
)
CLUSTER = Cause(
    Verdict.REFUSE,
    "cluster",
    "Each node of the cluster has locks of its own, so replicas cannot keep out of each other's way: set "
    "ORCHESTRATOR_MIGRATE=false for the services, and run `alembic upgrade head` in one job before they are deployed.",
)
OTHER = Cause(
    Verdict.DOUBT,
    "other",
    "The orchestrator does not know this error of the database: look it up in the documentation of the database.",
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, the driver's own error inside it, and their causes."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "orig", None), each.__cause__, each.__context__]


def statement_of(error: BaseException) -> str:
    """Return the SQL that failed, if SQLAlchemy ran it."""
    return next((each.statement or "" for each in chain(error) if isinstance(each, StatementError)), "")


def innermost_message(error: BaseException) -> str:
    """Return the driver's own message in one line, without SQLAlchemy's prefix, SQL and parameters."""
    origin = getattr(error, "orig", None) or error
    fields = origin.args[0] if origin.args else None  # pg8000 puts the server's fields there, in a dictionary
    text = fields.get("M", "") if isinstance(fields, dict) else text_of(origin)
    return " ".join(text.split())[:500] or type(origin).__name__


def of_system(error: BaseException) -> Diagnosis | None:
    """Return the diagnosis if the network or the operating system failed, by the most specific cause in the chain."""
    causes = list(chain(error))
    for words, cause in _TLS_TEXTS:
        if found := next((each for each in causes if words.search(text_of(each))), None):
            return cause.found(getattr(found, "errno", None) or "", innermost_message(error))
    for kind, cause in _SYSTEM:
        for each in causes:
            if isinstance(each, kind):
                code = getattr(each, "errno", None) or ""
                found_cause = LOST if cause is NETWORK and code in _GONE else cause
                return found_cause.found(code, _system_message(each, error))
    if any(isinstance(each, RuntimeError) and _CLOSED.search(text_of(each)) for each in causes):
        return LOST.found("", innermost_message(error))
    return None


def _system_message(cause: BaseException, error: BaseException) -> str:
    if isinstance(cause, TimeoutError) and not str(cause):
        return "no answer in time"
    if isinstance(cause, ConnectionError) and cause.errno:
        return os.strerror(cause.errno)  # asyncio's own text repeats the address
    return " ".join(str(cause).split()) or innermost_message(error)


# libpq and some drivers report TLS errors in words only. A peer that answers TLS in clear text has the "wrong version".
_TLS_TEXTS = (
    (
        pattern("WRONG_VERSION_NUMBER|offers no TLS|SSL is required|does not support SSL|refuses SSL"),
        NO_TLS,
    ),
    (pattern("SSL error: certificate|does not match host name|root certificate"), TLS),
)

# Messages of drivers and uvloop if the peer closed the connection at once: a server without free connections.
_CLOSED = pattern(r"does not expose socket|closed=True|handler is closed|transport is closed")

# Errors after the peer closed the connection during the connect.
_GONE = {errno.ENOTCONN, errno.EBADF, errno.ESHUTDOWN}

# The order matters: certificate errors, timeouts and failed lookups are all OSErrors.
_SYSTEM: tuple[tuple[type[BaseException], Cause], ...] = (
    (ssl.SSLError, TLS),
    (ssl.CertificateError, TLS),
    (TimeoutError, TIMEOUT),
    (socket.gaierror, DNS),
    (ConnectionRefusedError, REFUSED),
    (ConnectionError, LOST),
    (EOFError, LOST),
    (FileNotFoundError, REFUSED),  # the Unix socket does not exist yet
    (OSError, NETWORK),
)


_NO_METHOD = pattern("package is required|authentication method|Authentication plugin")


_OPTION = pattern(r"Character set '.*' unsupported|invalid (?:value for parameter|connection option|\w+ value)")


def unknown(error: BaseException) -> Diagnosis:
    """Return the diagnosis of an error that no table lists."""
    if _OPTION.search(text_of(error)):
        return CONFIGURATION.found("", innermost_message(error))
    if _NO_METHOD.search(text_of(error)):
        return AUTHENTICATION.found("", innermost_message(error))
    mistaken = isinstance(error, TypeError | ValueError | AttributeError) and not isinstance(error, UnicodeError)
    cause = CONFIGURATION if mistaken else PROTOCOL
    return cause.found("", f"{type(error).__name__}: {innermost_message(error)}")

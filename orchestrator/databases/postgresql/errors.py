"""The errors of PostgreSQL, and what they mean."""

from typing import Any

from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError

from orchestrator.databases.diagnosis import (
    BUSY,
    CREDENTIALS,
    DNS,
    LOST,
    NETWORK,
    OTHER,
    POOLER,
    READ_ONLY,
    REFUSED,
    RIGHTS,
    STARTING,
    STORAGE,
    TIMEOUT,
    UNKNOWN_DATABASE,
    Cause,
    Diagnosis,
    Verdict,
    chain,
    innermost_message,
    of_system,
    statement_of,
    unknown,
)
from orchestrator.patterns import pattern
from orchestrator.sentences import text_of

# SQLSTATEs, complete or by class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_CAUSES: dict[str, Cause] = {
    "08P01": OTHER,  # pgbouncer uses it for nearly every error
    "08": LOST,
    "25006": READ_ONLY,
    "26000": POOLER,  # the statement was prepared in another session
    "42P05": POOLER,  # another client of the pooler prepared it in this session
    "28": CREDENTIALS,
    "3D000": UNKNOWN_DATABASE,
    "40": BUSY,
    "42501": RIGHTS,
    "53": BUSY,
    "53100": STORAGE,
    "55P03": BUSY,
    "57P": STARTING,  # starting up, shutting down, crashed
}
_IN_WORDS = ("psycopg", "pg8000")
_TEXTS = (
    (pattern("Connection refused"), REFUSED),
    (pattern("could not translate host name|Name or service not known|failed to resolve host"), DNS),
    (pattern("timeout expired|Connection timed out|connection timeout"), TIMEOUT),
    (pattern("No route to host|Network is unreachable"), NETWORK),
    (
        pattern(
            "server closed the connection|connection (?:is|already) (?:closed|lost)|the connection is (?:closed|lost)|"
            "network error|Connection reset|Broken pipe|no connection to the server|SSL SYSCALL error|"
            "SSL connection has been closed|lost synchronization"
        ),
        LOST,
    ),
)
_NO_TLS = Cause(
    Verdict.DOUBT,
    "protocol",
    "The server offers no TLS, and DATABASE_SSL_CA or the address asks for it; or it is no PostgreSQL at all.",
)


def diagnose(error: BaseException, url: URL | None = None) -> Diagnosis:
    """Return the diagnosis by SQLSTATE; asyncpg raises the system's own errors unchanged."""
    state = sqlstate_of(error)
    if state is None and "rejected SSL upgrade" in str(
        error
    ):  # asyncpg's message for any unexpected answer of the peer
        return _NO_TLS.found("", innermost_message(error))
    if state is None:
        return of_system(error) or _of_text(error) or unknown(error)
    if "statement pooling mode" in text_of(error):  # it allows no transactions
        return POOLER.found(state, _message(error))
    cause = _CAUSES.get(state) or _CAUSES.get(state[:3]) or _CAUSES.get(state[:2]) or OTHER
    found = cause.found(state, _message(error))
    if cause is not RIGHTS:
        return found
    from orchestrator.databases.postgresql.rights import grant  # few starts need it

    return found._replace(hint=grant(found.error_message, statement_of(error), url))


def _of_text(error: BaseException) -> Diagnosis | None:
    """Return the diagnosis of a connection that libpq or pg8000 lost or could not make, by its message only."""
    message = _message(error)
    if not any(isinstance(each, DBAPIError) or type(each).__module__.startswith(_IN_WORDS) for each in chain(error)):
        return None
    for words, cause in _TEXTS:
        if words.search(message):
            return cause.found("", message)
    lost = any(isinstance(each, DBAPIError) and each.connection_invalidated for each in chain(error))
    return LOST.found("", message) if lost else None


def sqlstate_of(error: BaseException) -> str | None:
    """Return the server's SQLSTATE, from any error in the chain."""
    for each in chain(error):
        state = getattr(each, "sqlstate", None) or getattr(each, "pgcode", None) or _field(each, "C")
        if isinstance(state, str):
            return state
    return None


def _message(error: BaseException) -> str:
    """Return the server's message, without the class name that SQLAlchemy's asyncpg dialect puts before it."""
    for each in chain(error):
        if type(each).__module__.startswith("asyncpg"):
            return innermost_message(each)
    return innermost_message(error)


def _field(error: BaseException, name: str) -> Any:
    """Return a field of the server's message; pg8000 has only a dictionary of them."""
    fields = error.args[0] if error.args else None
    return fields.get(name) if isinstance(fields, dict) else None

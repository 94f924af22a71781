"""Waits for a database: attempts within a budget, each with a time limit, each failure diagnosed."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from orchestrator.address.mysql_tls import unverified
from orchestrator.databases import Backend, backend_for
from orchestrator.databases.diagnosis import CREDENTIALS, NO_TLS, Cause, Diagnosis, Verdict, chain
from orchestrator.databases.interruption import Interrupted
from orchestrator.databases.pauses import SOON_SECONDS, Lines, Pauses
from orchestrator.dialects import is_file
from orchestrator.errors import DatabaseRefused, DatabaseUnreachable, StartupError
from orchestrator.events import DatabaseRetryScheduled, Emit
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.iam import TokenError
from orchestrator.runtime.concurrency import finished
from orchestrator.runtime.exhaustion import is_exhaustion

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
_logger = logging.getLogger(__name__)
_IGNORED = (
    "The option %s of the database's address has no counterpart in %s, with which the orchestrator itself connects: it "
    "waits and looks without it. The app and env.py keep it."
)
Look = Callable[["AsyncConnection", Backend], Awaitable[T]]

DOUBTS = 3  # this many permanent-looking errors in a row before they count
_FILE_SECONDS = 1.0  # for the thread of SQLite's driver, which reports to this loop: it must not be closed before

_TOKEN = Cause(
    Verdict.RETRY,
    "iam_token",
    (
        "There are no AWS credentials to sign a token with: check the role of the task, and that the "
        "task can reach the endpoint that provides them."
    ),
)
_FILE_REFUSED = (
    "DATABASE_SECRET_FILE was read again before each attempt: it is wrong, or it was not updated "
    "after the password changed."
)
_ROLE_REFUSED = (
    "The task's role needs rds-db:connect for this user, and the user must be one for tokens: GRANT rds_iam on "
    "PostgreSQL, IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' on MySQL."
)


class NotReadyError(Exception):
    """The database answers, but is not what we wait for; `diagnosis` gives the reason."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.error_message)
        self.diagnosis = diagnosis


class Found(NamedTuple, Generic[T]):
    """The result of a successful attempt, and what it took."""

    seen: T
    attempts: int
    waited_seconds: float


async def connected(credentials: Credentials, look: Look[T], *, timeout_seconds: float | None) -> T:
    """Connect and look once, within `timeout_seconds` in total.

    The driver's own timeout covers only the TCP connect: a server that accepts and stays silent would block us.

    Raises:
        Exception: the driver's.
    """
    address = credentials.own_address()
    backend = backend_for(address.url.get_backend_name())
    arguments = address.connect_args | backend.connect_args(credentials.tls and credentials.tls.context)
    async with asyncio.timeout(timeout_seconds):
        if address.prefers_tls and "ssl" not in arguments and (address.url.host, address.url.port) not in _PLAIN:
            try:
                return await _once(address.url, arguments | {"ssl": unverified()}, look, backend)
            except Exception as error:
                if backend.diagnose(error).hint != NO_TLS.hint:
                    raise
                _PLAIN.add((address.url.host, address.url.port))
        work = _once(address.url, arguments, look, backend)
        return await (finished(work, _FILE_SECONDS) if is_file(address.url.drivername) else work)


_PLAIN: set[tuple[str | None, int | None]] = set()  # hosts and ports of servers that were seen to offer no TLS


async def _once(url: "URL", arguments: dict[str, Any], look: Look[T], backend: Backend) -> T:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            return await look(connection, backend)
    finally:
        await engine.dispose()


async def wait_for_database(
    credentials: Credentials, look: Look[T], *, budget_seconds: float, attempt_seconds: float, emit: Emit
) -> Found[T]:
    """Try until `look` succeeds.

    Raises:
        StartupError: DatabaseRefused at once if another attempt would not help, DatabaseUnreachable when the budget is
            spent; both name the last cause.
    """
    loop = asyncio.get_running_loop()
    began, attempts, doubts = loop.time(), 0, 0
    reserve = min(1.0, attempt_seconds, budget_seconds / 10)  # lets the last attempt report the true cause
    pauses, lines = Pauses(), Lines()
    diagnosis: Diagnosis | None = None
    while True:
        attempts += 1
        tried = _login(credentials)
        limit = min(attempt_seconds, max(budget_seconds - (loop.time() - began), reserve))
        try:
            seen = await connected(credentials, look, timeout_seconds=limit)
        except Interrupted as error:
            diagnosis = error.diagnosis
        except StartupError:  # env.py failed, not the database
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise anything when the peer is no database
            if diagnosis is None or limit == attempt_seconds or not isinstance(error, TimeoutError):
                diagnosis = _diagnose(credentials, error)  # otherwise our own time limit ended it, which shows no cause
        else:
            return Found(seen, attempts, loop.time() - began)
        doubts = doubts + 1 if diagnosis.verdict is Verdict.DOUBT else 0
        waited = loop.time() - began
        left = budget_seconds - waited - reserve
        final = diagnosis.verdict is Verdict.REFUSE or doubts == DOUBTS
        if final or left <= 0:
            kind = DatabaseRefused if final or _is_login(diagnosis) else DatabaseUnreachable
            raise StartupError(kind(attempts=attempts, waited_seconds=round(waited, 3), **diagnosis.fields()))
        pause = min(left, pauses.after(diagnosis))
        if lines.has(diagnosis, waited):
            emit(_retry(diagnosis, attempts, waited, pause))
        if await _changed_within(pause, credentials, tried if _is_login(diagnosis) else None):
            doubts = 0


async def look_once(credentials: Credentials, look: Look[T], *, timeout_seconds: float) -> T:
    """Return what one attempt sees, for a person who does not want to wait.

    Raises:
        StartupError: with DatabaseRefused or DatabaseUnreachable, which name the cause.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        return await connected(credentials, look, timeout_seconds=timeout_seconds)
    except StartupError:
        raise
    except Exception as error:
        diagnosis = _diagnose(credentials, error)
        final = diagnosis.verdict is Verdict.REFUSE or _is_login(diagnosis)
        kind, waited = DatabaseRefused if final else DatabaseUnreachable, round(loop.time() - began, 3)
        raise StartupError(kind(attempts=1, waited_seconds=waited, **diagnosis.fields())) from error


def _is_login(diagnosis: Diagnosis) -> bool:
    return diagnosis.error_type == CREDENTIALS.error_type


async def _changed_within(seconds: float, credentials: Credentials, refused: "URL | None") -> bool:
    """Pause until the secret's file holds another login than the refused one; return whether it does.

    The pause is at most `seconds`.
    """
    while refused and seconds > SOON_SECONDS:
        if (now := _login(credentials)) and now != refused:
            return True
        await asyncio.sleep(SOON_SECONDS)
        seconds -= SOON_SECONDS
    await asyncio.sleep(seconds)
    return False


def _login(credentials: Credentials) -> "URL | None":
    """Return the current login, if it may change; None while its file is being written."""
    try:
        return credentials.own_address().url if credentials.rotates else None
    except CredentialsError:
        return None


def _diagnose(credentials: Credentials, error: Exception) -> Diagnosis:
    if isinstance(error, NotReadyError):
        return error.diagnosis
    if is_exhaustion(error):  # of this process
        raise error
    if isinstance(error, CredentialsError):  # for example, the secret's file is being rotated
        return Diagnosis(Verdict.RETRY, "credentials_file", "", str(error), "Look at the file that the variable names.")
    if token := next((each for each in chain(error) if isinstance(each, TokenError)), None):
        return _TOKEN.found("", str(token))
    try:
        url = credentials.own_address().url
    except CredentialsError as rotating:
        return _diagnose(credentials, rotating)
    diagnosis = backend_for(url.get_backend_name()).diagnose(error, url)
    where = f" ({url.host}:{url.port})" if url.port else f" ({url.host})" if url.host else ""
    diagnosis = diagnosis._replace(error_message=diagnosis.error_message + where)
    return _doubted(diagnosis, url) if _is_login(diagnosis) and credentials.rotates else diagnosis


def _doubted(diagnosis: Diagnosis, url: "URL") -> Diagnosis:
    """Return the diagnosis of a refused login as doubtful: database and file are not rotated at the same moment."""
    hint = _FILE_REFUSED if url.password else _ROLE_REFUSED
    return diagnosis._replace(verdict=Verdict.DOUBT, hint=f"{hint} {diagnosis.hint}")


def preload(credentials: Credentials) -> None:
    """Import what an attempt needs (0.3 s) in a thread, because the loop must answer probes."""
    import_driver(credentials)
    with contextlib.suppress(Exception):  # the first attempt will meet the same error and explain it
        address = credentials.own_address()
        for option in address.ignored:
            _logger.warning(_IGNORED, option, address.url.get_driver_name())


def import_driver(credentials: Credentials) -> None:
    """Import SQLAlchemy's asynchronous part and our driver, if they can be imported and the address is known."""
    import sqlalchemy.ext.asyncio  # noqa: F401  # imported for its effect

    with contextlib.suppress(Exception):  # as above
        credentials.own_address().url.get_dialect().import_dbapi()


def _retry(diagnosis: Diagnosis, attempt: int, waited: float, pause: float) -> DatabaseRetryScheduled:
    return DatabaseRetryScheduled(
        attempt=attempt,
        retry_in_seconds=round(pause, 3),
        waited_seconds=round(waited, 3),
        error_type=diagnosis.error_type,
        error_code=diagnosis.error_code,
        error_message=diagnosis.error_message,
    )

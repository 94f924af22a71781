"""Failed attempts to reach a database: what each means, whether another one helps, and the pause before it.

Imported after the first failure: most starts have none.
"""

import asyncio
from typing import TYPE_CHECKING

from orchestrator.databases import backend_for
from orchestrator.databases.connecting import NotReadyError, changing_login
from orchestrator.databases.diagnosis import CREDENTIALS, Cause, Diagnosis, Verdict, chain
from orchestrator.databases.interruption import Interrupted
from orchestrator.databases.pauses import SOON_SECONDS, Lines, Pauses
from orchestrator.errors import DatabaseRefused, DatabaseUnreachable, StartupError
from orchestrator.events import DatabaseRetryScheduled, Emit
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.iam import TokenError
from orchestrator.runtime.exhaustion import is_exhaustion

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DOUBTS = 3  # this many permanent-looking errors in a row before they count

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


class FailedAttempts:
    """The failed attempts of one wait."""

    def __init__(self, credentials: Credentials, emit: Emit, budget_seconds: float) -> None:
        self._credentials, self._emit, self._budget_seconds = credentials, emit, budget_seconds
        self._doubts, self._pauses, self._lines = 0, Pauses(), Lines()
        self._diagnosis: Diagnosis | None = None

    def diagnosed(self, error: Exception, *, cut_short: bool) -> Diagnosis:
        """Return what the error of an attempt means.

        Args:
            error: the error.
            cut_short: the attempt got less than its usual time. That it timed out then shows no cause.

        Raises:
            StartupError: env.py failed, not the database.
        """
        if isinstance(error, StartupError) and not isinstance(error, Interrupted):
            raise error
        if self._diagnosis is None or not (cut_short and isinstance(error, TimeoutError)):
            self._diagnosis = diagnosis_of(self._credentials, error)
        return self._diagnosis

    async def pause(self, diagnosis: Diagnosis, attempts: int, waited_seconds: float, tried: "URL | None") -> None:
        """Pause before the next attempt; `tried` is the login that failed, if it may change.

        Raises:
            StartupError: with DatabaseRefused at once if another attempt would not help; with DatabaseUnreachable when
                the budget is spent.
        """
        self._doubts = self._doubts + 1 if diagnosis.verdict is Verdict.DOUBT else 0
        left = self._budget_seconds - waited_seconds
        final = diagnosis.verdict is Verdict.REFUSE or self._doubts == DOUBTS
        if final or left <= 0:
            raise failure(diagnosis, attempts, waited_seconds, final=final)
        pause = min(left, self._pauses.after(diagnosis))
        if self._lines.has(diagnosis, waited_seconds):
            self._emit(_retry(diagnosis, attempts, waited_seconds, pause))
        if await _changed_within(pause, self._credentials, tried if _is_login(diagnosis) else None):
            self._doubts = 0


def failure(diagnosis: Diagnosis, attempts: int, waited_seconds: float, *, final: bool) -> StartupError:
    """Return the end of a start whose database cannot be reached; `final`: another attempt would not help."""
    kind = DatabaseRefused if final or _is_login(diagnosis) else DatabaseUnreachable
    return StartupError(kind(attempts=attempts, waited_seconds=round(waited_seconds, 3), **diagnosis.fields()))


def _is_login(diagnosis: Diagnosis) -> bool:
    return diagnosis.error_type == CREDENTIALS.error_type


async def _changed_within(seconds: float, credentials: Credentials, refused: "URL | None") -> bool:
    """Pause until the secret's file holds another login than the refused one; return whether it does.

    The pause is at most `seconds`.
    """
    while refused and seconds > SOON_SECONDS:
        if (now := changing_login(credentials)) and now != refused:
            return True
        await asyncio.sleep(SOON_SECONDS)
        seconds -= SOON_SECONDS
    await asyncio.sleep(seconds)
    return False


def diagnosis_of(credentials: Credentials, error: Exception) -> Diagnosis:
    """Return what an error means, with the address in its message."""
    if isinstance(error, NotReadyError | Interrupted):
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
        return diagnosis_of(credentials, rotating)
    diagnosis = backend_for(url.get_backend_name()).diagnose(error, url)
    where = f" ({url.host}:{url.port})" if url.port else f" ({url.host})" if url.host else ""
    diagnosis = diagnosis._replace(error_message=diagnosis.error_message + where)
    return _doubted(diagnosis, url) if _is_login(diagnosis) and credentials.rotates else diagnosis


def _doubted(diagnosis: Diagnosis, url: "URL") -> Diagnosis:
    """Return the diagnosis of a refused login as doubtful: database and file are not rotated at the same moment."""
    hint = _FILE_REFUSED if url.password else _ROLE_REFUSED
    return diagnosis._replace(verdict=Verdict.DOUBT, hint=f"{hint} {diagnosis.hint}")


def _retry(diagnosis: Diagnosis, attempt: int, waited: float, pause: float) -> DatabaseRetryScheduled:
    return DatabaseRetryScheduled(
        attempt=attempt,
        retry_in_seconds=round(pause, 3),
        waited_seconds=round(waited, 3),
        error_type=diagnosis.error_type,
        error_code=diagnosis.error_code,
        error_message=diagnosis.error_message,
    )

"""Waits for a database: attempts within a budget, each with a time limit."""

import asyncio
from typing import TYPE_CHECKING, Generic, NamedTuple

from orchestrator.databases.connecting import Look, T, changing_login, connected
from orchestrator.errors import StartupError
from orchestrator.events import Emit
from orchestrator.logins.credentials import Credentials

if TYPE_CHECKING:
    from orchestrator.databases.failed_attempts import FailedAttempts


class Found(NamedTuple, Generic[T]):
    """The result of a successful attempt, and what it took."""

    seen: T
    attempts: int
    waited_seconds: float


async def wait_for_database(
    credentials: Credentials, look: Look[T], *, budget_seconds: float, attempt_seconds: float, emit: Emit
) -> Found[T]:
    """Try until `look` succeeds.

    Raises:
        StartupError: DatabaseRefused at once if another attempt would not help, DatabaseUnreachable when the budget is
            spent; both name the last cause.
    """
    loop = asyncio.get_running_loop()
    began, attempts = loop.time(), 0
    reserve = min(1.0, attempt_seconds, budget_seconds / 10)  # lets the last attempt report the true cause
    failed: FailedAttempts | None = None
    while True:
        attempts += 1
        tried = changing_login(credentials)
        limit = min(attempt_seconds, max(budget_seconds - (loop.time() - began), reserve))
        try:
            return Found(await connected(credentials, look, timeout_seconds=limit), attempts, loop.time() - began)
        except Exception as error:  # noqa: BLE001  # drivers raise anything when the peer is no database
            failed = failed or _failed(credentials, emit, budget_seconds - reserve)
            diagnosis = failed.diagnosed(error, cut_short=limit < attempt_seconds)
        await failed.pause(diagnosis, attempts, loop.time() - began, tried)


def _failed(credentials: Credentials, emit: Emit, budget_seconds: float) -> "FailedAttempts":
    from orchestrator.databases.failed_attempts import FailedAttempts

    return FailedAttempts(credentials, emit, budget_seconds)


async def look_once(credentials: Credentials, look: Look[T], *, timeout_seconds: float) -> T:
    """Return what one attempt sees, for a person who does not want to wait.

    Raises:
        StartupError: with DatabaseRefused or DatabaseUnreachable, which name the cause.
    """
    from orchestrator.databases.diagnosis import Verdict
    from orchestrator.databases.failed_attempts import diagnosis_of, failure

    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        return await connected(credentials, look, timeout_seconds=timeout_seconds)
    except StartupError:
        raise
    except Exception as error:
        diagnosis = diagnosis_of(credentials, error)
        final = diagnosis.verdict is Verdict.REFUSE
        raise failure(diagnosis, 1, loop.time() - began, final=final) from error

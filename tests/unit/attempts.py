"""Attempts to reach a database, in a time that passes at once."""

import asyncio
from typing import Any

import pytest

from orchestrator.databases.connecting import NotReadyError
from orchestrator.databases.diagnosis import Diagnosis
from orchestrator.databases.waiting import Found, wait_for_database
from orchestrator.errors import Failure, StartupError
from orchestrator.events import DatabaseRetryScheduled, Event
from orchestrator.logins.credentials import Credentials
from tests.unit.environments import read


class Database:
    """Replaces `connected`: each attempt takes `seconds` and then has the next of `answers` as its outcome.

    A diagnosis is a failure, an exception is raised, any other value is the result. The last one repeats.
    """

    def __init__(self, *answers: object, seconds: float = 0.0) -> None:
        self.answers, self.seconds = list(answers), seconds
        self.attempts: list[tuple[float, float]] = []
        """When each attempt began, and how long it might take."""

    async def connected(self, credentials: Credentials, _look: object, *, timeout_seconds: float) -> object:
        """One attempt."""
        self.attempts.append((asyncio.get_running_loop().time(), timeout_seconds))
        credentials.migration_url()
        async with asyncio.timeout(timeout_seconds):
            await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Diagnosis):
            raise NotReadyError(answer)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer()
        return answer

    @property
    def times(self) -> list[float]:
        """When each attempt began."""
        return [round(time, 6) for time, _ in self.attempts]


async def wait(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    *,
    budget: float = 300.0,
    attempt: float = 5.0,
    credentials: Credentials | None = None,
) -> tuple[Found[Any] | Failure, list[DatabaseRetryScheduled]]:
    """Wait for `database`: what was found, or the failure, and the retries that were announced."""
    monkeypatch.setattr("orchestrator.databases.waiting.connected", database.connected)
    told: list[Event] = []
    outcome: Found[Any] | Failure
    try:
        outcome = await wait_for_database(
            credentials or read(DATABASE_URL="mysql+asyncmy://u:p@h/d"),
            _never_asked,
            budget_seconds=budget,
            attempt_seconds=attempt,
            emit=told.append,
        )
    except StartupError as error:
        outcome = error.failure
    retries = [each for each in told if isinstance(each, DatabaseRetryScheduled)]
    assert retries == told
    return outcome, retries


async def _never_asked(*_: object) -> None:
    raise AssertionError

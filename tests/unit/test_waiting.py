"""Waiting for a database, in a time that passes at once: budget, pauses, doubts, refusals."""

import asyncio
import itertools
from pathlib import Path

import pytest

from orchestrator.databases.diagnosis import (
    BUSY,
    CREDENTIALS,
    OTHER,
    PROTOCOL,
    REFUSED,
    TIMEOUT,
    Diagnosis,
)
from orchestrator.databases.waiting import Found
from orchestrator.errors import DatabaseRefused, DatabaseUnreachable, MigrationTreeInvalid, StartupError
from tests.unit.attempts import Database, wait
from tests.unit.environments import SECRET, read, secret

pytestmark = pytest.mark.looptime(start=0)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """No jitter: each pause is the longest it may be."""
    monkeypatch.setattr("orchestrator.backoff.random.uniform", lambda _low, high: high)


refused, busy, timeout = REFUSED.found(111, "refused"), BUSY.found(1040, "busy"), TIMEOUT.found("", "silent")
doubt, other = PROTOCOL.found("", "what is this"), OTHER.found(1, "strange")


async def test_a_database_that_answers_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pause and without a word."""
    outcome, retries = await wait(monkeypatch, Database("seen", seconds=0.5))
    assert outcome == Found("seen", 1, 0.5)
    assert retries == []


async def test_what_was_waited_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts with the good one, seconds from the beginning."""
    outcome, retries = await wait(monkeypatch, Database(refused, refused, "seen"))
    assert outcome == Found("seen", 3, 0.5)
    assert [(each.attempt, each.waited_seconds, each.retry_in_seconds) for each in retries] == [
        (1, 0.0, 0.25),
        (2, 0.25, 0.25),
    ]


async def test_a_refused_port_is_asked_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the server nothing, and each second of a start counts."""
    database = Database(*[refused] * 40, "seen")
    await wait(monkeypatch, database)
    assert database.times == [number * 0.25 for number in range(41)]


async def test_a_long_silence_of_a_refused_port_is_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at first, then few, but at least every 30 s; a new cause is written at once."""
    database = Database(*[refused] * 400, timeout, *[refused] * 800, "seen")
    _, retries = await wait(monkeypatch, database, budget=1000.0)
    times = [each.waited_seconds for each in retries if each.error_type == "refused"]
    assert times[:9] == [number * 0.25 for number in range(9)]
    assert len([each for each in times if each < 84]) < 20
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 20 < max(gaps) < 30.3  # a sum of floats
    changes = [number for number, each in enumerate(retries) if each.error_type == "timeout"]
    assert len(changes) == 1
    assert retries[changes[0] + 1].waited_seconds - retries[changes[0]].waited_seconds < 1


@pytest.mark.usefixtures("steady")
async def test_a_busy_server_is_asked_more_and_more_gently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt costs it a thread: twice as long each time, and ten seconds at most."""
    database = Database(*[busy] * 8, "seen")
    _, retries = await wait(monkeypatch, database)
    assert [each.retry_in_seconds for each in retries] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


@pytest.mark.usefixtures("steady")
async def test_a_server_that_starts_over_is_asked_quickly_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is refused after all means a restart: what was learned about the old one is void."""
    _, retries = await wait(monkeypatch, Database(busy, busy, refused, busy, "seen"))
    assert [each.retry_in_seconds for each in retries] == [0.5, 1.0, 0.25, 0.5]


async def test_replicas_do_not_ask_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a hundred replicas that start together would also retry together."""
    pauses = []
    for _ in range(20):
        _, retries = await wait(monkeypatch, Database(busy, busy, "seen"))
        pauses += [each.retry_in_seconds for each in retries]
    assert all(0.25 <= pause <= 0.5 for pause in pauses[::2])
    assert all(0.5 <= pause <= 1.0 for pause in pauses[1::2])
    assert len(set(pauses)) > 30


@pytest.mark.parametrize("cause", [refused, busy, timeout])
@pytest.mark.parametrize("seconds", [0.0, 0.7, 60.0])
@pytest.mark.parametrize(("budget", "attempt"), [(30.0, 5.0), (3.0, 5.0), (0.5, 5.0), (30.0, 0.2)])
async def test_the_budget_is_kept_and_spent(
    monkeypatch: pytest.MonkeyPatch, cause: Diagnosis, seconds: float, budget: float, attempt: float
) -> None:
    """Not a second more, as the platform counts too; and nearly all of it, as the database may come at its end."""
    database = Database(cause, seconds=seconds)
    outcome, retries = await wait(monkeypatch, database, budget=budget, attempt=attempt)
    assert isinstance(outcome, DatabaseUnreachable)
    assert outcome.exits_with == 4
    assert budget * 0.8 - 0.001 <= outcome.waited_seconds <= budget + 0.001
    assert outcome.attempts == len(database.attempts)
    assert len(retries) + 1 == outcome.attempts or (seconds < 1 and cause is refused)
    assert all(limit <= attempt for _, limit in database.attempts)
    assert outcome.error_type == ("timeout" if seconds > min(attempt, budget) else cause.error_type)


@pytest.mark.parametrize("seconds", [0.0, 0.9, 2.0, 4.0])
async def test_the_last_attempts_hurry_does_not_hide_the_true_cause(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """A name that takes two seconds not to resolve is still the cause when the last attempt had one second."""
    database = Database(busy, seconds=seconds)
    outcome, _ = await wait(monkeypatch, database, budget=20)
    assert isinstance(outcome, DatabaseUnreachable)
    assert outcome.error_type == "busy"
    assert database.attempts[-1][1] >= 1.0


async def test_a_refusal_in_the_last_moment_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Access denied` after 299 seconds must not be reported as a time-out."""
    database = Database(*[refused] * 116, CREDENTIALS.found(1045, "denied"))
    outcome, _ = await wait(monkeypatch, database, budget=30)
    assert isinstance(outcome, DatabaseRefused)
    assert outcome.waited_seconds == 29.0


async def test_the_last_cause_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its code and its hint; the first ones are in the retries."""
    outcome, retries = await wait(monkeypatch, Database(refused, busy), budget=5)
    assert isinstance(outcome, DatabaseUnreachable)
    assert (outcome.error_type, outcome.error_code, outcome.error_message) == ("busy", 1040, "busy")
    assert outcome.hint == BUSY.hint
    assert "last cause: busy" in outcome.message
    assert (retries[0].error_type, retries[0].error_code, retries[0].error_message) == ("refused", 111, "refused")


@pytest.mark.parametrize(
    "cause", [CREDENTIALS.found(1045, "Access denied"), CREDENTIALS.found("28P01", "wrong password")]
)
async def test_a_refusal_ends_the_waiting_at_once(monkeypatch: pytest.MonkeyPatch, cause: Diagnosis) -> None:
    """Trying again hides the cause for five minutes, and locks the account."""
    outcome, retries = await wait(monkeypatch, Database(refused, cause))
    assert isinstance(outcome, DatabaseRefused)
    assert (outcome.exits_with, outcome.attempts, outcome.waited_seconds) == (5, 2, 0.25)
    assert (outcome.error_type, outcome.error_message) == (cause.error_type, cause.error_message)
    assert len(retries) == 1


async def test_a_doubt_is_believed_when_it_comes_three_times_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on its way up gives garbage once or twice."""
    outcome, retries = await wait(monkeypatch, Database(doubt, other, doubt, "seen"))
    assert isinstance(outcome, DatabaseRefused)
    assert (outcome.attempts, outcome.error_type) == (3, "protocol")
    assert [each.error_type for each in retries] == ["protocol", "other"]


async def test_a_doubt_is_forgotten_when_something_else_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a row means in a row."""
    outcome, _ = await wait(monkeypatch, Database(doubt, doubt, busy, doubt, doubt, refused, doubt, doubt, "seen"))
    assert isinstance(outcome, Found)
    assert outcome.attempts == 9


async def test_the_drivers_own_errors_are_diagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the backend of the URL."""
    outcome, retries = await wait(monkeypatch, Database(ConnectionRefusedError(111, "no"), OSError(113, "no"), "seen"))
    assert isinstance(outcome, Found)
    assert [each.error_type for each in retries] == ["refused", "network"]


async def test_a_failure_that_is_understood_already_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look itself may find the image broken: no database that comes later cures that."""
    broken = MigrationTreeInvalid(error_type="unreadable_script", error_message="env.py")
    outcome, retries = await wait(monkeypatch, Database(refused, StartupError(broken)))
    assert outcome is broken
    assert len(retries) == 1


async def test_a_limit_of_this_process_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the database's fault, and waiting frees no memory."""
    with pytest.raises(MemoryError):
        await wait(monkeypatch, Database(refused, MemoryError()))


@pytest.mark.parametrize("broken", ["", "{", None])
async def test_a_secrets_file_that_is_being_rotated_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str | None
) -> None:
    """It is half written, or gone, for a moment."""
    file = tmp_path / "secret.json"
    file.write_text(secret())
    credentials = read(DATABASE_SECRET_FILE=str(file))

    def repair(_low: float, high: float) -> float:
        file.write_text(secret(password="new"))
        return high

    file.unlink() if broken is None else file.write_text(broken)
    monkeypatch.setattr("orchestrator.backoff.random.uniform", repair)
    outcome, retries = await wait(monkeypatch, Database("seen"), credentials=credentials)
    assert isinstance(outcome, Found)
    assert [each.error_type for each in retries] == ["credentials_file"]
    assert "DATABASE_SECRET_FILE" in retries[0].error_message
    assert str(SECRET["password"]) not in repr(retries)


async def test_a_secrets_file_that_breaks_during_an_attempt_is_not_a_bug(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The backend is found by the URL, which is read again to explain the failure."""
    file = tmp_path / "secret.json"
    file.write_text(secret())
    credentials = read(DATABASE_SECRET_FILE=str(file))

    def rotate() -> None:
        file.unlink()
        raise ConnectionResetError

    outcome, _ = await wait(monkeypatch, Database(rotate), credentials=credentials, budget=2)
    assert isinstance(outcome, DatabaseUnreachable)
    assert outcome.error_type == "credentials_file"


async def test_giving_up_leaves_no_attempt_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled by a stop, it is over."""
    database = Database(busy, seconds=1.0)
    task = asyncio.ensure_future(wait(monkeypatch, database))
    await asyncio.sleep(10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    made = len(database.attempts)
    await asyncio.sleep(100)
    assert len(database.attempts) == made > 1

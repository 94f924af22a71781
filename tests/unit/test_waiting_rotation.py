"""Refused logins that may be about to change, in a time that passes at once."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.databases.failed_attempts import DOUBTS
from orchestrator.databases.pauses import ROTATION_SECONDS, SOON_SECONDS
from orchestrator.databases.waiting import Found
from orchestrator.errors import DatabaseRefused, DatabaseUnreachable
from orchestrator.logins.iam import TokenError
from tests.servers import certificates
from tests.unit.attempts import Database, wait
from tests.unit.driver_errors import mysql, wrapped
from tests.unit.environments import read, secret

pytestmark = pytest.mark.looptime(start=0)

DENIED = wrapped(mysql(1045, "Access denied for user 'rds'@'10.0.0.7' (using password: YES)"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a secret's file."""
    file = tmp_path / "secret.json"
    file.write_text(secret())
    return file


async def test_without_a_file_a_refused_login_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task's injected login does not change while it lives."""
    outcome, retries = await wait(monkeypatch, Database(DENIED))
    assert isinstance(outcome, DatabaseRefused)
    assert (outcome.attempts, retries) == (1, [])


async def test_with_a_file_it_is_believed_at_the_third_attempt(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Far enough from each other for a rotation to come through, and too few for an account to be locked."""
    database = Database(DENIED)
    outcome, retries = await wait(monkeypatch, database, credentials=read(DATABASE_SECRET_FILE=str(file)))
    assert isinstance(outcome, DatabaseRefused)
    assert (outcome.attempts, outcome.error_type, outcome.error_code) == (DOUBTS, "credentials", 1045)
    assert database.times == [0.0, ROTATION_SECONDS, 2 * ROTATION_SECONDS]
    assert {each.retry_in_seconds for each in retries} == {ROTATION_SECONDS}
    assert "DATABASE_SECRET_FILE" in outcome.hint


async def test_a_file_that_changes_during_an_attempt_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """The refused login was the previous one."""

    def rotate() -> None:
        file.write_text(secret(password="new"))
        raise DENIED

    database = Database(rotate, "seen")
    outcome, _ = await wait(monkeypatch, database, credentials=read(DATABASE_SECRET_FILE=str(file)))
    assert isinstance(outcome, Found)
    assert database.times == [0.0, 0.0]


async def test_a_file_that_changes_during_a_pause_ends_it(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """And what is then refused is refused for the first time."""
    reads = iter(range(1_000))
    credentials = read(DATABASE_SECRET_FILE=str(file))
    monkeypatch.setattr(
        "orchestrator.logins.database_secrets.read_secret_file",
        lambda *_: secret(password=f"number-{next(reads) // 8}"),
    )
    outcome, retries = await wait(monkeypatch, Database(DENIED), credentials=credentials, budget=30)
    assert isinstance(outcome, DatabaseRefused)
    assert len(retries) > DOUBTS


async def test_a_file_that_is_written_during_a_pause_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """An attempt with half a login, or with the old one again, counts against the account."""
    loop, texts = asyncio.get_running_loop(), {2: "{", 4: secret()}
    for pauses, text in texts.items():
        loop.call_later(SOON_SECONDS * (pauses - 0.5), file.write_text, text)
    database = Database(DENIED)
    await wait(monkeypatch, database, credentials=read(DATABASE_SECRET_FILE=str(file)))
    assert database.times == [0.0, ROTATION_SECONDS, 2 * ROTATION_SECONDS]


async def test_a_file_that_is_broken_during_a_pause_is_not_a_change(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """Half a login is not worth an attempt; the next one finds out what has become of it."""

    def breaks() -> None:
        file.write_text("{")
        raise DENIED

    database = Database(breaks)
    outcome, retries = await wait(
        monkeypatch, database, credentials=read(DATABASE_SECRET_FILE=str(file)), budget=ROTATION_SECONDS + 5
    )
    assert isinstance(outcome, DatabaseUnreachable)
    assert retries[0].error_type == "credentials_file"
    assert outcome.error_type == "credentials_file"


async def test_a_refused_login_is_reported_as_such_when_the_budget_ends_first(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """It answered."""
    credentials = read(DATABASE_SECRET_FILE=str(file))
    outcome, _ = await wait(monkeypatch, Database(DENIED), credentials=credentials, budget=4 * SOON_SECONDS)
    assert isinstance(outcome, DatabaseRefused)
    assert outcome.waited_seconds <= 4 * SOON_SECONDS


@pytest.mark.parametrize(
    "fixed",
    [
        {"MIGRATION_DATABASE_PASSWORD": "fixed"},
        {"MIGRATION_DATABASE_SECRET": '{"username": "owner", "password": "fixed"}'},
        {"MIGRATION_DATABASE_URL": "mysql+asyncmy://owner:fixed@h/d"},
    ],
)
async def test_a_file_for_the_app_does_not_excuse_the_migrations_user(
    monkeypatch: pytest.MonkeyPatch, file: Path, fixed: dict[str, str]
) -> None:
    """Whose password the file does not hold."""
    outcome, retries = await wait(
        monkeypatch, Database(DENIED), credentials=read(DATABASE_SECRET_FILE=str(file), **fixed)
    )
    assert isinstance(outcome, DatabaseRefused)
    assert retries == []
    assert "DATABASE_SECRET_FILE" not in outcome.hint


async def test_a_token_for_the_app_does_not_excuse_the_migrations_password(
    monkeypatch: pytest.MonkeyPatch, by_token: dict[str, str]
) -> None:
    """Nor the other way round: what counts is who logs in here."""
    credentials = read(**by_token, MIGRATION_DATABASE_PASSWORD="fixed")
    outcome, retries = await wait(monkeypatch, Database(DENIED), credentials=credentials)
    assert isinstance(outcome, DatabaseRefused)
    assert retries == []


async def test_other_refusals_are_final_with_a_file_as_well(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """A database that does not exist is not made by a rotation."""
    unknown = wrapped(mysql(1049, "Unknown database 'roses'"))
    outcome, retries = await wait(monkeypatch, Database(unknown), credentials=read(DATABASE_SECRET_FILE=str(file)))
    assert isinstance(outcome, DatabaseRefused)
    assert retries == []


# ---------------------------------------------------------------- tokens


@pytest.fixture
def by_token(tmp_path: Path) -> dict[str, str]:
    """Return an environment that logs in by token."""
    certificates.make(tmp_path, ["localhost"])
    return {
        "DATABASE_URL": "mysql+asyncmy://app@plants.abc.eu-central-1.rds.amazonaws.com/plants",
        "DATABASE_SSL_CA": str(tmp_path / certificates.AUTHORITY),
        "DATABASE_IAM_AUTH": "true",
    }


async def test_a_token_that_is_not_available_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, by_token: dict[str, str]
) -> None:
    """The endpoint of the role is as much of a service as the database is."""
    missing = TokenError("no token for app: NoCredentialsError: Unable to locate credentials")
    outcome, retries = await wait(monkeypatch, Database(missing, missing, "seen"), credentials=read(**by_token))
    assert isinstance(outcome, Found)
    assert {each.error_type for each in retries} == {"iam_token"}


async def test_a_token_that_never_comes_is_the_cause_that_is_named(
    monkeypatch: pytest.MonkeyPatch, by_token: dict[str, str]
) -> None:
    """With a hint at the role, and not at the database."""
    outcome, _ = await wait(monkeypatch, Database(TokenError("no token")), credentials=read(**by_token), budget=5)
    assert isinstance(outcome, DatabaseUnreachable)
    assert (outcome.error_type, outcome.error_message) == ("iam_token", "no token")
    assert "role" in outcome.hint


async def test_a_refused_token_is_believed_at_the_third_attempt(
    monkeypatch: pytest.MonkeyPatch, by_token: dict[str, str]
) -> None:
    """A policy takes a moment to arrive everywhere."""
    database = Database(DENIED)
    outcome, _ = await wait(monkeypatch, database, credentials=read(**by_token))
    assert isinstance(outcome, DatabaseRefused)
    assert database.times == [0.0, ROTATION_SECONDS, 2 * ROTATION_SECONDS]
    assert "rds-db:connect" in outcome.hint

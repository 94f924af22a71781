"""Tokens of RDS: which logins take one, and what stands in their way before anything begins."""

import importlib.util
from pathlib import Path

import pytest

from orchestrator.databases import credential_refresh
from orchestrator.log.redaction import Redactor
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.iam import Login
from tests.servers import certificates
from tests.unit.environments import fault, read
from tests.unit.rds_tokens import ENDPOINT, forget_credentials


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away all that a machine may have of AWS."""
    forget_credentials(monkeypatch, tmp_path)


@pytest.fixture
def ca(tmp_path: Path) -> str:
    """Return a CA bundle."""
    certificates.make(tmp_path, ["localhost"])
    return str(tmp_path / certificates.AUTHORITY)


def settings(ca: str, **changes: str) -> dict[str, str]:
    """An environment that asks for tokens; empty leaves a variable out."""
    url = f"postgresql+asyncpg://app@{ENDPOINT}/plants"
    given = {"DATABASE_URL": url, "DATABASE_SSL_CA": ca, "DATABASE_IAM_AUTH": "true"} | changes
    return {name: value for name, value in given.items() if value}


@pytest.mark.parametrize(
    ("changes", "takes"),
    [
        ({}, [("app", 5432)]),
        ({"DATABASE_URL": f"mysql+asyncmy://app@{ENDPOINT}/plants"}, [("app", 3306)]),
        ({"DATABASE_URL": f"mysql+asyncmy://app@{ENDPOINT}:3307/plants"}, [("app", 3307)]),
        ({"MIGRATION_DATABASE_USER": "owner"}, [("app", 5432), ("owner", 5432)]),
        ({"MIGRATION_DATABASE_SECRET": '{"username": "owner", "password": "s3cret"}'}, [("app", 5432)]),
        (
            {
                "DATABASE_URL": f"postgresql+asyncpg://app:s3cret@{ENDPOINT}/plants",
                "MIGRATION_DATABASE_URL": f"postgresql+asyncpg://owner@{ENDPOINT}/plants",
            },
            [("owner", 5432)],
        ),
        ({"DATABASE_IAM_AUTH": "false"}, []),
    ],
)
def test_a_login_without_a_password_takes_a_token(
    ca: str, changes: dict[str, str], takes: list[tuple[str, int]]
) -> None:
    """One rule for the two users: a password that is given is used."""
    credentials = read(**settings(ca, **changes))
    asked = [(user, port) for user in ("app", "owner") for port in (3306, 3307, 5432)]
    assert [each for each in asked if credentials.takes_token(Login(ENDPOINT, each[1], each[0]))] == takes


def test_no_other_host_is_sent_a_token(ca: str) -> None:
    """The app may well have a second database, with a user of the same name."""
    credentials = read(**settings(ca))
    assert credentials.takes_token(Login(ENDPOINT, 5432, "app"))
    assert not credentials.takes_token(Login("elsewhere.example", 5432, "app"))
    assert not credentials.takes_token(Login(ENDPOINT, 5433, "app"))


def test_when_migrating_is_over_its_user_takes_none(ca: str) -> None:
    """The app's process has no business with the right to change tables."""
    credentials = read(**settings(ca, MIGRATION_DATABASE_USER="owner"))
    credentials.forget_migration()
    assert not credentials.takes_token(Login(ENDPOINT, 5432, "owner"))


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"DATABASE_SSL_CA": ""}, "DATABASE_SSL_CA"),
        ({"DATABASE_URL": "postgresql+asyncpg://app@db.internal/plants"}, "AWS_REGION"),
        ({"DATABASE_URL": f"postgresql+asyncpg://app:s3cret@{ENDPOINT}/plants"}, "leave out the password"),
        ({"DATABASE_URL": "sqlite+aiosqlite:///plants.db"}, "leave out the password"),
        ({"DATABASE_URL": ""}, "leave out the password"),
        ({"DATABASE_IAM_AUTH": "yes"}, "`true` or `false`"),
        ({"DATABASE_IAM_AUTH": "True"}, "`true` or `false`"),
    ],
)
def test_what_stands_in_the_way_of_tokens_is_a_fault(ca: str, changes: dict[str, str], cure: str) -> None:
    """Found out before anything is done; the fault names what to do, and no password."""
    variable, problem = fault(**settings(ca, **changes))
    assert variable == "DATABASE_IAM_AUTH"
    assert cure in problem
    assert "s3cret" not in problem


def test_the_region_may_be_the_tasks(ca: str) -> None:
    """With a host name that is not an RDS endpoint."""
    url = "postgresql+asyncpg://app@db.internal/plants"
    assert read(**settings(ca, DATABASE_URL=url, AWS_REGION="eu-west-1")).uses_tokens


def test_without_botocore_the_fault_names_the_extra(ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in none but the images that ask for it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "botocore" else object())
    variable, problem = fault(**settings(ca))
    assert (variable, "pip install 'startup-orchestrator[aws]'" in problem) == ("DATABASE_IAM_AUTH", True)


def test_switched_off_it_asks_for_nothing() -> None:
    """Not even for botocore; and alone it does not stand for a database."""
    credentials, faults = Credentials.read({"DATABASE_IAM_AUTH": "false"}, embedded=True)
    assert credentials
    assert credentials.embedded
    assert not faults


def test_a_process_that_lives_for_weeks_does_not_collect_signatures(monkeypatch: pytest.MonkeyPatch, ca: str) -> None:
    """Each line of the log is searched for every one of them."""
    redactor = Redactor()
    monkeypatch.setattr(credential_refresh, "REDACTOR", redactor)
    monkeypatch.setattr(credential_refresh, "SIGNATURES_KEPT", 5)
    kept = credential_refresh.Logins(read(**settings(ca)))
    session = "X-Amz-Security-Token=the-session&X-Amz-Signature="
    for number in range(20):
        kept._hide(f"h:1/?{session}signature-{number:02}")  # noqa: SLF001
    told = redactor.text(" ".join(f"signature-{number:02}" for number in range(20)) + " the-session")
    assert told == " ".join([*(f"signature-{number:02}" for number in range(15)), *["***"] * 6])

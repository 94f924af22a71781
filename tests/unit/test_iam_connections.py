"""What a connection that logs in with a token is made with."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from orchestrator.databases import credential_refresh
from orchestrator.log.redaction import Redactor
from tests.servers import certificates
from tests.unit.environments import read

HOST = "plants.c9akciq32.eu-central-1.rds.amazonaws.com"
TOKEN = f"{HOST}:3306/?X-Amz-Security-Token=session&X-Amz-Signature=5161"


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> credential_refresh.Logins:
    """Return logins with tokens for the user `app`, which are minted without AWS."""
    certificates.make(tmp_path, ["localhost"])
    credentials = read(
        DATABASE_URL=f"mysql+asyncmy://app@{HOST}/plants",
        DATABASE_IAM_AUTH="true",
        DATABASE_SSL_CA=str(tmp_path / certificates.AUTHORITY),
    )
    logins = credential_refresh.Logins(credentials)
    tokens: Any = type("Tokens", (), {"mint": lambda _, login: f"{TOKEN}-for-{login.user}"})()
    monkeypatch.setattr(logins, "_tokens", tokens)
    return logins


def test_a_token_is_sent_over_verified_tls_only_and_hidden(
    logins: credential_refresh.Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a password; the server gets it in clear text, inside of TLS."""
    redactor = Redactor()
    monkeypatch.setattr(credential_refresh, "REDACTOR", redactor)
    parameters = {"user": "app", "host": HOST, "port": 3306}
    logins.renew(make_url("mysql+pymysql://").get_dialect()(), None, [], parameters)
    assert parameters["password"] == f"{TOKEN}-for-app"
    assert parameters["ssl"].verify_mode.name == "CERT_REQUIRED"  # type: ignore[attr-defined]
    assert redactor.known("signature 5161-for-app") == "signature ***"


def test_only_the_latest_tokens_are_masked(logins: credential_refresh.Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is valid for 15 minutes, and each one that is masked makes every log line slower."""
    redactor, minted = Redactor(), itertools.count(1)
    monkeypatch.setattr(credential_refresh, "REDACTOR", redactor)
    tokens: Any = type("Tokens", (), {"mint": lambda *_: f"{TOKEN}-token-{next(minted)}-"})()
    monkeypatch.setattr(logins, "_tokens", tokens)
    for _ in range(credential_refresh.SIGNATURES_KEPT + 1):
        logins.renew(
            make_url("mysql+pymysql://").get_dialect()(), None, [], {"user": "app", "host": HOST, "port": 3306}
        )
    assert redactor.known("5161-token-1-") == "5161-token-1-"
    for kept in (2, credential_refresh.SIGNATURES_KEPT + 1):
        assert redactor.known(f"5161-token-{kept}-") == "***"


@pytest.mark.parametrize("others", [{"user": "report"}, {"host": "elsewhere"}, {"port": 3307}])
def test_no_other_login_gets_a_token(logins: credential_refresh.Logins, others: dict[str, Any]) -> None:
    """The app may connect to other databases, without a password too."""
    parameters = {"user": "app", "host": HOST, "port": 3306, **others}
    before = dict(parameters)
    logins.renew(make_url("mysql+pymysql://").get_dialect()(), None, [], parameters)
    assert parameters == before

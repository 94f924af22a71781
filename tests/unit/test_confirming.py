"""The look at the outcome, in a time that passes at once: what is tried again, and what ends it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from orchestrator.databases.diagnosis import innermost_message
from orchestrator.errors import StartupError
from orchestrator.events import DatabaseRetryScheduled
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade import confirming
from orchestrator.migrations.upgrade.confirming import confirm
from orchestrator.migrations.upgrade.failures import not_durable
from orchestrator.settings.model import Settings
from tests.unit.environments import read, secret

LOST = OperationalError("SELECT", {}, OSError(2013, "Lost connection"))
WRONG_PASSWORD = OperationalError("SELECT", {}, Exception(1045, "Access denied"))
NO_RIGHT = OperationalError("SELECT", {}, Exception(1142, "SELECT command denied"))
MISSING = not_durable("", "r1", None, half_applied=False)
APP = {"DATABASE_URL": "mysql+asyncmy://app:s3cret@host/plants"}


class Scene:
    """Replaces the clock, the stop and the context, whose looks have these outcomes; the last one repeats."""

    url = make_url("mysql+pymysql://app:s3cret@host/plants")

    def __init__(self, *outcomes: object, stop_at: float = 1e9) -> None:
        self.now, self.outcomes, self.stop_at = 0.0, list(outcomes), stop_at
        self.requested: Any = self
        self.told: list[Any] = []

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now

    def wait(self, seconds: float) -> bool:
        """As the wait for a stop."""
        assert self.now < 100, "it does not end"
        self.now += seconds
        return self.now >= self.stop_at

    def confirm(self, _swallowed: object) -> object:
        """As `ContextRun.confirm`."""
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self, credentials: Credentials | None = None) -> None:
        """Look at the outcome."""
        scene: Any = self
        settings = Settings(wait_timeout_seconds=5)
        confirm(scene, None, credentials or read(**APP), settings, stop=scene, emit=self.told.append)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    """Return what makes a scene with its clock."""

    def make(*outcomes: object, **options: Any) -> Scene:
        scene = Scene(*outcomes, **options)
        monkeypatch.setattr(confirming, "time", scene)
        return scene

    return make


def test_a_database_that_restarts_is_asked_again_and_reported(scene: Callable[..., Scene]) -> None:
    """Everything is committed by now."""
    restarts = scene(LOST, LOST, None)
    restarts.run()
    assert [(type(each), each.attempt, each.waited_seconds) for each in restarts.told] == [
        (DatabaseRetryScheduled, 1, 0.0),
        (DatabaseRetryScheduled, 2, 1.0),
    ]


def test_it_ends_with_the_budget(scene: Callable[..., Scene]) -> None:
    """A database that never comes back is a failure."""
    gone = scene(LOST)
    with pytest.raises(OperationalError):
        gone.run()
    assert gone.now == 6


def test_it_ends_with_a_stop(scene: Callable[..., Scene]) -> None:
    """The next start looks again."""
    stopped = scene(LOST, stop_at=2)
    with pytest.raises(OperationalError):
        stopped.run()
    assert stopped.now == 2


@pytest.mark.parametrize("error", [NO_RIGHT, WRONG_PASSWORD], ids=innermost_message)
def test_a_refusal_is_believed_at_once(scene: Callable[..., Scene], error: Exception) -> None:
    """No other attempt helps."""
    refused = scene(error)
    with pytest.raises(OperationalError):
        refused.run()
    assert refused.told == []


def test_a_password_that_is_rotated_meanwhile_is_waited_for(scene: Callable[..., Scene], tmp_path: Path) -> None:
    """Its file may be half written at that moment."""
    file = tmp_path / "secret.json"
    file.write_text(secret())
    credentials = read(DATABASE_SECRET_FILE=str(file))
    file.write_text("{")
    rotated = scene(WRONG_PASSWORD, None)
    rotated.run(credentials)
    assert len(rotated.told) == 1


def test_what_is_missing_is_a_failure(scene: Callable[..., Scene]) -> None:
    """The app would be served with tables that are not there."""
    with pytest.raises(StartupError) as missing:
        scene(MISSING).run()
    assert missing.value.failure is MISSING

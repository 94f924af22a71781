"""Wrong values: each is refused before any other step, with its variable and its cure."""

import pytest

from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import load
from tests.unit.environments import problem_of

OURS = list(Settings.variables())
SECONDS = [name for name in OURS if name.endswith("_SECONDS")]
NUMBERS = [*SECONDS, "PORT", "WEB_CONCURRENCY"]
BOOLEANS = ["ORCHESTRATOR_APP_FACTORY", "ORCHESTRATOR_MIGRATE"]
LABELS = ["ORCHESTRATOR_SERVICE", "ORCHESTRATOR_VERSION"]
PATHS = ["ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"]
FILES = ["ORCHESTRATOR_ALEMBIC_CONFIG", "ORCHESTRATOR_LOG_CONFIG"]
MAY_BE_ZERO = ["ORCHESTRATOR_DRAIN_SECONDS", "ORCHESTRATOR_DDL_RETRY_SECONDS"]
MAY_BE_EMPTY = [
    "FORWARDED_ALLOW_IPS",
    "ORCHESTRATOR_VERSION",
    "ORCHESTRATOR_ENVIRONMENT",
    "ALEMBIC_CONFIG",
    "ORCHESTRATOR_ALEMBIC_X",
    "DATABASE_PASSWORD",
    "MIGRATION_DATABASE_PASSWORD",
]
CHOICES = [
    "ORCHESTRATOR_EMBEDDED_DATABASE",
    "ORCHESTRATOR_WHEN_AHEAD",
    "ORCHESTRATOR_WHEN_HALF_APPLIED",
    "ORCHESTRATOR_LOG_LEVEL",
    "ORCHESTRATOR_LOG_FORMAT",
    "ORCHESTRATOR_STATUS_DETAIL",
    "ORCHESTRATOR_METRICS",
]
HOSTILE = ["\n", "a\nb", "\x00", "a\x00", "\x1b[2J", "\x7f", "\x85", "a\u2028b", "a\u202eb", "\t", "   ", "\udcff"]


@pytest.mark.parametrize("name", OURS)
def test_nonsense_is_refused_by_every_variable(name: str) -> None:
    """A line end copied with a value works until the first comparison, far from its cause."""
    for value in HOSTILE:
        assert "white space around it" in problem_of({name: value}, name), repr(value)


@pytest.mark.parametrize("name", OURS)
def test_a_valid_value_with_a_line_end_is_refused_by_every_variable(name: str) -> None:
    """The most frequent fault of a value that was read from a file."""
    example = Settings.fields[Settings.variables()[name]].example
    assert problem_of({name: f"{example}\n"}, name)


@pytest.mark.parametrize("name", OURS)
def test_a_huge_value_is_refused_and_not_repeated(name: str) -> None:
    """Else 100 kB of it would be in a log line that holds 16."""
    problem = problem_of({name: "x" * 100_000}, name)
    assert "100000 characters" in problem
    assert len(problem) < 200


@pytest.mark.parametrize("name", sorted({*OURS, *DatabaseSettings.variables()} - {*PATHS, *MAY_BE_EMPTY}))
def test_an_empty_value_is_not_a_default(name: str) -> None:
    """A template that was not filled in passes for `not set` otherwise."""
    assert "empty" in problem_of({name: ""}, name)


def test_no_proxy_may_be_trusted() -> None:
    """As in uvicorn: an empty FORWARDED_ALLOW_IPS is a value."""
    assert load({"FORWARDED_ALLOW_IPS": ""})[0].forwarded_allow_ips == ""


@pytest.mark.parametrize(
    "value",
    ["nan", "NaN", "inf", "-inf", "Infinity", "-1", "1e999", "-0.001", "x", "1,5", "0x10", "1;2", "\u0661\u0662", "5s"],
)
def test_an_unreasonable_number_is_refused(value: str) -> None:
    """NaN compares with nothing, so a budget of it never ends."""
    for name in NUMBERS:
        assert problem_of({name: value}, name), name


UNFIT = [
    *((name, "86400.1") for name in SECONDS),
    *((name, "0") for name in SECONDS if name not in MAY_BE_ZERO),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "80.5"),
    ("PORT", "9" * 4000),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "2"),
    ("ORCHESTRATOR_HOST", "1.2.3.4.5/24"),
    ("ORCHESTRATOR_HOST", "300.0.0.1"),
    ("ORCHESTRATOR_HOST", "http://host"),
    ("ORCHESTRATOR_HOST", "-host"),
    ("ORCHESTRATOR_HOST", "ho st"),
    ("ORCHESTRATOR_HOST", "localhost:8000"),
    ("ORCHESTRATOR_APP", "app.main"),
    ("ORCHESTRATOR_APP", "app/main.py:app"),
    ("ORCHESTRATOR_APP", "app.main:"),
    ("ORCHESTRATOR_APP", ":app"),
    ("ORCHESTRATOR_APP", "app.main:app()"),
    ("ORCHESTRATOR_APP", "app..main:app"),
    ("ORCHESTRATOR_TARGET", "base"),
    ("ORCHESTRATOR_TARGET", "+1"),
    ("ORCHESTRATOR_TARGET", "head-1"),
    ("ORCHESTRATOR_TARGET", "a:b"),
    ("ORCHESTRATOR_TARGET", "a b"),
    ("ORCHESTRATOR_TARGET", "x" * 129),
    *((name, "x" * 129) for name in LABELS),
    *((name, value) for name in PATHS for value in ("livez", "/a b", "/\u00e9", "/" + "x" * 128)),
    *((name, value) for name in FILES for value in ("nowhere.ini", "/", ".", "x" * 300, "a/" * 2000)),
    *((name, value) for name in CHOICES for value in ("yes", "true", "1", "None", "auto ", "jsön")),
    *((name, value) for name in BOOLEANS for value in ("maybe", "2", "head", "-1")),
    ("ORCHESTRATOR_LOG_LEVEL", "20"),
    ("ORCHESTRATOR_METRICS", "EMF"),
]


@pytest.mark.parametrize("name", sorted({name for name, _ in UNFIT}))
def test_a_value_that_does_not_fit_is_refused(name: str) -> None:
    """Otherwise each of them would start, and fail or do something unintended."""
    for value in [value for variable, value in UNFIT if variable == name]:
        problem = problem_of({name: value}, name)
        assert "\n" not in problem, value
        assert len(problem) < 300, value


@pytest.mark.parametrize(("given", "meant"), [("INFO", "info"), ("Debug", "debug")])
def test_a_level_may_be_written_as_python_writes_it(given: str, meant: str) -> None:
    """Everybody does."""
    settings, _ = load({"ORCHESTRATOR_LOG_LEVEL": given})
    assert settings.log_level == meant

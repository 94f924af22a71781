"""Wrong settings: found before anything else happens, all at once, each with its variable, its cure and no secret."""

from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.credentials import EXAMPLES, VARIABLES
from orchestrator.errors import SettingsInvalid, StartupError
from orchestrator.settings import Settings, load

OURS = list(Settings.variables())
SECONDS = [name for name in OURS if name.endswith("_SECONDS")]
NUMBERS = [*SECONDS, "PORT", "WEB_CONCURRENCY"]
BOOLEANS = ["ORCHESTRATOR_APP_FACTORY", "ORCHESTRATOR_MIGRATE"]
LABELS = ["ORCHESTRATOR_SERVICE", "ORCHESTRATOR_VERSION"]
PATHS = ["ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"]
FILES = ["ORCHESTRATOR_ALEMBIC_CONFIG", "ORCHESTRATOR_LOG_CONFIG"]
MAY_BE_ZERO = ["ORCHESTRATOR_DRAIN_SECONDS", "ORCHESTRATOR_DDL_RETRY_SECONDS"]
MAY_BE_EMPTY = ["ORCHESTRATOR_VERSION", "DATABASE_PASSWORD", "MIGRATION_DATABASE_PASSWORD"]
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


def faults_of(environ: Mapping[str, str]) -> SettingsInvalid:
    """What `load` says about an environment that is wrong."""
    with pytest.raises(StartupError) as caught:
        load(environ)
    assert isinstance(caught.value.failure, SettingsInvalid)
    return caught.value.failure


def problem_of(environ: Mapping[str, str], name: str) -> str:
    """The problem of the one variable at fault."""
    failure = faults_of(environ)
    assert failure.variables == [name]
    (fault,) = failure.faults
    assert fault["variable"] == name
    assert fault["example"]
    assert failure.fault_count == 1
    assert fault["problem"] in failure.error_message
    return fault["problem"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", OURS)
def test_what_nobody_can_have_meant_is_refused_by_every_variable(name: str, value: str) -> None:
    """A line end copied with a value works until the first comparison, far from its cause."""
    assert "white space around it" in problem_of({name: value}, name)


@pytest.mark.parametrize("name", OURS)
def test_a_valid_value_with_a_line_end_is_refused_by_every_variable(name: str) -> None:
    """The most frequent fault of a value that was read from a file."""
    example = (Settings.model_fields[Settings.variables()[name]].examples or [""])[0]
    assert problem_of({name: f"{example}\n"}, name)


@pytest.mark.parametrize("name", OURS)
def test_a_huge_value_is_refused_and_not_repeated(name: str) -> None:
    """Else 100 kB of it would be in a log line that holds 16."""
    problem = problem_of({name: "x" * 100_000}, name)
    assert "100000 characters" in problem
    assert len(problem) < 200


@pytest.mark.parametrize("name", sorted({*OURS, *VARIABLES} - {*PATHS, *MAY_BE_EMPTY}))
def test_an_empty_value_is_no_default(name: str) -> None:
    """A template that was not filled in passes for `not set` otherwise."""
    assert "empty" in problem_of({name: ""}, name)


@pytest.mark.parametrize(
    "value",
    ["nan", "NaN", "inf", "-inf", "Infinity", "-1", "1e999", "-0.001", "x", "1,5", "0x10", "1;2", "\u0661\u0662", "5s"],
)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_sensible_number_is_refused(name: str, value: str) -> None:
    """NaN compares with nothing, so a budget of it never ends."""
    assert problem_of({name: value}, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
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
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: str) -> None:
    """Each of them would start, and fail or do something else than meant."""
    problem = problem_of({name: value}, name)
    assert "\n" not in problem
    assert len(problem) < 300


@pytest.mark.parametrize(("given", "meant"), [("INFO", "info"), ("Debug", "debug")])
def test_a_level_may_be_written_as_python_writes_it(given: str, meant: str) -> None:
    """Everybody does."""
    settings, _ = load({"ORCHESTRATOR_LOG_LEVEL": given})
    assert settings.log_level == meant


def test_all_faults_are_told_at_once_and_in_order() -> None:
    """One fault a deployment would take a morning."""
    failure = faults_of(
        {
            "PORT": "x",
            "ORCHESTRATOR_HOST": "",
            "ORCHESTRATOR_SERVCIE": "plants",
            "WEB_CONCURRENCY": "4",
            "DATABASE_URL": "mysql+pymysql://host/name",
        }
    )
    assert failure.fault_count == 5
    assert failure.variables == [
        "DATABASE_URL",
        "ORCHESTRATOR_HOST",
        "ORCHESTRATOR_SERVCIE",
        "PORT",
        "WEB_CONCURRENCY",
    ]
    assert failure.error_message.count("; ") >= 4
    assert all(name in failure.message for name in failure.variables)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("ORCHESTRATOR_SERVCIE", "ORCHESTRATOR_SERVICE"),
        ("ORCHESTRATOR_WAIT_TIMEOUT", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS"),
        ("ORCHESTRATOR_PORT", "PORT"),
        ("ORCHESTRATOR_DATABASE_URL", "did you mean DATABASE_URL"),
        ("ORCHESTRATOR_host", "ORCHESTRATOR_HOST"),
    ],
)
def test_a_mistyped_variable_is_a_fault_that_names_the_one_meant(typo: str, meant: str) -> None:
    """In silence it would be the default that counts."""
    assert meant in problem_of({typo: "1"}, typo)


def test_an_unknown_variable_with_a_monstrous_name_is_shown_in_part() -> None:
    """The event has to fit on a line."""
    failure = faults_of({"ORCHESTRATOR_" + "x" * 100_000: "1"})
    assert len(failure.variables[0]) == 100


def test_variables_of_others_are_none_of_our_business() -> None:
    """An environment is full of them."""
    settings, _ = load({"PATH": "\x00", "DATABASE": "", "orchestrator_app": "", "HOST": "::"})
    assert settings.host == "127.0.0.1"


def test_more_than_one_process_is_refused_with_the_reason() -> None:
    """Each would migrate and hold its own pool; the platform scales by tasks."""
    assert "scale by tasks" in problem_of({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY")
    settings, _ = load({"WEB_CONCURRENCY": "1"})
    assert settings.web_concurrency == 1


@pytest.mark.parametrize(("drain", "shutdown"), [("25", "25"), ("30", "20")])
def test_draining_for_longer_than_shutting_down_is_a_contradiction(drain: str, shutdown: str) -> None:
    """The process would be killed while it still serves."""
    environ = {"ORCHESTRATOR_DRAIN_SECONDS": drain, "ORCHESTRATOR_SHUTDOWN_SECONDS": shutdown}
    assert "ORCHESTRATOR_SHUTDOWN_SECONDS" in problem_of(environ, "ORCHESTRATOR_DRAIN_SECONDS")


def test_two_probes_on_one_path_are_a_contradiction() -> None:
    """One of them would never be asked; but any number may be handed back to the app."""
    assert "differ" in problem_of({"ORCHESTRATOR_READY_PATH": "/livez"}, "ORCHESTRATOR_LIVE_PATH")
    settings, _ = load(dict.fromkeys(PATHS, ""))
    assert {settings.live_path, settings.ready_path, settings.startup_path} == {""}


def test_a_configuration_file_that_is_closed_to_us_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking whether it is there raises then, which would pass for a bug."""

    def closed(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", closed)
    assert "no such file" in problem_of({"ORCHESTRATOR_LOG_CONFIG": "/root/logging.yaml"}, "ORCHESTRATOR_LOG_CONFIG")


@hypothesis.given(
    st.dictionaries(
        st.sampled_from([*OURS, *VARIABLES]) | st.text(max_size=5).map("ORCHESTRATOR_{}".format),
        st.text(max_size=30)
        | st.sampled_from(
            ["1", "true", "head", "fail", "json", "mysql+asyncmy://u:p@h/d", "[", '{"engine": []}', "{}"]
        ),
        max_size=8,
    )
)
def test_no_environment_is_answered_with_anything_but_settings_or_faults(environ: dict[str, str]) -> None:
    """What escapes is a traceback, and in it, perhaps, a value."""
    blamed: list[str] = []
    try:
        load(environ)
    except StartupError as error:
        blamed = error.failure.fields()["variables"]
    assert set(blamed) <= {*environ, *EXAMPLES, *OURS}


@hypothesis.given(
    st.sampled_from(list(VARIABLES)),
    st.sampled_from(
        ["{}", "mysql://u:{}@h/d", "mysql+asyncmy://{}", "[{}", '{{"password": "{}"}}', '{{"port": "{}"}}']
    ),
    st.dictionaries(st.sampled_from(list(VARIABLES)), st.sampled_from([*EXAMPLES.values(), "", "nonsense"])),
)
def test_no_value_of_the_databases_variables_is_ever_repeated(name: str, form: str, others: dict[str, str]) -> None:
    """Any of them may hold the password, in the wrong place most of all."""
    secret = "hUnTeR2-x7Qz"
    told = ""
    try:
        told = repr(load(others | {name: form.format(secret)}))
    except StartupError as error:
        told = repr([error.failure.fields(), str(error), error.__cause__, error.__context__])
    assert secret not in told

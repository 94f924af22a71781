"""Faults together: all at once, typos, contradictions; never a crash, and never a secret."""

from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.errors import StartupError
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import invalid, load, load_credentials, settings_of_the_log, warnings
from orchestrator.variables.definition import Fault
from tests.unit.environments import faults_of, problem_of

OURS = list(Settings.variables())
EXAMPLES = [each.example for each in DatabaseSettings.fields.values()]
PATHS = ["ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"]


def test_all_faults_are_reported_at_once_and_in_order() -> None:
    """One fault a deployment would take a morning."""
    failure = faults_of(
        {
            "PORT": "x",
            "ORCHESTRATOR_HOST": "",
            "ORCHESTRATOR_SERVCIE": "plants",
            "WEB_CONCURRENCY": "4",
            "DATABASE_URL": "mssql+pyodbc://host/name",
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


@pytest.mark.parametrize(("value", "embedded"), [("allow", True), ("ALLOW", False), ("", False), (None, False)])
def test_the_embedded_database_is_used_only_where_it_is_allowed(value: str | None, embedded: bool) -> None:  # noqa: FBT001
    """A production task without DATABASE_URL must not serve an empty file."""
    environ = {} if value is None else {"ORCHESTRATOR_EMBEDDED_DATABASE": value}
    assert load_credentials(environ).embedded is embedded


def test_where_only_an_installation_is_missing_the_hint_says_so() -> None:
    """The variables are right then; with another fault among them they are not."""
    missing, wrong = Fault("DATABASE_URL", "run: pip install 'a[b]'", ""), Fault("A", "it is wrong", "")
    failure = invalid([missing])
    assert (failure.error_type, failure.hint.partition(":")[0]) == ("settings", "The variables are right")
    failure = invalid([missing, wrong])
    assert failure.error_message == "A: it is wrong; DATABASE_URL: run: pip install 'a[b]'"
    assert failure.hint.startswith("Correct these environment variables")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("ORCHESTRATOR_SERVCIE", "ORCHESTRATOR_SERVICE"),
        ("ORCHESTRATOR_WAIT_TIMEOUT", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS"),
        ("ORCHESTRATOR_PORT", "PORT"),
        ("ORCHESTRATOR_ALEMBIC_CONFG", "did you mean ORCHESTRATOR_ALEMBIC_CONFIG"),
        ("MIGRATION_DATABASE_PROT", "did you mean MIGRATION_DATABASE_PORT"),
        ("ORCHESTRATOR_DATABASE_URL", "did you mean DATABASE_URL"),
        ("ORCHESTRATOR_host", "ORCHESTRATOR_HOST"),
        ("MIGRATION_DATABASE_USERNAME", "MIGRATION_DATABASE_USER"),
        ("MIGRATION_DATABASE_PASSWROD", "MIGRATION_DATABASE_PASSWORD"),
        *((f"MIGRATION_DATABASE_{word}", "MIGRATION_DATABASE_NAME") for word in ("DB", "DBNAME", "DATABASE")),
        ("MIGRATION_DATABASE_DSN", "MIGRATION_DATABASE_URL"),
        ("MIGRATION_DATABASE_LOGIN", "MIGRATION_DATABASE_USER"),
        ("MIGRATION_DATABASE_SERVER", "MIGRATION_DATABASE_HOST"),
        ("MIGRATION_DATABASE_SSL_CA", "did you mean DATABASE_SSL_CA"),
        ("MIGRATION_DATABASE_DRIVER", "did you mean DATABASE_DRIVER"),
        ("MIGRATION_DATABASE_IAM_AUTH", "did you mean DATABASE_IAM_AUTH"),
    ],
)
def test_a_mistyped_variable_is_a_fault_that_names_the_one_meant(typo: str, meant: str) -> None:
    """In silence it would be the default that counts."""
    assert meant in problem_of({typo: "1"}, typo)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORCHESTRATOR_FEATURE_FLAGS", "x"),
        ("ORCHESTRATOR_REGION", "x"),
        ("ORCHESTRATOR_NAMESPACE", "x"),
        ("MIGRATION_DATABASE_TIMEZONE", "x"),
        ("ORCHESTRATOR_" + "x" * 100_000, "1"),
    ],
)
def test_any_other_unknown_variable_is_a_warning(name: str, value: str) -> None:
    """It has to fit on a line."""
    load({name: value})
    assert warnings({name: value}) == [f"These variables are not known and have no effect: {name[:100]}."]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("xml", "'xml'"),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, "a value of 61 characters"),
        ("mysql://host", "a value that is not shown, as it may hold a password"),
        ("user@host", "a value that is not shown, as it may hold a password"),
    ],
)
def test_a_fault_repeats_a_short_value_that_holds_no_password(value: str, told: str) -> None:
    """A database's URL in the wrong variable must not get into the log."""
    (fault,) = Settings.read({"ORCHESTRATOR_LOG_FORMAT": value})[1]
    assert fault.problem == f"it must be `auto`, `json` or `text`; it is {told}"
    assert fault.as_dict() == {"variable": "ORCHESTRATOR_LOG_FORMAT", "problem": fault.problem, "example": "json"}


def test_a_value_of_the_longest_length_is_taken() -> None:
    """One character more is a mistake: a file's text in the place of its name."""
    assert Settings.read({"ORCHESTRATOR_AFTER_MIGRATE": "x" * 4096})[1] == []
    (fault,) = Settings.read({"ORCHESTRATOR_AFTER_MIGRATE": "x" * 4097})[1]
    assert fault.problem == "it is 4097 characters long; 4096 are the limit"


def test_a_fault_of_the_log_changes_nothing_else_of_it() -> None:
    """The report of a fault has the service's name and the right form, though other settings are wrong."""
    told = {"ORCHESTRATOR_SERVICE": "plants", "ORCHESTRATOR_VERSION": "1.2", "ORCHESTRATOR_LOG_FORMAT": "text"}
    found = settings_of_the_log({**told, "PORT": "x"})
    assert (found.service, found.version, found.log_format, found.port) == ("plants", "1.2", "text", 8000)
    assert settings_of_the_log({"ORCHESTRATOR_LOG_FORMAT": "xml"}).log_format == "auto"


@pytest.mark.parametrize("service", ["orchestrator", "database", "migration-database", "uvicorn"])
def test_what_kubernetes_sets_for_a_service_is_not_a_setting(service: str) -> None:
    """A Service of that name injects them into every pod; DATABASE_PORT even has the name of a setting."""
    stem = service.upper().replace("-", "_")
    links = {
        f"{stem}_SERVICE_HOST": "10.0.0.7",
        f"{stem}_SERVICE_PORT": "5432",
        f"{stem}_SERVICE_PORT_HTTP": "5432",
        f"{stem}_PORT": "tcp://10.0.0.7:5432",
        f"{stem}_PORT_5432_TCP": "tcp://10.0.0.7:5432",
        f"{stem}_PORT_5432_TCP_PROTO": "tcp",
        f"{stem}_PORT_5432_TCP_PORT": "5432",
        f"{stem}_PORT_5432_TCP_ADDR": "10.0.0.7",
    }
    address = {"DATABASE_HOST": "database", "DATABASE_NAME": "n", "DATABASE_USER": "u"}
    settings, credentials = load(links | address)
    assert (settings.port, credentials.given.port) == (8000, None)
    (warning,) = warnings(links)
    assert f"{stem}_PORT" in warning
    assert "enableServiceLinks: false" in warning


@pytest.mark.parametrize("name", ["DATABASE_PORT", "MIGRATION_DATABASE_PORT"])
def test_a_mistyped_port_is_still_a_fault(name: str) -> None:
    """Only Kubernetes writes a whole link."""
    assert problem_of({name: "tcp://10.0.0.7"}, name)


def test_variables_of_other_programs_are_ignored() -> None:
    """An environment is full of them."""
    settings, _ = load({"PATH": "\x00", "DATABASE": "", "orchestrator_app": "", "HOST": "::"})
    assert settings.host == "127.0.0.1"


def test_more_than_one_process_is_refused_with_the_reason() -> None:
    """Each would migrate and hold its own pool; the platform scales by tasks."""
    assert "run more tasks" in problem_of({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY")
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
        st.sampled_from([*OURS, *DatabaseSettings.variables()]) | st.text(max_size=5).map("ORCHESTRATOR_{}".format),
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
    assert set(blamed) <= {*environ, *DatabaseSettings.variables(), *OURS}


@hypothesis.given(
    st.sampled_from(list(DatabaseSettings.variables())),
    st.sampled_from(
        ["{}", "mysql://u:{}@h/d", "mysql+asyncmy://{}", "[{}", '{{"password": "{}"}}', '{{"port": "{}"}}']
    ),
    st.dictionaries(st.sampled_from(list(DatabaseSettings.variables())), st.sampled_from([*EXAMPLES, "", "nonsense"])),
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

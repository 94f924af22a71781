"""uvicorn's own variables: none is forgotten, and each means what it means to uvicorn's command."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from uvicorn.main import main as command

from orchestrator.errors import StartupError
from orchestrator.settings.uvicorn_options import EFFECTS, Effect, config, faults, given, instead, markdown_table
from orchestrator.settings.validation import load

DATABASE = {"DATABASE_URL": "mysql+asyncmy://u:p@h/d"}
NAMES = {str(parameter.name) for parameter in command.params} - {"version"}

VALUES = {
    "UVICORN_LOOP": "asyncio",
    "UVICORN_HTTP": "h11",
    "UVICORN_WS": "none",
    "UVICORN_WS_MAX_SIZE": "1000",
    "UVICORN_WS_PING_INTERVAL": "2.5",
    "UVICORN_WS_PER_MESSAGE_DEFLATE": "false",
    "UVICORN_LIFESPAN": "off",
    "UVICORN_LOG_LEVEL": "warning",
    "UVICORN_PROXY_HEADERS": "0",
    "UVICORN_SERVER_HEADER": "no",
    "UVICORN_FORWARDED_ALLOW_IPS": "10.0.0.0/8",
    "UVICORN_ROOT_PATH": "/api",
    "UVICORN_LIMIT_CONCURRENCY": "7",
    "UVICORN_LIMIT_MAX_REQUESTS": "9",
    "UVICORN_TIMEOUT_KEEP_ALIVE": "61",
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "3",
    "UVICORN_HEADERS": "x-a:1 x-b:2:3",
}


def test_every_option_of_uvicorn_is_known() -> None:
    """A new one would be ignored silently: add its effect to `EFFECTS`."""
    assert set(EFFECTS) >= NAMES
    assert set(EFFECTS) - NAMES <= {"http2", "app"}, "older versions lack these"


def test_a_variable_means_what_it_means_to_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are converted by uvicorn's own command."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    context = command.make_context("uvicorn", ["app:app"])
    ours = given(VALUES)
    assert ours == {name: context.params[name] for name in ours}
    assert {f"UVICORN_{name.upper()}" for name in ours} == set(VALUES)
    assert config(VALUES)["headers"] == [["x-a", "1"], ["x-b", "2:3"]]


def test_idle_connections_are_kept_longer_than_a_load_balancer_keeps_them() -> None:
    """An ALB reuses a connection for 60 s, and answers 502 if we have closed it; uvicorn's own default is 5 s."""
    assert config({}) == {"timeout_keep_alive": 75}
    assert config({"UVICORN_TIMEOUT_KEEP_ALIVE": "61"}) == {"timeout_keep_alive": 61}


@pytest.mark.parametrize("name", sorted(name for name, (effect, _) in EFFECTS.items() if effect is Effect.REFUSED))
def test_a_refused_option_is_named_with_the_reason(name: str) -> None:
    """Whoever sets it expects it to work, and learns what does."""
    with pytest.raises(StartupError) as refused:
        load({f"UVICORN_{name.upper()}": "4", **DATABASE})
    told = refused.value.failure.fields(lambda each: each)
    assert told["variables"] == [f"UVICORN_{name.upper()}"]
    assert "not supported: " in told["error_message"]


def test_an_option_that_asks_for_the_default_is_not_a_fault() -> None:
    """One worker without reload is what `serve` is."""
    assert faults({"UVICORN_WORKERS": "1", "UVICORN_RELOAD": "false", "UVICORN_USE_COLORS": ""}) == []


def test_a_value_that_uvicorn_does_not_take_is_a_fault() -> None:
    """In uvicorn's words, all at once; one that we refuse in any case says so."""
    wrong = {"UVICORN_LIFESPAN": "perhaps", "UVICORN_BACKLOG": "many", "UVICORN_RELOAD": "perhaps"}
    told = {fault.variable: str(fault.problem) for fault in faults(wrong)}
    assert told.keys() == wrong.keys()
    assert told["UVICORN_BACKLOG"].startswith("uvicorn does not take it: 'many' is not")
    assert told["UVICORN_RELOAD"].startswith("it is not supported")


@pytest.mark.parametrize(
    ("environ", "field", "expected"),
    [
        ({"UVICORN_PORT": "9000", "PORT": "5432"}, "port", 9000),
        ({"UVICORN_HOST": "0.0.0.0", "ORCHESTRATOR_HOST": "127.0.0.1"}, "host", "0.0.0.0"),
        ({"UVICORN_FACTORY": "true"}, "app_factory", True),
        ({"UVICORN_APP": "web:app"}, "app", "web:app"),
        ({"UVICORN_APP": "web:app", "ORCHESTRATOR_APP": "ours:app"}, "app", "ours:app"),
    ],
)
def test_where_it_is_one_of_our_settings_it_fills_that(environ: dict[str, str], field: str, expected: Any) -> None:
    """PORT may be the app's own variable, for its database; UVICORN_PORT cannot."""
    settings, _ = load(environ | DATABASE)
    assert getattr(settings, field) == expected


def test_a_wrong_value_blames_uvicorns_variable() -> None:
    """The one that was set."""
    with pytest.raises(StartupError, match="UVICORN_PORT"):
        load({"UVICORN_PORT": "70000", **DATABASE})


def test_other_commands_leave_them_to_the_program_that_they_start() -> None:
    """`orchestrator run -- uvicorn app:app` with UVICORN_WORKERS and WEB_CONCURRENCY is a way to have workers."""
    load({"UVICORN_WORKERS": "4", "WEB_CONCURRENCY": "4", **DATABASE}, "run")
    with pytest.raises(StartupError, match="run"):
        load({"WEB_CONCURRENCY": "4", **DATABASE})


def test_the_documentation_has_every_option() -> None:
    """`python -m orchestrator.settings.uvicorn_options` prints the table."""
    text = (Path(__file__).parents[2] / "docs/uvicorn.md").read_text()
    listed = {line for line in text.splitlines() if line.startswith("| `UVICORN_")}
    assert {line for line in markdown_table().splitlines() if line.startswith("| `UVICORN_")} <= listed


def test_the_app_is_the_one_of_fastapis_own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fastapi run` needs only that; our variable wins."""
    (tmp_path / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "backend.main:api"\n')
    monkeypatch.chdir(tmp_path)
    assert load(DATABASE)[0].app == "backend.main:api"
    assert load({"ORCHESTRATOR_APP": "other:app", **DATABASE})[0].app == "other:app"


def test_an_env_file_without_python_dotenv_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its variables would be missing silently; other options do not need the package."""
    given = {"UVICORN_ENV_FILE": str(tmp_path / ".env")}
    (tmp_path / ".env").touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert faults(given) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "dotenv" else name)
    (fault,) = faults({**given, "UVICORN_LOOP": "asyncio"})
    assert fault == ("UVICORN_ENV_FILE", "the package python-dotenv is not installed: pip install python-dotenv", "")


def test_a_refused_option_has_its_harmless_value_as_the_example() -> None:
    """The value that is accepted; most have none."""
    given = {"UVICORN_RELOAD": "true", "UVICORN_WORKERS": "2", "UVICORN_UDS": "/run/app"}
    examples = {fault.variable: fault.example for fault in faults(given)}
    assert examples == {"UVICORN_RELOAD": "false", "UVICORN_WORKERS": "1", "UVICORN_UDS": ""}


def test_an_option_of_a_newer_uvicorn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be ignored silently."""
    monkeypatch.delitem(EFFECTS, "loop")
    (fault,) = faults({"UVICORN_LOOP": "none"})
    assert fault.problem == "it is not supported: this version of the orchestrator does not know it"


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--port", "Set PORT instead."),
        ("--proxy-headers", "Set UVICORN_PROXY_HEADERS instead."),
        ("--workers", "It is not supported: `serve` is one process"),
        ("app.main:app", "Set ORCHESTRATOR_APP=app.main:app instead."),
        ("--nonsense", ""),
        ("port", ""),
    ],
)
def test_an_argument_of_uvicorn_is_answered_with_its_variable(argument: str, words: str) -> None:
    """The first thing that is tried is uvicorn's own command line."""
    told = instead(argument)
    assert told.startswith(f" {words}") if words else told == ""

"""The health check's own reading of the command line and of the settings, which it may not import."""

from urllib.parse import unquote

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.serving import probe
from orchestrator.settings.model import Settings

FIELDS = Settings.variables()
LIVE, READY, STARTUP = "ORCHESTRATOR_LIVE_PATH", "ORCHESTRATOR_READY_PATH", "ORCHESTRATOR_STARTUP_PATH"


@pytest.mark.parametrize("name", probe.DEFAULTS)
def test_the_defaults_are_those_of_the_settings(name: str) -> None:
    """They stand in two places, because importing the settings would cost more than the whole check."""
    assert probe.DEFAULTS[name] == str(Settings.fields[FIELDS[name]].default)


@hypothesis.given(
    st.one_of(
        st.integers(-10, 70_000).map(str),
        st.from_regex(r"[+-]?[0-9_]{1,6}(\.[0_]{0,3})?", fullmatch=True),
        st.text("0123456789_+-.e \u0665\uff18", max_size=8),
        st.text(max_size=8),
    )
)
@hypothesis.settings(max_examples=hypothesis.settings().max_examples * 5)
def test_a_port_that_can_be_served_is_asked(text: str) -> None:
    """In every spelling that the settings allow."""
    settings, faults = Settings.read({"PORT": text})
    assert faults or probe.port_of(text) == settings.port


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "http", "80.5", "8000.x", "\u0668", "9" * 5000])
def test_an_invalid_port_is_not_healthy(text: str) -> None:
    """No server can listen there, and the line names the variable."""
    with pytest.raises(probe.NotHealthyError, match="PORT is not a port") as caught:
        probe.port_of(text)
    assert len(str(caught.value)) < 100


@hypothesis.given(st.from_regex(r"\A/[!-~]{0,30}\Z"))
def test_a_path_arrives_as_it_is_set(path: str) -> None:
    """The gate compares what uvicorn has decoded, without the query."""
    asked = probe.path_to_ask({READY: path, LIVE: "", STARTUP: ""}, live=False)
    assert unquote(asked.partition("?")[0]) == path
    assert "#" not in asked


@pytest.mark.parametrize(
    ("kept", "ready", "live"),
    [
        ({LIVE, READY, STARTUP}, READY, LIVE),
        ({LIVE, STARTUP}, STARTUP, LIVE),
        ({READY, STARTUP}, READY, STARTUP),
        ({LIVE}, LIVE, LIVE),
        ({READY}, READY, READY),
    ],
)
def test_a_path_that_the_app_has_is_not_asked(kept: set[str], ready: str, live: str) -> None:
    """The app answers there, and its answer proves nothing. An answer of the orchestrator contains the state."""
    settings = {name: f"/{name}" if name in kept else "" for name in (LIVE, READY, STARTUP)}
    assert probe.path_to_ask(settings, live=False) == f"/{ready}"
    assert probe.path_to_ask(settings, live=True) == f"/{live}"


@pytest.mark.parametrize("live", [False, True])
def test_with_no_path_left_nothing_can_be_asked(live: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A line with the reason is better than an answer without a meaning."""
    with pytest.raises(probe.NotHealthyError, match="handed to the app"):
        probe.path_to_ask(dict.fromkeys((LIVE, READY, STARTUP), ""), live=live)


@pytest.mark.parametrize("path", ["readyz", "/a b", "/a\r\nX: y", "/\u00fc", "/\x7f", "/\udcff", "http://host/", " "])
def test_an_invalid_path_is_not_sent(path: str) -> None:
    """The settings refuse it as well; it must not become another request."""
    with pytest.raises(probe.NotHealthyError, match="form"):
        probe.path_to_ask({READY: path, LIVE: "/l", STARTUP: ""}, live=False)


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("10.1.2.3", ("10.1.2.3",)),
        ("0.0.0.0", ("127.0.0.1",)),
        ("::", ("::1", "127.0.0.1")),
        ("0:0:0:0:0:0:0:0", ("::1", "127.0.0.1")),
        ("::0.0.0.0", ("::1", "127.0.0.1")),
        ("::1", ("::1",)),
        ("fe80::1%eth0", ("fe80::1%eth0",)),
        ("localhost", ("localhost",)),
        ("", ("",)),
    ],
)
def test_all_addresses_of_the_container_are_reached_by_its_own(host: str, asked: tuple[str, ...]) -> None:
    """Nobody can connect to `all of them` everywhere."""
    assert probe.addresses_of(host) == asked


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], (False, 3.0)),
        (["--live"], (True, 3.0)),
        (["--timeout", "1.5"], (False, 1.5)),
        (["--timeout=0.25", "--live"], (True, 0.25)),
        (["--timeout", "1", "--timeout", "2"], (False, 2.0)),
    ],
)
def test_a_command_line_is_read(arguments: list[str], options: tuple[bool, float]) -> None:
    """Without click, whose import takes longer than the check."""
    assert probe.parse(arguments) == options


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["--timeout"],
        ["--timeout="],
        ["--timeout", "--live"],
        ["--live=yes"],
        ["--timeout", "0"],
        ["--timeout", "-1"],
        ["--timeout", "nan"],
        ["--timeout", "inf"],
        ["--timeout", "3600.1"],
        ["--timeout", "5s"],
        ["now"],
        ["--"],
        ["--liv"],
        [""],
    ],
)
def test_the_rest_is_left_to_click(arguments: list[str]) -> None:
    """Help and errors of usage look like any command's."""
    assert probe.parse(arguments) is None

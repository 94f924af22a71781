"""The output for a person: lines as wide as the window, faults and failures in full."""

import os
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.log.terminal import renderer
from orchestrator.log.terminal.bottom import ERASE
from orchestrator.log.terminal.screen import Screen
from orchestrator.log.terminal.text import Text

COMMON = {"timestamp": "2026-11-30T10:44:52.123Z", "state": "migrating", "logger": "orchestrator", "outcome": "unknown"}
ESCAPE = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
LONG = "The database is at a1b2c3 and this image needs d4e5f6, " * 4


def fields(event: str, message: str = "words", level: str = "info", **more: Any) -> dict[str, Any]:
    """Return the fields of a line."""
    return {**COMMON, "event": event, "message": message, "level": level, **more}


def shown(columns: int, line: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is to be read of a line in a window of so many columns."""
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    return ESCAPE.sub("", Screen(0, colours=True)(dict(line))).lstrip("\r").split("\n")


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_lines_fit_into_the_window_and_break_between_words(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal would break at any other place."""
    lines = shown(columns, fields("log", LONG, logger="stdout", hint=LONG), monkeypatch)
    assert all(len(line) < columns for line in lines)
    assert " ".join(word for line in lines for word in line.split()[2 if line == lines[0] else 0 :]) == " ".join(
        f"{LONG}→ {LONG}".split()
    )


def test_a_window_without_a_size_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A serial line and a new pseudo terminal report 0."""
    assert max(map(len, shown(0, fields("log", LONG, logger="stdout"), monkeypatch))) in range(60, 80)


def test_each_fault_is_a_line_with_its_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence repeats none of them; a mistyped variable shows the one that is meant."""
    faults = [
        {"variable": "PORT", "problem": "it must be a whole number", "example": "8000"},
        {"variable": "ORCHESTRATOR_SERVCIE", "problem": "no such variable", "example": "ORCHESTRATOR_SERVICE=plants"},
    ]
    line = fields(
        "settings_invalid", "2 settings are wrong: PORT: it ...", "critical", faults=faults, hint="Correct them."
    )
    assert shown(100, line, monkeypatch) == [
        "10:44:52 ✗ 2 settings are wrong:",
        "           PORT: it must be a whole number",
        "               for example: PORT=8000",
        "           ORCHESTRATOR_SERVCIE: no such variable",
        "               for example: ORCHESTRATOR_SERVICE=plants",
        "           → Correct them.",
        "           Runbook: docs/runbook.md#settings_invalid",
    ]


def test_a_half_applied_revision_shows_its_sql_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the terminal and in a file: everything that the repair needs."""
    line = fields(
        "migration_half_applied",
        "The migration stopped half way",
        "critical",
        revision="r2",
        statement_index=2,
        statement="ALTER TABLE a\n  ADD x INT",
        applied=["CREATE TABLE a (id INT)"],
        pending_statement="",
        left=["op.create_index('i', 'a', ['x'])"] * 15,
        hint="Repair it.",
    )
    below = [each.strip() for each in shown(100, line, monkeypatch)[1:]]
    assert below[:5] == [
        "statement 2 of revision r2:",
        "ALTER TABLE a",
        "ADD x INT",
        "done, and still in the database:",
        "CREATE TABLE a (id INT)",
    ]
    assert below[5] == "not done:"
    assert below[-3:] == ["... 3 more", "→ Repair it.", "Runbook: docs/runbook.md#migration_half_applied"]
    assert [each.strip() for each in Text(colours=False)(line).split("\n")[1:]] == below


def test_the_last_line_of_a_failed_start_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is the line above."""
    told: dict[str, Any] = {
        "exit_code": 7,
        "failed_state": "migrating",
        "failure_event": "migration_failed",
        "hint": "x",
    }
    line = fields("startup_failed", "The start failed: " + LONG, "critical", **told)
    assert shown(80, line, monkeypatch) == [
        "10:44:52 ✗ Exit code 7, while migrating; `orchestrator explain 7` tells more"
    ]
    text = Text(colours=False)(line)
    assert text.endswith("while migrating (exit code 7): see migration_failed above, or `orchestrator explain 7`.")


def test_a_last_line_without_a_failure_above_says_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a bug, a wrong command line or a limit of memory there is no other line."""
    told: dict[str, Any] = {"exit_code": 64, "failed_state": "waiting", "failure_event": "", "hint": "Correct it."}
    line = fields("startup_failed", "The start failed: no such command", "critical", **told)
    assert shown(80, line, monkeypatch) == [
        "10:44:52 ✗ The start failed: no such command",
        "           → Correct it.",
        "           Runbook: docs/runbook.md#exit-64",
    ]
    assert Text(colours=False)(line).splitlines()[1].strip() == "→ Correct it."


SITE = "https://docs.example.com/orchestrator"
LINKED = f"\x1b]8;;{SITE}/docs/runbook.html#lock_timeout\x1b\\docs/runbook.md#lock_timeout\x1b]8;;\x1b\\"


@pytest.mark.parametrize(
    ("documentation", "environ", "link"),
    [
        ("", {"TERM_PROGRAM": "WezTerm"}, "docs/runbook.md#lock_timeout"),
        (f"{SITE}/", {"TERM_PROGRAM": "WezTerm"}, LINKED),
        (SITE, {"VTE_VERSION": "7600"}, LINKED),
        (SITE, {"VTE_VERSION": "4200"}, f"{SITE}/docs/runbook.html#lock_timeout"),
        (SITE, {"TERM_PROGRAM": "WezTerm", "TMUX": "socket,1,0"}, f"{SITE}/docs/runbook.html#lock_timeout"),
        (
            "https://forge.example.com/o/r/tree/main/docs",
            {},
            "https://forge.example.com/o/r/tree/main/docs/runbook.md#lock_timeout",
        ),
    ],
)
def test_a_failure_leads_to_its_section_of_the_runbook(
    documentation: str, environ: dict[str, str], link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a link where the terminal takes one and the package knows its documentation; never in a file."""
    addresses = [f"Documentation, {documentation}"] if documentation else None
    monkeypatch.setattr("importlib.metadata.metadata", lambda _: SimpleNamespace(get_all=lambda _: addresses))
    monkeypatch.setattr("os.environ", environ)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((120, 24)))
    line = fields("lock_timeout", "Did not get the lock", "critical", hint="Look at the holder.")
    assert Screen(0, colours=False)(line).endswith(f"           Runbook: {link}")
    assert "\x1b" not in Text(colours=False)(line)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((40, 24)))
    assert Screen(0, colours=False)(line).endswith(f"\n           Runbook:\n{link}")


def test_serving_shows_an_address_to_click_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals make a link of it; an IPv6 address needs its brackets."""
    line = fields("server_started", host="::1", port=8000, startup_seconds=1.234)
    assert shown(80, line, monkeypatch)[0].endswith("Serving on http://[::1]:8000 after 1.2 s")


def test_a_client_writes_no_escapes_and_no_lines() -> None:
    """A path may hold what clears a screen."""
    path = "/\x1b[2J\r\n10:44:52 ✓ Stopped"
    text = Screen(0, colours=False)(fields("request", f"GET {path} 404", status=404, duration_seconds=0.0014))
    assert text.startswith(ERASE)
    first, *rest = text.removeprefix(ERASE).split("\n")
    assert "\x1b" not in first
    assert all(line.startswith("           ") for line in rest)
    assert text.endswith("404  1 ms")


@pytest.mark.parametrize(
    ("environ", "terminal", "kind", "coloured"),
    [
        ({"TERM": "xterm"}, True, Screen, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, Screen, False),
        ({"TERM": "xterm", "CI": "true"}, True, Text, True),
        ({"TERM": "dumb"}, True, Text, False),
        ({}, False, Text, False),
        ({"FORCE_COLOR": "1"}, False, Text, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, Text, False),
    ],
)
def test_escapes_go_only_where_they_belong(
    environ: dict[str, str],
    terminal: bool,  # noqa: FBT001  # of the row
    kind: type,
    coloured: bool,  # noqa: FBT001  # same
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file, a pipe, a dumb terminal and the log of CI show them as rubbish."""
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: terminal, fileno=lambda: 1))
    render = renderer()
    assert type(render) is kind
    line = render(fields("log", level="warning", logger="stdout"))
    assert bool(re.search(r"\x1b\[\d", line.removeprefix(ERASE))) == coloured


@pytest.mark.parametrize("render", [Screen(0, colours=True), Text(colours=True)], ids=["terminal", "text"])
def test_words_are_never_yellow(render: Callable[[dict[str, Any]], str]) -> None:
    """On a white terminal that cannot be read; only the mark is."""
    request = fields("request", "GET / 404", status=404, duration_seconds=0.1)
    for line in (fields("log", "careful", level="warning", logger="app"), request):
        assert re.findall(r"\x1b\[33m([^\x1b]*)", render(line)) in ([], ["!"])

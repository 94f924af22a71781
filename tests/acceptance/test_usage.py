"""Errors of usage are one line on stderr; help and version need nothing."""

from pathlib import Path

import pytest

from tests.acceptance.settings_faults import EVERY
from tests.harness import run


@pytest.mark.parametrize(
    "arguments",
    [
        ["sevre"],
        ["--no-such"],
        ["serve", "--port", "1"],
        ["serve", "now"],
        ["wait", "--json"],
        ["migrate", "\n\x1b[31m"],
    ],
)
async def test_an_error_of_usage_is_one_line_on_stderr(arguments: list[str], tmp_path: Path) -> None:
    """And exit code 64; the log has its last event, if any command was meant that writes one."""
    result = await run(*arguments, cwd=tmp_path)
    assert (result.exit_code, result.noise) == (64, [])
    assert [event["event"] for event in result.events][-1:] in ([], ["startup_failed"])
    assert result.stderr.startswith("orchestrator: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert "Traceback" not in result.stderr


async def test_the_help_of_serve_names_every_variable(tmp_path: Path) -> None:
    """A person without the documentation looks there; wrong settings do not prevent it."""
    result = await run("serve", "--help", env={"PORT": "x", "COLUMNS": "200"}, cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [name for name in EVERY if name not in "\n".join(result.lines)] == []


async def test_help_and_version_need_nothing(tmp_path: Path) -> None:
    """No settings, no database, no project."""
    for option in ("--help", "-h", "--version"):
        result = await run(option, env={"ORCHESTRATOR_TYPO": "x"}, cwd=tmp_path)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.lines

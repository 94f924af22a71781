"""`--help`: by purpose, in whole sentences, with exit codes and the variables that a command reads."""

from pathlib import Path

import click
import pytest

from orchestrator.command_line.cli import cli, main
from orchestrator.command_line.command_help import HELP, PURPOSES
from orchestrator.errors import EXIT_USAGE
from orchestrator.runtime.stop import Stop

WIDTH = 80


def _help(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main([*command, "--help"], Stop()) == 0
    return capsys.readouterr().out


def test_every_command_is_listed_by_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    """A new command finds its place, and what people need first comes first."""
    listed = [name for names in PURPOSES.values() for name in names]
    assert sorted(listed) == cli.list_commands(click.Context(cli)) == sorted(HELP)
    text = _help(capsys)
    assert text.index("serve ") < text.index("status ") < text.index("cloudwatch ")
    assert "..." not in text.partition("\n\n")[2]


@pytest.mark.parametrize("name", sorted(HELP))
def test_the_help_of_a_command_is_complete(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It fits a terminal, names its exit codes, and leads to a page that exists."""
    text = _help(capsys, name)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "Exit codes:" in text
    assert Path("docs", HELP[name].page).is_file()


def test_a_command_lists_only_the_variables_that_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """One that has no effect misleads."""
    assert "ORCHESTRATOR_DRAIN_SECONDS" in _help(capsys, "serve")
    assert "ORCHESTRATOR_DRAIN_SECONDS" not in _help(capsys, "migrate")
    assert "ORCHESTRATOR_AFTER_MIGRATE" not in _help(capsys, "wait")
    assert "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS" not in _help(capsys, "status")
    assert "Environment:" not in _help(capsys, "timeline")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "--jsn"], "orchestrator plan --help"),
        (["status", "more"], "orchestrator status --help"),
        (["check", "--dialect", "oracle"], "orchestrator check --help"),
        (["statu"], "Did you mean 'status'?"),
        (["STATUS"], "Did you mean 'status'?"),
        (["xyz"], "There is no command 'xyz'. (see orchestrator --help)"),
        (["check", "--since"], "requires an argument. (see orchestrator check --help)"),
        (["migrate", "main:app"], "unexpected extra argument (main:app) (see orchestrator migrate --help)"),
        (["main:app"], "There is no command 'main:app'. Set ORCHESTRATOR_APP=main:app instead."),
        (["serve", "main:app"], "unexpected extra argument (main:app). Set ORCHESTRATOR_APP=main:app instead."),
        (["serve", "--port", "80"], "No such option '--port'. Set PORT instead. (see orchestrator serve --help)"),
        (["serve", "--root-path=/x"], "Set UVICORN_ROOT_PATH instead."),
        (["serve", "--reload"], "It is not supported: `serve` is one process"),
    ],
)
def test_an_error_of_usage_points_at_the_help(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with the command's own help."""
    assert main(arguments, Stop()) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err


@pytest.mark.parametrize("name", sorted(HELP))
@pytest.mark.parametrize("arguments", [["--nosuch"], ["one", "two", "three"]])
def test_no_command_ignores_what_it_does_not_know(
    name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise a typo would start something else than what was meant."""
    if name == "run":
        return  # its arguments are a program and the program's arguments
    assert main([name, *arguments], Stop()) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("orchestrator: ")
    assert f"(see orchestrator {name} --help)" in err

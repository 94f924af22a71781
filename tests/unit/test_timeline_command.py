"""The command besides drawing: the place of its output, the terminal, and its remarks."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click
import pytest

from orchestrator.timeline import draw
from tests.unit.timelines import log, many


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Return standard output, which is a terminal of 100 columns."""
    master, slave = os.openpty()
    monkeypatch.setenv("COLUMNS", "100")
    with open(master, "rb"), open(slave, "w", encoding="utf-8") as stdout:  # noqa: PTH123  # they have no path
        yield stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a log of three starts, with a line that is not ours."""
    path = tmp_path / "log"
    path.write_bytes(b"hello\n" + log(many(3)))
    return path


def written(terminal: TextIO, monkeypatch: pytest.MonkeyPatch, file: Path) -> str:
    """Return what the command writes to the terminal."""
    told: list[str] = []
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr(terminal, "write", told.append)
    assert draw(file, None) == 0
    return "".join(told)


def test_a_terminal_gets_colours_and_all_of_its_width(
    terminal: TextIO, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """As far as it goes."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[38;5;33m█" in written(terminal, monkeypatch, file)
    monkeypatch.setenv("NO_COLOR", "1")
    shown = written(terminal, monkeypatch, file)
    assert "\x1b" not in shown
    assert 80 < max(len(line) for line in shown.splitlines()) <= 100


def test_a_pipe_gets_80_columns_and_no_colours(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the same log gives the same text everywhere."""
    assert draw(file, None) == 0
    shown, aside = capsys.readouterr()
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert shown.endswith("\n1 line skipped that is not ours.\n")
    assert aside == ""


def test_a_picture_takes_the_place_of_the_old_one(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With no other file next to it; skipped lines are reported on stderr."""
    (tmp_path / "real.svg").write_text("old")
    (tmp_path / "picture.svg").symlink_to("real.svg")
    assert draw(file, tmp_path / "picture.svg") == 0
    assert (tmp_path / "real.svg").read_text().startswith("<?xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "picture.svg", "real.svg"]
    assert capsys.readouterr() == ("", "orchestrator: 1 line skipped that is not ours.\n")


def test_a_device_is_written_to_and_not_replaced(file: Path) -> None:
    """`--svg /dev/stdout` is how one pipes it on."""
    assert draw(file, Path("/dev/null")) == 0
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_leaves_the_old_picture(file: Path, tmp_path: Path) -> None:
    """Half a picture is useless."""
    with pytest.raises(click.ClickException, match="/dev/full cannot be written: No space left on device"):
        draw(file, Path("/dev/full"))
    (tmp_path / "picture.svg").mkdir()
    with pytest.raises(click.ClickException, match=r"picture.svg cannot be written: Is a directory"):
        draw(file, tmp_path / "picture.svg")

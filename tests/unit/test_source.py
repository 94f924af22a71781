"""The rest of a revision's script after a line: correct in loops and with helpers."""

import importlib.util
import weakref
from pathlib import Path
from typing import Any

from orchestrator.migrations.journal.running_line import RunningLine
from orchestrator.migrations.journal.source import left_after

SCRIPT = """
lines = []


def helper(note):
    note()
    note()


def upgrade(note):
    note()
    for name in ("a", "b"):
        note()
        note()
    helper(note)
    print("last")
"""


def _lines(path: Path) -> list[int]:
    """Run the script, and return the line of each note."""
    path.write_text(SCRIPT)
    found: list[int] = []
    running = RunningLine(str(path))
    _module(path).upgrade(lambda: found.append(running.now()))
    return found


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("revision", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_rest_is_what_comes_after_the_running_line(tmp_path: Path) -> None:
    """The rest of the loop, and of the helper, are named as such: how much of them is done is not known."""
    path = tmp_path / "revision.py"
    first, in_loop, *_, in_helper, _ = [left_after(str(path), abs(line)) for line in _lines(path)]
    assert first[:2] == ["note()", "note()"]
    assert in_loop == ['the rest of: for name in ("a", "b"):', "helper(note)", 'print("last")']
    assert in_helper == ['print("last")']


def test_a_helper_that_is_not_done_is_named(tmp_path: Path) -> None:
    """A negative line means that a helper was running."""
    path = tmp_path / "revision.py"
    line = abs(_lines(path)[-1])
    assert left_after(str(path), -line) == ["the rest of: helper(note)", 'print("last")']


def test_an_unknown_source_adds_nothing(tmp_path: Path) -> None:
    """No line, no script, no `upgrade`."""
    path = tmp_path / "revision.py"
    path.write_text(SCRIPT)
    assert left_after(str(path), 0) == []
    assert left_after(str(tmp_path / "none.py"), 5) == []


def test_what_a_revision_holds_is_not_kept_behind_it(tmp_path: Path) -> None:
    """The frame of `upgrade` holds all that its variables do, perhaps a million rows."""
    path = tmp_path / "revision.py"
    path.write_text("class Rows:\n    pass\n\n\ndef upgrade(note):\n    rows = Rows()\n    note(rows)\n")
    found: list[weakref.ref[object]] = []
    running = RunningLine(str(path))

    def note(rows: object) -> None:
        found.append(weakref.ref(rows))
        assert abs(running.now()) == 7

    _module(path).upgrade(note)
    running.forget()
    assert found[0]() is None

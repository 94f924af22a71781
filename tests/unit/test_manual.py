"""The documentation says what the code does, because it is made from it."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import manual
from orchestrator.events import CATALOGUE
from orchestrator.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_events_are_documented_as_they_are() -> None:
    """If this fails: `python -m orchestrator.manual > docs/events.md`."""
    assert (ROOT / "docs" / "events.md").read_text(encoding="utf-8") == manual.markdown_events()


def test_the_settings_are_documented_as_they_are() -> None:
    """If this fails: put what `python -m orchestrator.manual settings` prints between the README's two markers."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, begin, rest = readme.partition("<!-- settings -->\n")
    table, end, _ = rest.partition("<!-- /settings -->")
    assert begin
    assert end
    assert table.strip() == manual.markdown_table().strip()


@pytest.mark.parametrize(
    ("arguments", "expected"), [([], manual.markdown_events()), (["settings"], manual.markdown_table())]
)
def test_the_manual_is_printed(arguments: list[str], expected: str) -> None:
    """As the command in the document's first lines says."""
    command = [sys.executable, "-m", "orchestrator.manual", *arguments]
    assert subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout == expected


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head() -> None:
    """A `|` in a text would break it."""
    for table in (manual.markdown_table(), manual.markdown_events()):
        for block in table.split("\n\n"):
            rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
            assert len({row.count("|") for row in rows}) <= 1, block


def test_everything_is_in_the_manual() -> None:
    """Whatever is added to the code."""
    assert all(f"### `{name}`" in manual.markdown_events() for name in CATALOGUE)
    rows = manual.variables()
    assert {row.name for row in rows} >= set(Settings.variables())
    assert len({row.name for row in rows}) == len(rows)
    assert {"ORCHESTRATOR_MIGRATE (default: true)", "PORT (default: 8000)"} <= {
        f"{row.name} (default: {row.default})" for row in rows
    }

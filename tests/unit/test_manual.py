"""The documentation agrees with the code, because it is generated from it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.documentation import manual
from orchestrator.events import CATALOGUE
from orchestrator.settings.model import Settings

ROOT = Path(__file__).parents[2]


def test_the_events_are_documented_as_they_are() -> None:
    """If this fails: `orchestrator events > docs/events.md`."""
    assert (ROOT / "docs" / "events.md").read_text(encoding="utf-8") == manual.markdown_events()


def test_the_settings_are_documented_as_they_are() -> None:
    """If this fails: `python -m orchestrator.documentation.manual > docs/settings.md`."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == manual.markdown_settings()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["orchestrator.documentation.manual"], manual.markdown_settings()),
        (["orchestrator", "events"], manual.markdown_events()),
        (["orchestrator", "events", "--format", "markdown"], manual.markdown_events()),
        (["orchestrator", "events", "--format", "json"], manual.catalogue("json")),
        (["orchestrator", "events", "--format", "schema"], manual.catalogue("schema")),
    ],
)
def test_the_manual_is_printed(command: list[str], expected: str, tmp_path: Path) -> None:
    """Anywhere, without a setting: it is about the program and not about a project."""
    done = subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (expected, "")


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head() -> None:
    """A `|` in a text would break it."""
    for table in (manual.markdown_settings(), manual.markdown_events()):
        for block in table.split("\n\n"):
            rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
            assert len({row.count("|") for row in rows}) <= 1, block


def test_everything_is_in_the_manual() -> None:
    """Whatever is added to the code."""
    assert all(f"### `{name}`" in manual.markdown_events() for name in CATALOGUE)
    assert [each["name"] for each in json.loads(manual.catalogue("json"))["events"]] == list(CATALOGUE)
    rows = manual.variables()
    assert {row.name for row in rows} >= set(Settings.variables())
    assert len({row.name for row in rows}) == len(rows)
    assert {"ORCHESTRATOR_MIGRATE (default: true)", "PORT (default: 8000)"} <= {
        f"{row.name} (default: {row.default})" for row in rows
    }

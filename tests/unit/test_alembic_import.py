"""Alembic is imported without Pygments, which Mako imports with it, and Mako still has its colours."""

import subprocess
import sys

_IMPORT = """
import sys
from orchestrator.migrations.scripts.alembic_import import import_alembic
import_alembic()
assert "alembic.config" in sys.modules
assert "pygments" not in sys.modules
"""
_ASK = """
from mako.exceptions import html_error_template, pygments_html_formatter, syntax_highlight
assert pygments_html_formatter is not None
assert "<span" in syntax_highlight(language="python")("x = 1")
try:
    1 / 0
except ZeroDivisionError:
    assert "ZeroDivisionError" in html_error_template().render(css=False).decode()
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr


def test_alembic_is_imported_without_pygments() -> None:
    """It would be half of the time, for pages that Alembic never shows."""
    assert _run(_IMPORT) == ""


def test_an_app_that_shows_makos_pages_gets_the_colours() -> None:
    """They belong to the app's process: our start may not take them away."""
    assert _run(_IMPORT + _ASK) == ""


def test_a_mako_that_the_app_has_imported_is_left_alone() -> None:
    """It has its colours already, or was told not to."""
    assert _run("import mako.exceptions\n" + _IMPORT.replace("not in", "in") + _ASK) == ""

"""Alembic is imported without what a start does not need, and whoever needs it still has it."""

import subprocess
import sys

import pytest

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


_LOADED = """
import types
def loaded():
    return {name.split(".")[2] for name in sys.modules if name.startswith("sqlalchemy.dialects.")} - {"_typing"}
def class_of(dialect):
    from alembic.ddl.impl import DefaultImpl
    return DefaultImpl.get_by_dialect(types.SimpleNamespace(name=dialect))
assert loaded() == set(), loaded()
"""


@pytest.mark.parametrize(
    ("dialect", "imported"),
    [("mariadb", "mysql"), ("mysql", "mysql"), ("postgresql", "postgresql"), ("sqlite", "sqlite"), ("mssql", "mssql")],
)
def test_only_the_database_that_is_migrated_is_imported(dialect: str, imported: str) -> None:
    """PostgreSQL's drivers alone would be a third of the time."""
    asked = f'assert class_of("{dialect}").__dialect__ == "{dialect}"\nassert loaded() <= {{"{imported}"}}, loaded()'
    assert _run(_IMPORT + _LOADED + asked) == ""


def test_an_unknown_dialect_is_unknown_as_usual() -> None:
    """Its package registers it with Alembic, and says so if it does not."""
    asked = "try: class_of('nosuch')\nexcept KeyError as error: assert error.args == ('nosuch',)"
    assert _run(_IMPORT + _LOADED + asked) == ""


def test_a_revision_may_import_an_operation_of_another_database() -> None:
    """A tree for two databases asks for the dialect before it calls it."""
    asked = "from alembic.op import create_exclude_constraint\nfrom alembic.ddl import postgresql\nimport alembic.op"
    missing = "try: alembic.op.nosuch\nexcept AttributeError as error: assert 'nosuch' in str(error)"
    assert _run(f"{_IMPORT}{_LOADED}{asked}\n{missing}") == ""


def test_a_projects_own_class_replaces_alembics() -> None:
    """Also if Alembic's own is loaded after it."""
    own = "from alembic.ddl.impl import DefaultImpl\nclass Own(DefaultImpl): __dialect__ = 'sqlite'"
    asked = "import alembic.ddl.sqlite\nalembic.ddl.sqlite.SQLiteImpl\nassert class_of('sqlite') is Own"
    assert _run(f"{_IMPORT}{_LOADED}{own}\n{asked}") == ""

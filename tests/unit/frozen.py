"""Freezes Alembic directories, and compares the trees."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.migrations.scripts.freeze import freeze
from orchestrator.migrations.scripts.manifest import FILE_NAME, read_manifest
from orchestrator.migrations.scripts.tree import Tree
from tests.unit.scripts import Scripts, shape

PLACES = "path_separator = os\nversion_locations = %(here)s/migrations/versions:%(here)s/more\n"
Change = Callable[[Scripts], object]


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """An Alembic directory with three revisions, which is the current one."""
    scripts = scripts_in(tmp_path / "tree")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(scripts.directory)
    return scripts


def scripts_in(directory: Path) -> Scripts:
    """Make an Alembic directory with three revisions."""
    directory.mkdir()
    scripts = Scripts(directory)
    scripts.revision("a")
    scripts.revision("b", "a")
    scripts.revision("c", "b")
    return scripts


def manifest(scripts: Scripts) -> Path:
    """Where it is."""
    return scripts.env.with_name(FILE_NAME)


def frozen(scripts: Scripts) -> Tree:
    """Freeze the scripts, and return what is read then, without a warning."""
    freeze_now()
    tree = read_manifest(scripts.files)
    assert tree is not None
    return tree


def freeze_now() -> None:
    """Freeze as in a new process, which has not imported the package of another test."""
    for name in ("plants", "plants.storage"):
        sys.modules.pop(name, None)
    assert freeze({}) == 0


def assert_same(ours: Tree, theirs: Tree) -> None:
    """Two trees are one, with all that is known of each revision."""
    assert shape(ours) == shape(theirs)
    assert {each.id: each.checksum for each in ours.ordered} == {each.id: each.checksum for each in theirs.ordered}
    assert ours.heads == theirs.heads


def of_a_package(scripts: Scripts) -> None:
    """Let the scripts belong to a package of the project."""
    package = scripts.directory / "plants" / "storage"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    scripts.env.parent.rename(package / "migrations")
    scripts.env, scripts.versions = package / "migrations" / "env.py", package / "migrations" / "versions"
    scripts.ini.write_text(
        "[alembic]\nscript_location = plants.storage:migrations\nprepend_sys_path = %(here)s\npath_separator = os\n"
    )

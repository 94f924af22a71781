"""Projects that tests make are what Alembic and an ASGI server take."""

import importlib.util
from pathlib import Path

import httpx
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.harness import Project, make_project


def _scripts(project: Project) -> ScriptDirectory:
    toml = project.path / "pyproject.toml"
    config = Config(project.path / "alembic.ini", toml_file=toml if toml.exists() else None)
    return ScriptDirectory.from_config(config)


@pytest.mark.parametrize("template", ["generic", "async", "pyproject", "pyproject_async"])
def test_alembic_finds_the_revisions(tmp_path: Path, template: str) -> None:
    """Each one follows the one added before it, unless a parent is given."""
    project = make_project(tmp_path / "project", template)
    for revision in ("r1", "r2"):
        project.add_revision(revision, "op.execute('SELECT 1')\nop.execute('SELECT 2')")
    project.add_revision("side", down_revision="r1")
    project.add_revision("both", down_revision=("r2", "side"))
    scripts = _scripts(project)
    assert scripts.get_heads() == ["both"]
    assert {each.revision for each in scripts.iterate_revisions("both", "base")} == set(project.revisions)


def test_a_project_shows_no_absolute_path(tmp_path: Path) -> None:
    """It may be moved, as when an image is built."""
    for template in ("async", "pyproject_async"):
        project = make_project(tmp_path / template, template)
        files = [path for path in project.path.rglob("*") if path.is_file()]
        assert not [path for path in files if str(tmp_path) in path.read_text()]


async def test_the_application_says_hello(tmp_path: Path) -> None:
    """To any request."""
    project = make_project(tmp_path / "project")
    spec = importlib.util.spec_from_file_location("hello", project.path / "app" / "main.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    transport = httpx.ASGITransport(module.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        response = await client.get("/anything")
    assert (response.status_code, response.text) == (200, "hello")

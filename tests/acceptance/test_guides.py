"""The blocks of docs/adopt.md and docs/faq.md work in a project that plain Alembic has migrated."""

import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from tests.harness import Orchestrator, Project, make_project, run

ROOT = Path(__file__).parents[2]
ADOPT = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAQ = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
URL = "sqlite:///app.db"
ENV = {"DATABASE_URL": URL, "ORCHESTRATOR_APP": "shop.main:app"}
CREATE = "op.create_table('{}', sa.Column('id', sa.Integer, primary_key=True))"


def _block(language: str, section: str) -> str:
    """Return the first block in a section of adopt.md."""
    _, _, text = ADOPT.partition(f"\n## {section}\n")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project `shop` whose database plain Alembic has migrated."""
    project = make_project(tmp_path / "project", "generic")
    (project.path / "app").rename(project.path / "shop")
    project.add_revision("r1", CREATE.format("plants"))
    ini = project.path / "alembic.ini"
    ini.write_text(re.sub(r"(?m)^sqlalchemy.url = .*", f"sqlalchemy.url = {URL}", ini.read_text()))
    monkeypatch.chdir(project.path)
    command.upgrade(Config("alembic.ini"), "head")
    return project


def _tables(project: Project) -> set[str]:
    with closing(sqlite3.connect(project.path / "app.db")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def test_a_database_that_alembic_migrated_is_taken_over_and_given_back(project: Project) -> None:
    """At head nothing is written. After a migration, the journal is dropped as on the page, and Alembic works."""
    assert "export ORCHESTRATOR_APP=shop.main:app" in _block("bash", "Start it once")
    assert (await run("migrate", env=ENV, cwd=project.path)).exit_code == 0
    assert _tables(project) == {"alembic_version", "plants"}
    project.add_revision("r2", CREATE.format("pots"))
    assert (await run("migrate", env=ENV, cwd=project.path)).exit_code == 0
    with closing(sqlite3.connect(project.path / "app.db")) as connection:
        connection.executescript(_block("sql", "Remove it again"))
    assert _tables(project) == {"alembic_version", "plants", "pots"}
    command.upgrade(Config("alembic.ini"), "head")
    assert (await run("migrate", env=ENV, cwd=project.path)).exit_code == 0


async def test_the_logging_configuration_is_used(project: Project) -> None:
    """Lines go to the file as well, and its levels hold."""
    project.write("logging.yaml", _block("yaml", "Logs"))
    result = await run("migrate", env=ENV, cwd=project.path)
    assert not result.find("log", level="warning")
    assert " INFO orchestrator: Started `migrate`" in (project.path / "shop.log").read_text()


async def test_reload_comes_after_the_migration(project: Project) -> None:
    """The command for local development, word by word."""
    project.add_revision("r2", CREATE.format("pots"))
    _, *arguments = _block("bash", "Local development with reload").split()
    env = ENV | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    async with Orchestrator(*arguments, "--port", "0", env=env, cwd=project.path) as process:
        await process.event("command_started", command="uvicorn shop.main:app --reload --port 0")
        assert "pots" in _tables(project)


async def test_the_readme_shows_what_a_start_says(tmp_path: Path) -> None:
    """A sentence that is reworded must be reworded there: it is the first thing that a newcomer compares."""
    project = make_project(tmp_path / "project", "generic")
    (project.path / "app").rename(project.path / "shop")
    for revision, description in (("3f2a1c", "Create the orders"), ("8b41d7", "Index the orders by customer")):
        project.add_revision(revision, description=description)
    async with Orchestrator("serve", env=ENV, cwd=project.path) as process:
        await process.event("server_started")
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    *lines, _ = re.findall(r"^[\d:]{8} . (.*?)$", shown.replace("\n" + " " * 11, " "), re.MULTILINE)
    said = {_shape(str(event["message"])) for event in process.events}
    assert len(lines) > 5
    assert not [line for line in lines if _shape(line) not in said]


def _shape(sentence: str) -> str:
    """Return a sentence without what differs from start to start."""
    return re.sub(r"\d[\d.]*", "1", sentence.replace("mysql", "sqlite"))


def test_the_supported_versions_are_those_of_the_package() -> None:
    """The bounds of the libraries are raised in pyproject.toml, and this page must not stay behind."""
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name in ("alembic", "uvicorn"):
        (bounds,) = (text for text in dependencies if text.startswith(name))
        low, below = re.findall(r"(\d+)\.(\d+)", bounds)
        row = rf"\| {name} \| {low[0]}\.{low[1]} to {below[0]}\.{int(below[1]) - 1} \|"
        assert re.search(row, FAQ, re.IGNORECASE)
    assert any(f"sqlalchemy[asyncio]>={version}" in dependencies for version in re.findall(r"\b2\.0\.\d+", FAQ))


def test_what_a_newcomer_types_is_a_command() -> None:
    """README and guide name commands that exist, with their options."""
    pages = ADOPT + FAQ + README
    named = set(re.findall(r"`orchestrator ([a-z]+)", pages))
    shown = subprocess.run(
        [sys.executable, "-m", "orchestrator", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert named
    assert not {name for name in named if not re.search(rf"^  {name} ", shown, re.MULTILINE)}

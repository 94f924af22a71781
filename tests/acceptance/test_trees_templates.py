"""Trees as `alembic init` leaves them, unmodified: they migrate, and the app is served."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, add_two, environment, migrate, stamped
from tests.harness import Orchestrator, Project, make_project
from tests.servers import Database, backends


@pytest.mark.parametrize("template", ["generic", "async"])
@pytest.mark.paired("database")
async def test_a_stock_tree_is_migrated_and_the_app_served(tmp_path: Path, database: Database, template: str) -> None:
    """Whoever follows Alembic's tutorial need not know us; the URL is async, and one of the env.py is not."""
    await _serve_stock_tree(make_project(tmp_path / "project", template), database)


@backends("sqlite", "postgresql")
@pytest.mark.parametrize("template", ["pyproject", "pyproject_async"])
@pytest.mark.paired("database")
async def test_a_stock_tree_in_pyproject_is_as_good(tmp_path: Path, database: Database, template: str) -> None:
    """There the configuration stands in pyproject.toml, and the URL in an alembic.ini, which need not be there."""
    project = make_project(tmp_path / "project", template)
    (project.path / "alembic.ini").unlink()
    await _serve_stock_tree(project, database)


@backends("sqlite")
@pytest.mark.parametrize("template", ["generic", "async"])
async def test_a_stock_ini_does_not_silence_us(tmp_path: Path, database: Database, template: str) -> None:
    """The env.py calls fileConfig, which takes the handlers away, sets WARNING and disables every logger."""
    project = make_project(tmp_path / "project", template)
    assert "fileConfig(" in (project.path / "alembic" / "env.py").read_text()
    logs = "import logging\nlogging.getLogger('team.revision').warning('hello from r1')"
    project.add_revision("r1", f"{CREATE.format('plants')}\n{logs}")
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert result.find("log", logger="team.revision", message="hello from r1")
    assert result.events[-1]["event"] == "process_stopped"
    assert (result.noise, result.stderr) == ([], "")


@backends("sqlite")
async def test_a_configuration_elsewhere_is_named(tmp_path: Path, database: Database) -> None:
    """ORCHESTRATOR_ALEMBIC_CONFIG counts, wherever the process is started."""
    tree = make_project(tmp_path / "tree")
    tree.add_revision("r1")
    (tmp_path / "elsewhere").mkdir()
    here = make_project(tmp_path / "elsewhere" / "here")
    here.add_revision("other")
    result = await migrate(here, database, ORCHESTRATOR_ALEMBIC_CONFIG=str(tree.path / "alembic.ini"))
    assert result.exit_code == 0
    assert stamped(database) == ["r1"]


async def _serve_stock_tree(project: Project, database: Database) -> None:
    add_two(project)
    async with Orchestrator("serve", env=environment(database), cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    assert [event["revision"] for event in process.find("revision_applied")] == ["r1", "r2"]
    assert process.find("migrations_completed", applied_count=2, current_revision="r2")
    assert stamped(database) == ["r2"]
    assert database.execute("SELECT id, name FROM plants") == [(1, "rose")]
    assert (process.noise, process.stderr) == ([], "")

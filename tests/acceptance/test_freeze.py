"""`orchestrator freeze`, as the build of an image runs it, and the starts of that image."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, INSERT, add_two, environment, migrate, stamped, told
from tests.acceptance.test_at_head import SEEN
from tests.harness import Orchestrator, Output, Project, Result, make_project, run
from tests.servers import Database, backends

pytestmark = backends("sqlite")

MANIFEST = "alembic/orchestrator.manifest.json"
LOGGER = "orchestrator.migrations.scripts.manifest"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with scripts in two places, which only Alembic can read; its app prints what is imported."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    script = project.add_revision("r2", INSERT.format(1, "rose"))
    (project.path / "more").mkdir()
    script.rename(project.path / "more" / "r2.py")
    ini = (project.path / "alembic.ini").read_text()
    places = "version_locations = %(here)s/alembic/versions:%(here)s/more"
    project.write("alembic.ini", ini.replace("prepend_sys_path = .\n", f"prepend_sys_path = .\n{places}\n"))
    _tell_imports(project)
    return project


def _tell_imports(project: Project) -> None:
    text = (project.path / "app" / "main.py").read_text()
    project.write("app/main.py", "import sys\n" + text.replace("    for step in", f"{SEEN}    for step in"))


async def freeze(project: Project, **settings: str) -> Result:
    """Run `freeze` as a build does: without a database and without a task's variables."""
    return await run("freeze", env=settings, cwd=project.path)


async def _frozen(project: Project) -> None:
    result = await freeze(project)
    assert (result.exit_code, result.lines, result.stderr) == (0, [], "")


async def _serve(project: Project, database: Database) -> Orchestrator:
    async with Orchestrator("serve", env=environment(database), cwd=project.path, fresh=True) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    assert (process.noise, process.stderr) == ([], "")
    return process


def _warnings(output: Output) -> list[str]:
    return [event["message"] for event in output.find("log", logger=LOGGER, level="warning")]


async def test_a_frozen_tree_needs_no_alembic_at_head(project: Project, database: Database) -> None:
    """For any layout. The first start migrates it as usual, without a message about the manifest."""
    await _frozen(project)
    first = await migrate(project, database)
    assert [event["revision"] for event in first.find("revision_applied")] == ["r1", "r2"]
    second = await _serve(project, database)
    assert told(second) == ["migrations_current"]
    assert second.find("log", message="False False False False")
    assert _warnings(first) == _warnings(second) == []


async def test_an_unfrozen_tree_needs_alembic_and_gets_a_hint(project: Project, database: Database) -> None:
    """Or the test before would prove nothing."""
    assert (await migrate(project, database)).exit_code == 0
    process = await _serve(project, database)
    assert told(process) == ["migrations_current"]
    assert process.find("log", message="True True False False")
    (warning,) = _warnings(process)
    assert "orchestrator freeze" in warning


@pytest.mark.parametrize("template", ["generic", "async", "pyproject", "pyproject_async"])
async def test_every_template_of_alembic_is_frozen(tmp_path: Path, database: Database, template: str) -> None:
    """As `alembic init` leaves it; migrating is the same with a manifest and without."""
    project = make_project(tmp_path / "project", template)
    add_two(project)
    _tell_imports(project)
    await _frozen(project)
    assert (project.path / MANIFEST).is_file()
    first = await _serve(project, database)
    assert [event["revision"] for event in first.find("revision_applied")] == ["r1", "r2"]
    second = await _serve(project, database)
    assert told(second) == ["migrations_current"]
    assert second.find("log", message="False False False False")
    assert _warnings(first) == _warnings(second) == []


@pytest.mark.parametrize("where", ["more", "alembic/versions"])
async def test_a_script_that_came_after_the_manifest_is_applied(
    project: Project, database: Database, where: str
) -> None:
    """Somebody copies it in after the build: the manifest's head is not the tree's any more."""
    await _frozen(project)
    assert (await migrate(project, database)).exit_code == 0
    script = project.add_revision("r3", INSERT.format(2, "lily"))
    script.rename(project.path / where / "r3.py")
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert [event["revision"] for event in result.find("revision_applied")] == ["r3"]
    assert stamped(database) == ["r3"]
    (warning,) = _warnings(result)
    assert "r3.py was added" in warning


async def test_a_script_that_was_changed_after_it_was_applied_is_still_reported(
    project: Project, database: Database
) -> None:
    """The manifest has the checksums of the journal; one from before the change is not believed, one from after is."""
    await _frozen(project)
    assert (await migrate(project, database)).exit_code == 0
    assert not (await _serve(project, database)).find("checksum_changed")
    script = project.path / "more" / "r2.py"
    script.write_text(script.read_text() + "# changed\n")
    process = await _serve(project, database)
    assert process.find("checksum_changed", revision="r2")
    assert len(_warnings(process)) == 1
    await _frozen(project)
    process = await _serve(project, database)
    assert process.find("checksum_changed", revision="r2")
    assert process.find("log", message="False False False False")
    assert _warnings(process) == []


async def test_freezing_needs_neither_database_nor_app(project: Project) -> None:
    """The build has none; and the variables of the image that speak of them do not matter."""
    project.write("app/main.py", "raise RuntimeError('nobody asked for the app')")
    variables = {
        "DATABASE_URL": "no-url",
        "ORCHESTRATOR_EMBEDDED_DATABASE": "forbid",
        "ORCHESTRATOR_NO_SUCH_VARIABLE": "x",
    }
    result = await freeze(project, **variables)
    assert (result.exit_code, result.lines, result.stderr) == (0, [], "")
    assert sorted(path.name for path in project.path.glob("*.db*")) == []


async def test_scripts_may_import_the_app(project: Project) -> None:
    """As they may at the start: the current directory is where Python looks first."""
    project.write("plants.py", "NAME = 'plants'\n")
    script = project.path / "more" / "r2.py"
    script.write_text(f"from plants import NAME\n{script.read_text()}")
    await _frozen(project)


async def test_a_broken_tree_fails_the_build(project: Project) -> None:
    """Before it fails a deployment, and with the same exit code."""
    project.add_revision("r3", down_revision="r1")
    result = await freeze(project)
    assert (result.exit_code, result.lines) == (9, [])
    assert "r2" in result.stderr
    assert "r3" in result.stderr
    assert "alembic merge heads" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (project.path / MANIFEST).exists()
    assert (await freeze(project, ORCHESTRATOR_TARGET="heads")).exit_code == 0
    assert (project.path / MANIFEST).exists()


async def test_a_tree_that_cannot_be_frozen_is_served_as_ever(tmp_path: Path, database: Database) -> None:
    """The build names the script; and no start gives advice that would not help."""
    project = make_project(tmp_path / "project")
    add_two(project)
    script = project.path / "alembic" / "versions" / "r2.py"
    script.write_text(script.read_text().replace("revision = 'r2'", "revision = 'r' + '2'"))
    result = await freeze(project)
    assert (result.exit_code, result.lines) == (0, [])
    assert "r2.py computes its ids" in result.stderr
    assert not (project.path / MANIFEST).exists()
    process = await _serve(project, database)
    assert process.find("migrations_completed", current_revision="r2")
    assert _warnings(process) == []


async def test_its_help_lists_what_it_reads(tmp_path: Path) -> None:
    """And nothing of a database."""
    result = await run("freeze", "--help", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    text = "\n".join(result.lines)
    assert "ORCHESTRATOR_ALEMBIC_CONFIG" in text
    assert "ORCHESTRATOR_TARGET" in text
    assert "DATABASE" not in text

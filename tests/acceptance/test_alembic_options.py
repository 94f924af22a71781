"""Alembic as people run it: its own variable, `--name`, `-x`, a configuration elsewhere, a package called alembic."""

import shutil
from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, environment, migrate, stamped, told
from tests.harness import Project, make_project, run
from tests.servers import Database, backends


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", CREATE.format("plants"))
    return project


def _prepend(project: Project, text: str) -> None:
    """Let env.py begin with `text`."""
    env = project.path / "alembic" / "env.py"
    env.write_text(f"{text}\n{env.read_text()}")


@backends("sqlite")
async def test_alembics_own_variable_names_the_configuration(project: Project, database: Database) -> None:
    """A project that has set ALEMBIC_CONFIG for `alembic` need not set it twice."""
    (project.path / "conf").mkdir()
    (project.path / "alembic.ini").rename(project.path / "conf" / "other.ini")
    ini = project.path / "conf" / "other.ini"
    ini.write_text(ini.read_text().replace("%(here)s/alembic", "alembic"))
    result = await migrate(project, database, ALEMBIC_CONFIG="conf/other.ini")
    assert (result.exit_code, stamped(database)) == (0, ["r1"])


@backends("sqlite")
async def test_a_configuration_in_another_directory_may_be_relative_to_it(project: Project, database: Database) -> None:
    """The team enters that directory before it calls `alembic`; the container starts elsewhere."""
    (project.path / "backend").mkdir()
    shutil.move(project.path / "alembic", project.path / "backend" / "alembic")
    shutil.move(project.path / "alembic.ini", project.path / "backend" / "alembic.ini")
    ini = project.path / "backend" / "alembic.ini"
    ini.write_text(ini.read_text().replace("%(here)s/alembic", "alembic"))
    project.write("backend/models_of_the_team.py", "")
    env = project.path / "backend" / "alembic" / "env.py"
    env.write_text(f"import models_of_the_team\n{env.read_text()}")
    result = await migrate(project, database, ORCHESTRATOR_ALEMBIC_CONFIG="backend/alembic.ini")
    assert (result.exit_code, stamped(database)) == (0, ["r1"])


@backends("sqlite")
async def test_a_section_is_chosen_by_name(project: Project, database: Database) -> None:
    """As `alembic --name`: one alembic.ini, several sets of options."""
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("[alembic]", "[second]") + "\n[alembic]\nscript_location = nowhere\n")
    _prepend(project, "from alembic import context\nassert context.config.config_ini_section == 'second'")
    result = await migrate(project, database, ORCHESTRATOR_ALEMBIC_NAME="second")
    assert (result.exit_code, stamped(database)) == (0, ["r1"])


@backends("sqlite")
async def test_arguments_reach_env(project: Project, database: Database) -> None:
    """As `alembic -x`, by Alembic's function and by the options of its command, which are never None there."""
    _prepend(
        project,
        "from alembic import context\n"
        "assert context.get_x_argument(as_dictionary=True) == {'tenant': 'acme', 'note': 'two words'}\n"
        "assert context.config.cmd_opts.x == ['tenant=acme', 'note=two words']\n"
        "assert context.config.cmd_opts.name == 'alembic'\n"
        "assert context.config.cmd_opts.cmd[0].__name__ == 'upgrade'\n"
        "assert context.config.cmd_opts.revision == 'head'\n",
    )
    result = await migrate(project, database, ORCHESTRATOR_ALEMBIC_X="tenant=acme 'note=two words'")
    assert (result.exit_code, stamped(database)) == (0, ["r1"])


@backends("sqlite")
async def test_options_that_are_not_given_are_those_of_the_command(project: Project, database: Database) -> None:
    """A public project with 437 revisions reads `cmd_opts.x`, which without `-x` is None, while `cmd_opts` is not."""
    _prepend(project, "from alembic import context\nx = context.config.cmd_opts.x or []\n")
    result = await migrate(project, database)
    assert (result.exit_code, stamped(database)) == (0, ["r1"])


@backends("sqlite")
async def test_a_package_called_alembic_is_not_alembic(project: Project, database: Database) -> None:
    """With an `__init__.py` next to env.py, the directory would hide Alembic from later imports."""
    project.write("alembic/__init__.py", "")
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert told(second) == ["migrations_current"]
    frozen = await run("freeze", env=environment(database), cwd=project.path)
    assert frozen.exit_code == 0
    assert (project.path / "alembic" / "orchestrator.manifest.json").exists()


@backends("sqlite")
async def test_a_location_in_a_package_is_found(project: Project, database: Database) -> None:
    """`script_location = package:directory`."""
    project.write("team/__init__.py", "")
    shutil.move(project.path / "alembic", project.path / "team" / "migrations")
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("%(here)s/alembic", "team:migrations"))
    result = await migrate(project, database)
    assert (result.exit_code, stamped(database)) == (0, ["r1"])

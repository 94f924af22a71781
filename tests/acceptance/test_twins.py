"""env.py imports `models`, the app `shop.models`: one file, which declares its tables twice in one process."""

import sys
from pathlib import Path

import pytest

from tests.acceptance.migrations import add_two, stamped
from tests.harness import Orchestrator, Project, Result, make_project, run
from tests.servers import Database, backends

_ENV = """
import models
from alembic import context
from sqlalchemy import create_engine

with create_engine({url!r}).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_MODELS = """
import sqlalchemy
from base import metadata

plants = sqlalchemy.Table("plants", metadata, sqlalchemy.Column("id", sqlalchemy.Integer))
"""


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Project:
    """Return a project that runs under `alembic` and `uvicorn`; its metadata is in a third module, like SQLModel's."""
    project = make_project(tmp_path)
    add_two(project)
    project.write("base.py", "import sqlalchemy\nmetadata = sqlalchemy.MetaData()\n")
    project.write("shop/models.py", _MODELS)
    project.write("app/main.py", f"import shop.models\n{(project.path / 'app' / 'main.py').read_text()}")
    project.write("alembic/env.py", _ENV.format(url=database.synchronous_url))
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("prepend_sys_path = .", "prepend_sys_path = shop"))
    return project


async def _serve(project: Project, **env: str) -> Result:
    return await run("serve", env={"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid", **env}, cwd=project.path)


@backends("sqlite")
@pytest.mark.parametrize("told", [False, True], ids=["env.py imports it first", "the app imports it first"])
async def test_a_file_with_two_names_is_named_with_a_cure(project: Project, database: Database, told: bool) -> None:  # noqa: FBT001
    """`Table 'plants' is already defined` explains nothing to a project in which both commands work."""
    result = await _serve(project, **({"DATABASE_URL": database.url} if told else {}))
    assert result.exit_code in {3, 7, 9}
    hint = str(result.find("startup_failed")[0]["hint"])
    assert {"models", "shop.models"} <= set(hint.split())
    assert "shop/models.py" in hint
    assert stamped(database) == []


@backends("sqlite")
async def test_the_cure_works_without_a_change_of_the_code(project: Project, database: Database) -> None:
    """After `run` the app has a process image of its own."""
    command = [sys.executable, "-c", "import app.main; print('imported')"]
    async with Orchestrator(
        "run", "--", *command, env={"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid", "PYTHONPATH": "."}, cwd=project.path
    ) as process:
        assert await process.exit_code() == 0, process.story()
    assert stamped(database) == ["r2"]

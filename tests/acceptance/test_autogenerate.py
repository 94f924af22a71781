"""Alembic's autogenerate beside our journal: it proposes to drop what the models do not know, but for ours."""

import importlib.util
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock

import pytest

from orchestrator.autogenerate import include_name
from tests.acceptance.migrations import CREATE, migrate
from tests.harness import Project
from tests.servers import Database, backends

MODELS = """
import os
import sqlalchemy as sa
from orchestrator.autogenerate import include_name
options = eval(os.environ["OPTIONS"])
target_metadata = sa.MetaData()
sa.Table("plants", target_metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))
config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))
"""
with_plugins = pytest.mark.skipif(
    importlib.util.find_spec("alembic.runtime.plugins") is None,
    reason="Alembic before 1.18 finds no plugins; env.py passes the filter itself (docs/behaviour.md)",
)
PLUGIN = "alembic.autogenerate.orchestrator"
NONE = "dict()"
WITHOUT_OURS = "autogenerate_plugins=['alembic.autogenerate.schemas', 'alembic.autogenerate.tables']"


@pytest.fixture
async def migrated(project: Project, database: Database) -> Project:
    """Return a project that has a model, with its database at head: what is there besides is the journal."""
    env = (project.path / "alembic/env.py").read_text()
    env = env.replace("target_metadata = None\n", MODELS)
    env = env.replace("context.configure(connection=connection,", "context.configure(connection=connection, **options,")
    project.write("alembic/env.py", env)
    project.add_revision("r1", CREATE.format("plants"))
    assert (await migrate(project, database, OPTIONS=NONE)).exit_code == 0
    for table in ("orchestrator_journal", "orchestrator_journal_of_tomorrow"):
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, revision VARCHAR(32) UNIQUE)")
    return project


def _alembic(project: Project, database: Database, *arguments: str, options: str = NONE) -> tuple[int, str]:
    """Run Alembic's own command, with options for `context.configure`; returns its exit code and what it wrote."""
    done = subprocess.run(
        [Path(sys.executable).with_name("alembic"), *arguments],
        cwd=project.path,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url, "OPTIONS": options},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def _proposed(project: Project, database: Database, options: str = NONE) -> str:
    """Return the revision that autogenerate writes."""
    code, output = _alembic(project, database, "revision", "--autogenerate", "--rev-id", "r2", options=options)
    assert code == 0, output
    (script,) = (project.path / "alembic/versions").glob("r2_*.py")
    text = script.read_text()
    script.unlink()
    return text


@with_plugins
def test_a_new_revision_drops_unknown_tables_and_not_the_journal(migrated: Project, database: Database) -> None:
    """Otherwise applying the generated revision would delete the history."""
    database.execute("CREATE TABLE stray (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE orchestrator_journals (id INTEGER PRIMARY KEY)")
    proposed = _proposed(migrated, database)
    assert "drop_table('stray')" in proposed
    assert "drop_table('orchestrator_journals')" in proposed, "only begins like ours"
    assert "orchestrator_journal_" not in proposed
    assert "orchestrator_journal'" not in proposed


@with_plugins
def test_a_check_in_ci_finds_nothing_to_do(migrated: Project, database: Database) -> None:
    """`alembic check` fails as soon as there is a difference, such as a table too many."""
    code, output = _alembic(migrated, database, "check")
    assert (code, "No new upgrade operations detected" in output) == (0, True), output
    database.execute("CREATE TABLE stray (id INTEGER PRIMARY KEY)")
    code, output = _alembic(migrated, database, "check")
    assert code != 0, output
    assert "stray" in output


@backends("sqlite")
@with_plugins
def test_a_filter_of_the_teams_own_stays_in_force(migrated: Project, database: Database) -> None:
    """Ours comes on top of it."""
    database.execute("CREATE TABLE stray (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE foreign_stray (id INTEGER PRIMARY KEY)")
    own = "dict(include_name=lambda name, type_, parents: not str(name).startswith('foreign_'))"
    proposed = _proposed(migrated, database, own)
    assert "drop_table('stray')" in proposed
    assert "foreign_stray" not in proposed
    assert "orchestrator_journal" not in proposed


@backends("sqlite")
def test_where_the_plugin_is_not_in_use_the_filter_does_the_same(migrated: Project, database: Database) -> None:
    """For Alembic before 1.18, or a list of plugins without ours; without either, the journal would be dropped."""
    assert "drop_table('orchestrator_journal')" in _proposed(migrated, database, f"dict({WITHOUT_OURS})")
    filtered = _proposed(migrated, database, f"dict({WITHOUT_OURS}, include_name=include_name)")
    assert "orchestrator_journal" not in filtered


@pytest.mark.parametrize(
    ("name", "type_", "included"),
    [
        ("orchestrator_journal", "table", False),
        ("orchestrator_journal_statements", "table", False),
        ("orchestrator_journals", "table", True),
        ("my_orchestrator_journal", "table", True),
        ("orchestrator_journal", "schema", True),
        ("orchestrator_journal", "column", True),
        (None, "schema", True),
        ("plants", "table", True),
    ],
)
def test_the_filter_leaves_out_the_journals_tables_only(name: str | None, type_: str, included: bool) -> None:  # noqa: FBT001
    """It is asked for schemas, columns and indexes too; None is the default schema."""
    assert include_name(name, type_, {"schema_name": None}) is included


@with_plugins
def test_the_plugin_is_what_each_version_of_alembic_expects() -> None:
    """A module from 1.20.1 on, an iterable before: otherwise our presence breaks `import alembic`."""
    (loaded,) = (found.load() for found in metadata.entry_points(group="alembic.plugins", name=PLUGIN))
    assert isinstance(loaded, ModuleType)
    assert list(loaded) == [loaded]
    loaded.setup(seen := Mock())
    assert seen.add_autogenerate_comparator.called


@with_plugins
def test_the_plugin_costs_alembic_nothing() -> None:
    """Every command of Alembic imports it: besides it and the package, no more than what takes the time."""
    script = (
        "import sys; before = set(sys.modules); import orchestrator.autogenerate; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"orchestrator", "orchestrator.began", "orchestrator.autogenerate"}

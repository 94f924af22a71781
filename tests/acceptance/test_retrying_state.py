"""A revision that runs again from the top does all its work again, even if its first run used up its data."""

from pathlib import Path
from textwrap import indent

import pytest

from tests.acceptance.migrations import WAIT_FOR_GO, environment, go, locks, migrate, stamped
from tests.acceptance.outcome import failure
from tests.clients import transaction
from tests.harness import Orchestrator, Project, Result, make_project
from tests.servers import Database, Server, backends

IMPATIENT = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "0.3"}
HOLD = "SELECT * FROM plants"
ADD_COLUMN = 'op.add_column("plants", sa.Column("height", sa.Integer))'
USED_UP = f"""
import helper

METADATA = sa.MetaData()
KIND = sa.Enum("tree", "herb", name="kind")
NAMES = ["rose", "oak", "elm"]
NUMBERS = (number for number in range(100, 103))
LEDGER = sa.table("ledger", sa.column("step"))


def upgrade():
    op.create_table("trees", sa.Column("kind", sa.Enum("oak", "elm", name="tree_kind")))
    op.create_table("herbs", sa.Column("kind", KIND), sa.Column("again", KIND))
    sa.Table("shrubs", METADATA, sa.Column("id", sa.Integer)).create(op.get_bind())
    while NAMES:
        op.execute(LEDGER.insert().values(step=len(NAMES.pop())))
    op.bulk_insert(LEDGER, [{{"step": number}} for number in NUMBERS])
    op.execute(LEDGER.insert().values(step=next(helper.NUMBERS)))
    {ADD_COLUMN}
"""
OUTSIDE = f"""
import app.seeds


def upgrade():
    while app.seeds.ROWS:
        op.execute(f"INSERT INTO ledger VALUES ({{app.seeds.ROWS.pop()}})")
    {ADD_COLUMN}
"""  # noqa: S608  # numbers
RAISES = f"""
TABLES = ["trees"]


def upgrade():
    import app.seeds
    app.seeds.ROWS.pop()
    {ADD_COLUMN}
"""

pytestmark = backends("postgresql")


@pytest.fixture
async def project(tmp_path: Path, database: Database) -> Project:
    """Return a project whose first revision is applied."""
    project = make_project(tmp_path / "project")
    project.add_revision(
        "r1", "op.execute('CREATE TABLE plants (id INT)')\nop.execute('CREATE TABLE ledger (step INT)')"
    )
    assert (await migrate(project, database)).exit_code == 0
    project.write("app/seeds.py", "ROWS = [7]\n")
    project.write("alembic/helper.py", "NUMBERS = iter((500,))\n")
    return project


def _add(project: Project, text: str) -> None:
    script = project.add_revision("r2")
    body, _, end = script.read_text().partition("def upgrade():")
    path = "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parents[1]))\n"
    script.write_text(f"{body}\n{path}{text}\n\ndef downgrade():{end.partition('def downgrade():')[2]}")


async def _held_for_a_while(project: Project, database: Database) -> Result:
    async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
        with transaction(database, HOLD):
            await process.event("revision_retry_scheduled")
        code = await process.exit_code()
    return Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)


async def test_what_the_first_run_used_up_is_there_again(project: Project, database: Database) -> None:
    """Generators, lists, MetaData and enums at module level, in the script and beside it."""
    _add(project, USED_UP)
    result = await _held_for_a_while(project, database)
    assert result.exit_code == 0, result.story()
    assert sorted(database.execute("SELECT step FROM ledger")) == [(3,), (3,), (4,), (100,), (101,), (102,), (500,)]
    assert {"trees", "herbs", "shrubs"} <= set(database.tables())


async def test_a_run_that_does_less_than_the_first_is_not_kept(project: Project, database: Database) -> None:
    """The app's own modules cannot be loaded twice: what was used up there is noticed, and the next start is whole."""
    _add(project, OUTSIDE)
    failed = failure(await _held_for_a_while(project, database), "migration_failed", exit_code=7)
    assert "INSERT INTO ledger VALUES (7)" in failed["error_message"]
    assert stamped(database) == ["r1"]
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT step FROM ledger") == [(7,)]


async def test_an_error_of_the_second_run_is_reported_with_its_own_kind(project: Project, database: Database) -> None:
    """And not taken for another loss of a lock, for as long as the budget lasts."""
    _add(project, RAISES)
    result = await _held_for_a_while(project, database)
    failed = failure(result, "migration_failed", exit_code=7)
    assert (failed["error_type"], failed["error_message"]) == ("IndexError", "pop from empty list")
    assert len(result.find("revision_retry_scheduled")) == 1


async def _interrupted_at_its_end(project: Project, database: Database, server: Server) -> Result:
    """Lose the connection when the revision has used up what it uses, and before anything is committed."""
    script = next(project.path.glob("alembic/versions/*r2*"))
    script.write_text(
        script.read_text().replace(
            f"    {ADD_COLUMN}\n", indent(WAIT_FOR_GO, "    ") + "\n    op.execute('SELECT 1')\n"
        )
    )
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        with locks(database) as lock:
            server.execute("SELECT pg_terminate_backend(%s)", lock.held_by())
        go(project)
        await process.event("migration_interrupted")
        code = await process.exit_code()
    return Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)


async def test_what_an_interrupted_run_used_up_is_there_again(
    project: Project, database: Database, server: Server
) -> None:
    """The run that continues is one of the same process, which remembers."""
    _add(project, USED_UP)
    result = await _interrupted_at_its_end(project, database, server)
    assert result.exit_code == 0, result.story()
    assert sorted(database.execute("SELECT step FROM ledger")) == [(3,), (3,), (4,), (100,), (101,), (102,), (500,)]


async def test_a_run_that_does_less_than_an_interrupted_one_is_not_kept(
    project: Project, database: Database, server: Server
) -> None:
    """Rows would be missing without any sign."""
    _add(project, OUTSIDE)
    failed = failure(await _interrupted_at_its_end(project, database, server), "migration_failed", exit_code=7)
    assert "INSERT INTO ledger VALUES (7)" in failed["error_message"]
    assert stamped(database) == ["r1"]

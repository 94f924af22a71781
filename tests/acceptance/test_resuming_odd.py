"""Revisions that do odd things and were killed: settings of the session, and savepoints."""

import signal

import pytest

from tests.acceptance.migrations import INSERT, WAIT_FOR_GO, environment, go, migrate, tables
from tests.harness import Orchestrator, Project, Result
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

OAK, ELM = INSERT.format(2, "oak"), INSERT.format(3, "elm")
TREES = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True))"
SHRUBS = TREES.replace("trees", "shrubs")


async def _resumed(project: Project, database: Database, *statements: str) -> Result:
    """Kill revision r3 where it waits between these statements, and start again."""
    project.add_revision("r3", "\n".join(statements))
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        await process.exit_code()
    go(project)
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert len(result.find("revision_resumed")) == 1
    return result


def _ids(database: Database) -> list[int]:
    return [number for (number,) in database.execute("SELECT id FROM plants ORDER BY id")]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("setting", ["sql_mode = 'ANSI_QUOTES'", "time_zone = '+05:00'", "sql_quote_show_create = 0"])
async def test_what_the_session_shows_otherwise_is_recognised(
    project: Project, database: Database, setting: str
) -> None:
    """The next session begins with other settings, in which the same table is shown in other words."""
    dated = "op.execute(\"CREATE TABLE trees (`id` INTEGER, day TIMESTAMP DEFAULT '2024-05-05 12:00:00')\")"
    await _resumed(project, database, f"op.execute({f'SET {setting}'!r})", dated, SHRUBS, WAIT_FOR_GO, ELM)
    assert _ids(database) == [1, 3]


@backends("mariadb", "mysql")
async def test_a_name_in_the_quotes_of_the_standard_is_found(project: Project, database: Database) -> None:
    """Also when the setting that allows them is off again."""
    on, off = "op.execute(\"SET sql_mode = 'ANSI_QUOTES'\")", "op.execute('SET sql_mode = DEFAULT')"
    create = 'op.execute(\'CREATE TABLE "trees" ("id" INTEGER)\')'
    await _resumed(project, database, on, create, off, SHRUBS, WAIT_FOR_GO, ELM)
    assert tables(database) == ["plants", "shrubs", "trees"]


@backends("sqlite", "postgresql", "mariadb", "mysql")
async def test_a_savepoint_that_is_rolled_back_takes_no_record_with_it(project: Project, database: Database) -> None:
    """The first action of a revision may be undone, and the journal must still contain the revision."""
    nested = f"nested = op.get_bind().begin_nested()\n{OAK}\nnested.rollback()"
    project.add_revision("r3", f"{nested}\n{ELM}")
    assert (await migrate(project, database)).exit_code == 0
    assert _ids(database) == [1, 3]
    told = "SELECT statements_done FROM orchestrator_journal WHERE revision = 'r3' AND finished_at IS NOT NULL"
    assert database.execute(told) == [(3,)]

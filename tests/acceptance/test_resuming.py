"""An interrupted revision continues by itself after the finished statements: each one takes effect exactly once."""

import signal

import pytest

from tests.acceptance.migrations import INSERT, WAIT_FOR_GO, environment, go, migrate, stamped, tables, until
from tests.acceptance.migrations import transaction as holding
from tests.harness import Orchestrator, Project, Result
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

STEADFAST = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120"}
OAK, ELM = INSERT.format(2, "oak"), INSERT.format(3, "elm")
TREES = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True))"
CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index('names', 'plants', ['name'], unique=True, postgresql_concurrently=True)
"""


async def killed(project: Project, database: Database) -> None:
    """Kill a migration where it waits for us; after that nothing waits any more."""
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        assert await process.exit_code() == -signal.SIGKILL
    go(project)


def _resumed(result: Result, skipped: int) -> None:
    assert result.exit_code == 0, result.story()
    (event,) = result.find("revision_resumed", revision="r3")
    assert event["statements_skipped"] == skipped
    assert event["interrupted_at"]
    assert "boot_id" in event["interrupted_by"]


@backends("mariadb", "mysql")
async def test_a_killed_revision_continues_behind_its_finished_statements(project: Project, database: Database) -> None:
    """Plain Alembic would fail at the existing table, each time."""
    project.add_revision("r3", f"{OAK}\n{TREES}\n{WAIT_FOR_GO}\n{ELM}")
    await killed(project, database)
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]
    result = await migrate(project, database)
    _resumed(result, skipped=2)
    (applied,) = result.find("revision_applied", revision="r3")
    assert applied["statements"] == 4  # the stamp is one
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]
    assert stamped(database) == ["r3"]
    assert database.execute("SELECT count(*) FROM orchestrator_journal_statements") == [(0,)]


@backends("sqlite", "postgresql")
async def test_where_ddl_is_transactional_a_killed_revision_begins_again(project: Project, database: Database) -> None:
    """There is nothing to continue from, and nothing to repair."""
    project.add_revision("r3", f"{OAK}\n{TREES}\n{WAIT_FOR_GO}\n{ELM}")
    await killed(project, database)
    assert tables(database) == ["plants"]
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert not result.find("revision_resumed")
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("ends", ["applied", "not applied"])
async def test_a_statement_that_outlived_its_client_is_judged_by_what_it_did(
    project: Project, database: Database, server: Server, ends: str
) -> None:
    """The server may continue it or give it up: neither may be assumed."""
    add = "op.add_column('plants', sa.Column('height', sa.Integer))"
    rows = "op.execute('INSERT INTO trees VALUES (1)')", "op.execute(\"INSERT INTO plants VALUES (3, 'elm', 5)\")"
    project.add_revision("r3", f"{TREES}\n{rows[0]}\n{add}\n{rows[1]}")
    await migrate(project, database, ORCHESTRATOR_TARGET="r2")
    with holding(database, "SELECT * FROM plants"):
        async with Orchestrator("migrate", env=environment(database, **STEADFAST), cwd=project.path) as process:
            waiting = await _waiting_alter(server, database)
            process.signal(signal.SIGKILL)
            await process.exit_code()
        if ends == "not applied":
            server.execute(f"KILL {waiting:d}")
    _resumed(await migrate(project, database), skipped=3 if ends == "applied" else 2)
    assert database.execute("SELECT id, height FROM plants ORDER BY id") == [(1, None), (3, 5)]
    assert database.execute("SELECT id FROM trees") == [(1,)]


async def _waiting_alter(server: Server, database: Database) -> int:
    """Return the connection whose ALTER queues for a table."""
    asked = "SELECT id FROM information_schema.processlist WHERE db = %s AND state LIKE 'Waiting for table%%'"
    return int((await until(lambda: server.execute(asked, database.name)))[0][0])


@backends("mariadb", "mysql")
async def test_a_bug_in_the_second_half_can_be_fixed(project: Project, database: Database) -> None:
    """The next deployment continues after the first half; until then a crash loop repeats nothing."""
    fails, ash = "op.execute('INSERT INTO no_such_table VALUES (1)')", INSERT.format(4, "ash")
    script = project.add_revision("r3", f"{OAK}\n{TREES}\n{fails}\n{ash}")
    for _ in range(3):
        result = await migrate(project, database)
        assert result.exit_code == 8
        (failure,) = result.find("migration_half_applied", revision="r3", statement_index=3, statements_done=2)
        assert [statement.split()[0] for statement in failure["applied"]] == ["INSERT", "CREATE"]
        assert failure["left"] == [fails, ash]
        assert "on record" in failure["hint"]
        assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]
    script.write_text(script.read_text().replace("no_such_table", "trees"))
    _resumed(await migrate(project, database), skipped=2)
    assert database.execute("SELECT id FROM trees") == [(1,)]


@backends("mariadb", "mysql")
async def test_generated_keys_are_the_same_again(project: Project, database: Database) -> None:
    """The driver's result of the first INSERT is in the journal, and the second one uses it."""
    table = "t = sa.table('trees', sa.column('id'), sa.column('parent'))"
    create = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True), sa.Column('parent', sa.Integer))"
    one = "key = op.get_bind().execute(sa.text('INSERT INTO trees (parent) VALUES (NULL)')).lastrowid"
    two = "op.get_bind().execute(t.insert().values(parent=key))"
    more = "op.add_column('trees', sa.Column('x', sa.Integer))"
    project.add_revision("r3", f"{table}\n{create}\n{one}\n{more}\n{WAIT_FOR_GO}\n{two}")
    await killed(project, database)
    _resumed(await migrate(project, database), skipped=3)
    assert database.execute("SELECT id, parent FROM trees ORDER BY id") == [(1, None), (2, 1)]


@backends("mariadb", "mysql")
async def test_a_revision_that_left_nothing_begins_again_after_any_change(project: Project, database: Database) -> None:
    """Its first DDL failed and left nothing, so no statement must stay the same."""
    script = project.add_revision("r3", "op.drop_table('no_such')")
    assert (await migrate(project, database)).exit_code == 7
    script.write_text(script.read_text().replace("op.drop_table('no_such')", TREES))
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert not result.find("revision_resumed")


@backends("postgresql")
async def test_an_autocommit_block_is_continued_behind_its_last_statement(project: Project, database: Database) -> None:
    """Work that was committed before it and in it stays, and is not repeated."""
    project.add_revision("r3", f"{OAK}\n{CONCURRENTLY}\n{WAIT_FOR_GO}\n{ELM}")
    await killed(project, database)
    assert stamped(database) == ["r2"]
    _resumed(await migrate(project, database), skipped=2)
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("postgresql")
async def test_the_ruin_of_an_index_is_cleared_away(project: Project, database: Database) -> None:
    """A broken off CREATE INDEX CONCURRENTLY leaves one, and the next would find its name taken."""
    project.add_revision("r3", f"{INSERT.format(2, 'rose')}\n{CONCURRENTLY}")
    assert (await migrate(project, database)).exit_code == 8
    assert database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass") == [(False,)]
    database.execute("DELETE FROM plants WHERE id = 1")
    _resumed(await migrate(project, database), skipped=1)
    assert database.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass") == [(True,)]


async def test_the_journal_shows_who_applied_what(project: Project, database: Database) -> None:
    """One row a revision, and nothing is left of its statements."""
    project.add_revision("r3", f"{TREES}\n{OAK}", description="Trees at last.")
    result = await migrate(project, database, ORCHESTRATOR_VERSION="1.4.2")
    asked = """SELECT revision, down_revision, description, app_version, boot_id, pending_statement, statements_done
               FROM orchestrator_journal ORDER BY revision"""
    rows = database.execute(asked)
    boot_id = result.events[-1]["boot_id"]
    assert [row[:2] for row in rows] == [("r1", ""), ("r2", "r1"), ("r3", "r2")]
    assert rows[2][2:] == ("Trees at last.", "1.4.2", boot_id, None, 3)
    unfinished = "SELECT revision FROM orchestrator_journal WHERE finished_at IS NULL OR length(checksum) <> 64"
    assert database.execute(unfinished) == []
    assert database.execute("SELECT * FROM orchestrator_journal_statements") == []

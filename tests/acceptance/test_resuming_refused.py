"""Without proof, a resume is refused. Nothing changes, and the event lists the applied and the missing statements."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.contents import contents
from tests.acceptance.migrations import INSERT, WAIT_FOR_GO, environment, go, migrate, tables, until
from tests.acceptance.plain import alembic
from tests.harness import Event, Orchestrator, Project
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

OAK, ELM = INSERT.format(2, "oak"), INSERT.format(3, "elm")
TREES = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True))"
SHRUBS = TREES.replace("trees", "shrubs")
WORK = "CREATE PROCEDURE work(n INTEGER) BEGIN INSERT INTO plants VALUES (2, 'oak'); COMMIT; DO SLEEP(n); END"


async def _killed(project: Project, database: Database, *statements: str) -> Path:
    """Kill revision r3 where it waits between these statements; after that nothing waits any more."""
    script = project.add_revision("r3", "\n".join(statements))
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        assert await process.exit_code() == -signal.SIGKILL
    go(project)
    return script


async def _refused(project: Project, database: Database, because: str, **settings: str) -> Event:
    """Start twice more, which is refused, and changes nothing."""
    before = contents(database)
    failure: Event = {}
    for _ in range(2):
        result = await migrate(project, database, **settings)
        assert result.exit_code == 8, result.story()
        (failure,) = result.find("migration_half_applied", revision="r3", error_type="not_resumable")
        assert because in failure["error_message"]
        assert "Repair the database by hand" in failure["hint"]
        assert contents(database) == before
        assert not result.find("revision_applied")
    return failure


def _edit(script: Path, old: str, new: str) -> None:
    text = script.read_text()
    assert old in text
    assert len(old) != len(new), "within a second, Python knows a changed script by its length"
    script.write_text(text.replace(old, new))


@backends("mariadb", "mysql")
async def test_a_changed_first_half_is_refused(project: Project, database: Database) -> None:
    """The effect of the new text in place of the old one is unknown."""
    script = await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    failure = await _refused(project, database, "statement 1 is not the one that was run")
    assert [statement.split()[:3] for statement in failure["applied"]] == [
        ["INSERT", "INTO", "plants"],
        ["CREATE", "TABLE", "trees"],
        ["CREATE", "TABLE", "shrubs"],
    ]
    assert (failure["pending_statement"], failure["statements_done"]) == ("", 3)
    assert (failure["statement"], failure["statement_index"]) == ("INSERT INTO plants VALUES (2, 'beech')", 1)


@backends("mariadb", "mysql")
async def test_an_operator_may_want_to_be_asked(project: Project, database: Database) -> None:
    """The policy `fail` refuses a possible resume; without it, the revision is resumed."""
    await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    policy = "ORCHESTRATOR_WHEN_HALF_APPLIED"
    failure = await _refused(project, database, f"{policy} is fail", **{policy: "fail"})
    assert failure["applied"][0] == "INSERT INTO plants VALUES (2, '?')"
    assert failure["applied"][1].split()[:3] == ["CREATE", "TABLE", "trees"]
    assert (failure["pending_statement"], failure["statements_done"]) == ("", 2)
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("value", ["uuid.uuid4()", "datetime.datetime.now()"])
async def test_a_value_that_is_new_each_time_is_refused(project: Project, database: Database, value: str) -> None:
    """What came after it may depend on it."""
    insert = "INSERT = sa.text('INSERT INTO plants VALUES (2, :name)')"
    insert += f".bindparams(name=str({value}))"
    await _killed(project, database, "import datetime, uuid", insert, "op.execute(INSERT)", TREES, WAIT_FOR_GO, ELM)
    await _refused(project, database, "statement 1 is not the one that was run")


@backends("mariadb", "mysql")
async def test_a_revision_that_ends_early_is_refused(project: Project, database: Database) -> None:
    """It would be stamped, although more was done than its script contains."""
    script = await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    _edit(script, SHRUBS, "return")
    await _refused(project, database, "ended before the last statement on record")


@backends("mariadb", "mysql")
async def test_a_table_that_was_changed_by_hand_is_refused(project: Project, database: Database) -> None:
    """Somebody has begun to repair it, or restored a backup."""
    await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    database.execute("ALTER TABLE trees ADD COLUMN height INTEGER")
    failure = await _refused(project, database, "TABLE trees is not as the revision left it")
    assert [statement.split()[2] for statement in failure["applied"]] == ["plants", "trees", "shrubs"]


@backends("mariadb", "mysql")
async def test_locked_tables_are_missed(project: Project, database: Database) -> None:
    """Others may have written meanwhile, and no other table may be written now, the journal's neither."""
    await _killed(project, database, OAK, "op.execute('LOCK TABLES plants WRITE')", ELM, WAIT_FOR_GO)
    failure = await _refused(project, database, "nothing tells whether its pending statement was carried out")
    assert failure["pending_statement"] == "LOCK TABLES plants WRITE"
    assert failure["applied"] == ["INSERT INTO plants VALUES (2, '?')"]
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("commits", [True, False], ids=["commits", "does not commit"])
async def test_a_procedure_that_was_killed_is_refused_when_it_may_have_left_something(
    project: Project, database: Database, server: Server, *, commits: bool
) -> None:
    """If it has committed; otherwise it was rolled back with its row, and is called again."""
    database.execute(WORK if commits else WORK.replace("COMMIT; ", ""))
    script = project.add_revision("r3", f"op.execute('CALL work(60)')\n{ELM}")
    asked = "SELECT id FROM information_schema.processlist WHERE db = %s AND info LIKE '%%SLEEP%%'"
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        connection = (await until(lambda: server.execute(asked, database.name)))[0][0]
        process.signal(signal.SIGKILL)
        await process.exit_code()
    server.execute(f"KILL {connection:d}")
    if commits:
        failure = await _refused(project, database, "nothing tells whether its pending statement was carried out")
        assert failure["pending_statement"] == "CALL work(60)"
    else:
        _edit(script, "60", "0")
        assert (await migrate(project, database)).exit_code == 0
        assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.paired("database")
async def test_a_refusal_cannot_be_swallowed(project: Project, database: Database, caught: str) -> None:
    """A revision that continues after every error must not continue after this one."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    statements = INSERT.format(2, "ash"), ELM, "op.get_bind().commit()", SHRUBS, "sa.inspect(op.get_bind())"
    tried = [f"try:\n        {each}\n    except {caught}:\n        pass" for each in statements]
    _edit(script, OAK, "\n    ".join(tried))
    await _refused(project, database, "statement 1 is not the one that was run")


@backends("mariadb", "mysql")
async def test_a_repair_that_is_stamped_is_believed(project: Project, database: Database) -> None:
    """A person finishes the revision by hand and stamps it, as in the hint."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    await _refused(project, database, "statement 1 is not the one that was run")
    database.execute("INSERT INTO plants VALUES (3, 'elm')")
    await alembic(project, database, "stamp", "r3")
    project.add_revision("r4", SHRUBS)
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert [event["revision"] for event in result.find("revision_applied")] == ["r4"]
    assert tables(database) == ["plants", "shrubs", "trees"]


@backends("mariadb", "mysql")
async def test_what_was_undone_begins_again(project: Project, database: Database) -> None:
    """As in the hint: a person undoes it in the schema and in the journal."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    failure = await _refused(project, database, "statement 1 is not the one that was run")
    assert "orchestrator_journal_statements and orchestrator_journal." in failure["hint"]
    database.execute("DELETE FROM plants WHERE id = 2")
    database.execute("DROP TABLE trees")
    for table in ("orchestrator_journal_statements", "orchestrator_journal"):
        database.execute(f"DELETE FROM {table} WHERE revision = 'r3'")  # noqa: S608 - our own name
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert not result.find("revision_resumed")
    assert database.execute("SELECT name FROM plants ORDER BY id") == [("rose",), ("beech",), ("elm",)]

"""What cannot be proven is refused: nothing is changed, and the event says what is applied, what is not, and why."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.contents import contents
from tests.acceptance.migrations import INSERT, WAIT_FOR_GO, add_two, environment, go, migrate, stamped, tables, until
from tests.acceptance.plain import alembic
from tests.harness import Event, Orchestrator, Project, make_project
from tests.servers import Database, Server, backends

OAK, ELM = INSERT.format(2, "oak"), INSERT.format(3, "elm")
TREES = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True))"
SHRUBS = TREES.replace("trees", "shrubs")
WORK = "CREATE PROCEDURE work() BEGIN INSERT INTO plants VALUES (2, 'oak'); COMMIT; DO SLEEP(@seconds); END"
READ_MUCH = "op.get_bind().execute(sa.text('SELECT REPEAT(name, 20000) FROM plants')).all()"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a table and a row."""
    project = make_project(tmp_path / "project")
    add_two(project)
    return project


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
        assert "Repair by hand" in failure["hint"]
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
    """What the new text would have done in the place of the old one, nobody can tell."""
    script = await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    failure = await _refused(project, database, "statement 1 is another one")
    assert [statement.split()[:3] for statement in failure["applied"]] == [
        ["INSERT", "INTO", "plants"],
        ["CREATE", "TABLE", "trees"],
        ["CREATE", "TABLE", "shrubs"],
    ]
    assert (failure["pending_statement"], failure["statements_done"]) == ("", 3)
    assert (failure["statement"], failure["statement_index"]) == ("INSERT INTO plants VALUES (2, 'beech')", 1)


@backends("mariadb", "mysql")
async def test_an_operator_may_want_to_be_asked(project: Project, database: Database) -> None:
    """The policy `fail` refuses what could go on; without it, it goes on."""
    await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    policy = "ORCHESTRATOR_WHEN_HALF_APPLIED"
    failure = await _refused(project, database, f"{policy} is fail", **{policy: "fail"})
    assert failure["applied"] == ["INSERT INTO plants VALUES (2, 'oak')"]
    assert failure["pending_statement"].split()[:3] == ["CREATE", "TABLE", "trees"]
    assert failure["statements_done"] == 1
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("value", ["uuid.uuid4()", "datetime.datetime.now()"])
async def test_a_value_that_is_new_each_time_is_refused(project: Project, database: Database, value: str) -> None:
    """What came after it may depend on it."""
    insert = "INSERT = sa.text('INSERT INTO plants VALUES (2, :name)')"
    insert += f".bindparams(name=str({value}))"
    await _killed(project, database, "import datetime, uuid", insert, "op.execute(INSERT)", TREES, WAIT_FOR_GO, ELM)
    await _refused(project, database, "statement 1 is another one")


@backends("mariadb", "mysql")
async def test_a_revision_that_ends_early_is_refused(project: Project, database: Database) -> None:
    """It would be stamped, although it has done more than it says."""
    script = await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    _edit(script, SHRUBS, "return")
    await _refused(project, database, "ended before the last statement on record")


@backends("mariadb", "mysql")
async def test_a_table_that_somebody_changed_is_refused(project: Project, database: Database) -> None:
    """Somebody has begun to repair it, or restored a backup."""
    await _killed(project, database, OAK, TREES, SHRUBS, WAIT_FOR_GO, ELM)
    database.execute("ALTER TABLE trees ADD COLUMN height INTEGER")
    failure = await _refused(project, database, "TABLE trees is not as the revision left it")
    assert [statement.split()[2] for statement in failure["applied"]] == ["plants", "trees"]
    assert failure["pending_statement"].split()[2] == "shrubs"


@backends("mariadb", "mysql")
async def test_a_temporary_table_is_missed(project: Project, database: Database) -> None:
    """It is gone with its session, and what was in it."""
    bag = "op.execute('CREATE TEMPORARY TABLE bag (id INTEGER)')"
    await _killed(project, database, bag, TREES, WAIT_FOR_GO, "op.execute('INSERT INTO plants SELECT id, id FROM bag')")
    await _refused(project, database, "it needs what ended with its session: temporary table bag")


@backends("mariadb", "mysql")
async def test_a_temporary_table_that_was_dropped_is_not_missed(project: Project, database: Database) -> None:
    """Whoever cleans up after himself can be resumed."""
    bag = "op.execute('CREATE TEMPORARY TABLE bag (id INTEGER)')", "op.execute('DROP TEMPORARY TABLE bag')"
    await _killed(project, database, *bag, TREES, WAIT_FOR_GO, ELM)
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (3,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("sets", ["SELECT count(*) INTO @n FROM plants", "SET @n = (SELECT count(*) FROM plants)"])
async def test_a_user_variable_is_missed(project: Project, database: Database, sets: str) -> None:
    """Nothing would fail: it is NULL in the next session, and so is what is computed with it."""
    use = "op.execute('INSERT INTO plants VALUES (1 + @n, @n)')"
    await _killed(project, database, f"op.execute({sets!r})", TREES, WAIT_FOR_GO, use)
    await _refused(project, database, "it needs what ended with its session: a user variable")


@backends("mariadb", "mysql")
async def test_a_user_variable_that_a_procedure_set_is_missed(project: Project, database: Database) -> None:
    """As well as one that a SELECT has set; and it is read after other statements, as always."""
    procedure = "op.execute('CREATE PROCEDURE count_plants(OUT n INTEGER) SELECT count(*) INTO n FROM plants')"
    use = "op.execute('UPDATE plants SET name = @n WHERE id = 3')"
    await _killed(project, database, procedure, "op.execute('CALL count_plants(@n)')", TREES, WAIT_FOR_GO, ELM, use)
    await _refused(project, database, "it needs what ended with its session: a user variable")


@backends("mariadb", "mysql")
async def test_a_constant_in_a_user_variable_is_set_again(project: Project, database: Database) -> None:
    """As is everything that a revision sets in its session."""
    use = "op.execute('INSERT INTO plants VALUES (@n, @n)')"
    await _killed(project, database, "op.execute('SET @n = 7')", TREES, WAIT_FOR_GO, use)
    assert (await migrate(project, database)).exit_code == 0
    assert database.execute("SELECT id, name FROM plants ORDER BY id") == [(1, "rose"), (7, "7")]


@backends("mariadb", "mysql")
async def test_locked_tables_are_missed(project: Project, database: Database) -> None:
    """Others may have written meanwhile, and no other table may be written now, the journal's neither."""
    await _killed(project, database, OAK, "op.execute('LOCK TABLES plants WRITE')", ELM, WAIT_FOR_GO)
    failure = await _refused(project, database, "nothing tells whether its pending statement was carried out")
    assert failure["pending_statement"] == "LOCK TABLES plants WRITE"
    assert failure["applied"] == ["INSERT INTO plants VALUES (2, 'oak')"]
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,)]


@backends("mariadb", "mysql")
async def test_the_last_key_of_a_session_that_is_gone_is_missed(project: Project, database: Database) -> None:
    """LAST_INSERT_ID() is 0 in the next session."""
    keyed = "op.execute('CREATE TABLE keyed (id INTEGER AUTO_INCREMENT PRIMARY KEY, parent INTEGER)')"
    insert = "op.execute('INSERT INTO keyed (parent) VALUES ({})')"
    statements = keyed, insert.format("NULL"), TREES, WAIT_FOR_GO, insert.format("LAST_INSERT_ID()")
    await _killed(project, database, *statements)
    await _refused(project, database, "its next statement needs the session that is gone")
    assert database.execute("SELECT id, parent FROM keyed") == [(1, None)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("commits", [True, False], ids=["commits", "does not commit"])
async def test_a_procedure_that_was_killed_is_refused_when_it_may_have_left_something(
    project: Project, database: Database, server: Server, *, commits: bool
) -> None:
    """If it committed; else it was rolled back with its record, and is called again."""
    procedure = f'op.execute("{WORK if commits else WORK.replace("COMMIT; ", "")}")'
    script = project.add_revision(
        "r3", f"{procedure}\nop.execute('SET @seconds = 60')\nop.execute('CALL work()')\n{ELM}"
    )
    asked = "SELECT id FROM information_schema.processlist WHERE db = %s AND info LIKE '%%SLEEP%%'"
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        connection = (await until(lambda: server.execute(asked, database.name)))[0][0]
        process.signal(signal.SIGKILL)
        await process.exit_code()
    server.execute(f"KILL {connection:d}")
    if commits:
        failure = await _refused(project, database, "nothing tells whether its pending statement was carried out")
        assert failure["pending_statement"] == "CALL work()"
    else:
        _edit(script, "60", "0")
        assert (await migrate(project, database)).exit_code == 0
        assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (3,)]


@backends("mariadb", "mysql")
async def test_a_table_without_transactions_is_written_once(project: Project, database: Database) -> None:
    """Nothing is rolled back in it, so its record must not be rolled back either."""
    old = "op.execute('CREATE TABLE old (id INTEGER) ENGINE=MyISAM')"
    await _killed(project, database, old, "op.execute('INSERT INTO old VALUES (1)')", WAIT_FOR_GO, ELM)
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert database.execute("SELECT id FROM old") == [(1,)]


@backends("mariadb", "mysql")
async def test_what_was_read_in_large_must_be_the_same(project: Project, database: Database) -> None:
    """It is too much to be kept; but its digest is."""
    await _killed(project, database, READ_MUCH, TREES, WAIT_FOR_GO, ELM)
    database.execute("UPDATE plants SET name = 'yew'")
    await _refused(project, database, "statement 1 reads something else than before")
    database.execute("UPDATE plants SET name = 'rose'")
    assert (await migrate(project, database)).exit_code == 0
    assert stamped(database) == ["r3"]


@backends("mariadb", "mysql")
async def test_a_second_connection_is_refused(project: Project, database: Database) -> None:
    """What it did is on no record, and would be done twice."""
    engine = f"sa.create_engine({database.synchronous_url!r}, isolation_level='AUTOCOMMIT')"
    insert = INSERT.format(9, "yew").replace("op.execute", "other.exec_driver_sql")
    other = f"with {engine}.connect() as other:\n    {insert}"
    await _killed(project, database, TREES, SHRUBS, other, OAK, SHRUBS.replace("shrubs", "herbs"), WAIT_FOR_GO, ELM)
    await _refused(project, database, "it opens a second connection")
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (2,), (9,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.paired("database")
async def test_a_refusal_cannot_be_swallowed(project: Project, database: Database, caught: str) -> None:
    """A revision that goes on after every error must not go on after this one."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    statements = INSERT.format(2, "ash"), ELM, "op.get_bind().commit()", SHRUBS, "sa.inspect(op.get_bind())"
    tried = [f"try:\n        {each}\n    except {caught}:\n        pass" for each in statements]
    _edit(script, OAK, "\n    ".join(tried))
    await _refused(project, database, "statement 1 is another one")


@backends("mariadb", "mysql")
async def test_a_repair_that_is_stamped_is_believed(project: Project, database: Database) -> None:
    """Whoever has finished it by hand says so to Alembic, as the hint tells him."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    await _refused(project, database, "statement 1 is another one")
    database.execute("INSERT INTO plants VALUES (3, 'elm')")
    await alembic(project, database, "stamp", "r3")
    project.add_revision("r4", SHRUBS)
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert [event["revision"] for event in result.find("revision_applied")] == ["r4"]
    assert tables(database) == ["plants", "shrubs", "trees"]


@backends("mariadb", "mysql")
async def test_what_was_undone_begins_again(project: Project, database: Database) -> None:
    """As the hint tells: it is undone in the schema and in the journal."""
    script = await _killed(project, database, OAK, TREES, WAIT_FOR_GO, ELM)
    _edit(script, "oak", "beech")
    failure = await _refused(project, database, "statement 1 is another one")
    assert "orchestrator_journal_statements and orchestrator_journal:" in failure["hint"]
    database.execute("DELETE FROM plants WHERE id = 2")
    database.execute("DROP TABLE trees")
    for table in ("orchestrator_journal_statements", "orchestrator_journal"):
        database.execute(f"DELETE FROM {table} WHERE revision = 'r3'")  # noqa: S608 - our own name
    result = await migrate(project, database)
    assert result.exit_code == 0, result.story()
    assert not result.find("revision_resumed")
    assert database.execute("SELECT name FROM plants ORDER BY id") == [("rose",), ("beech",), ("elm",)]

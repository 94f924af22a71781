"""Definitions that follow each other: one look serves two of them, and no mark is set.

A kill at each point shows that the journal still knows which of them took effect.
"""

from pathlib import Path
from typing import Any

import pymysql
import pytest
from alembic import op

from orchestrator.migrations.journal.lock_check import LockCheck
from tests.acceptance.contents import contents, differences, without_journal
from tests.harness import Project, make_project
from tests.integration.interrupted import Start, die, start
from tests.integration.resume_cases import script
from tests.servers import Database, Server, backends

ROW = (
    "CREATE TABLE trees (id INTEGER)",
    "ALTER TABLE trees ADD COLUMN height INTEGER",
    "CREATE TABLE shrubs (id INTEGER)",
    "ALTER TABLE shrubs RENAME TO bushes",
    "INSERT INTO bushes VALUES (1)",
    "ALTER TABLE trees DROP COLUMN height",
    "DROP TABLE bushes",
)
POINTS = [(number, when) for number in range(len(ROW)) for when in ("before", "after")]
BROKEN = {
    "no SQL": "ALTER TABLE trees ADD COLUMN",
    "a column that exists": "ALTER TABLE trees ADD COLUMN id INTEGER",
    "a table that exists": "CREATE TABLE trees (name VARCHAR(50))",
}


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what lets the next start lose its session before or after it runs a statement of `ROW`."""

    def arm(number: int, when: str) -> None:
        run: Any = LockCheck.run

        def dying(self: LockCheck, call: Any) -> Any:
            if call.sql == ROW[number] and when == "before":
                die(op.get_bind())
            result = run(self, call)
            if call.sql == ROW[number]:
                die(op.get_bind())
            return result

        monkeypatch.setattr(LockCheck, "run", dying)

    return arm


def _project(path: Path, body: tuple[str, ...]) -> Project:
    project = make_project(path / "project")
    project.add_revision("r1", script(body))
    return project


@backends("mariadb", "mysql")
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_each_point_is_resumed(
    point: tuple[int, str], killed_at: Any, database: Database, server: Server, tmp_path: Path
) -> None:
    """The result is that of an undisturbed run."""
    project, twin = _project(tmp_path, ROW), server.create_database()
    assert start(project, twin) == Start("finished")
    killed_at(*point)
    assert start(project, database, dies=True).ended == "killed"
    again = start(project, database)
    assert (again.ended, again.reason) == ("finished", "")
    assert differences(without_journal(contents(twin)), without_journal(contents(database))) == []
    server.drop_database(twin)


@backends("mariadb", "mysql")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_each_statement_in_turn_is_resumed(
    when: str, killed_at: Any, database: Database, server: Server, tmp_path: Path
) -> None:
    """Each start finds out what became of the last definition, and the one after it must know that as well."""
    project, twin = _project(tmp_path, ROW), server.create_database()
    assert start(project, twin) == Start("finished")
    for number in range(1, len(ROW)):
        killed_at(number, when)
        assert start(project, database, dies=True).ended == "killed"
    again = start(project, database)
    assert (again.ended, again.reason) == ("finished", "")
    assert differences(without_journal(contents(twin)), without_journal(contents(database))) == []
    server.drop_database(twin)


@backends("mariadb", "mysql")
@pytest.mark.parametrize("number", [3, 4])
def test_a_change_by_hand_after_the_kill_is_noticed(
    number: int, killed_at: Any, database: Database, tmp_path: Path
) -> None:
    """The look that served as `before` of the next definition is also kept as `after` of the last one."""
    project = _project(tmp_path, ROW)
    killed_at(number, "before")
    assert start(project, database, dies=True).ended == "killed"
    database.execute("ALTER TABLE trees ADD COLUMN by_hand INTEGER")
    again = start(project, database)
    assert (again.ended, "trees is not as the revision left it" in again.reason) == ("refused", True)


@backends("mariadb", "mysql")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_definition_that_fails_right_after_another_is_known_to_have_failed(
    broken: str, database: Database, tmp_path: Path
) -> None:
    """Its repair is enough: the one before it is on record, and is not run again."""
    project = _project(tmp_path, (ROW[0], broken, "INSERT INTO trees (id) VALUES (1)"))
    failed = start(project, database)
    assert (failed.ended, failed.event.applied) == ("failed", [ROW[0]])
    assert failed.event.pending_statement == ""
    assert broken not in str(database.execute("SELECT pending_statement FROM orchestrator_journal"))
    path = project.path / "alembic/versions/r1.py"
    path.write_text(path.read_text().replace(broken, ROW[1]))
    again = start(project, database)
    assert (again.ended, again.resumed) == ("finished", 1)
    assert database.execute("SELECT id, height FROM trees") == [(1, None)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_failure_that_is_caught_right_after_a_definition_is_on_record(
    broken: str, database: Database, tmp_path: Path
) -> None:
    """What becomes durable behind it is not resumed, whether the failed one had begun or not."""
    caught = f" try: op.execute({broken!r})\nexcept sa.exc.DBAPIError: pass"
    body = (ROW[0], caught, "INSERT INTO trees VALUES (1)", ROW[2], "INSERT INTO nowhere VALUES (1)")
    project = _project(tmp_path, body)
    assert start(project, database).ended == "failed"
    again = start(project, database)
    assert (again.ended, "a statement failed" in again.reason) == ("refused", True)
    assert database.execute("SELECT id FROM trees") == [(1,)]


@backends("mariadb", "mysql")
def test_a_failed_definition_commits_nothing_that_came_before_it(database: Database, tmp_path: Path) -> None:
    """The server refuses wrong SQL before its implicit commit. What asks for ROW_COUNT() is not preceded by a look."""
    caught = f" try: op.execute({BROKEN['no SQL']!r})\nexcept sa.exc.DBAPIError: pass"
    body = (ROW[0], "INSERT INTO trees SELECT ROW_COUNT()", caught, "ROLLBACK", ROW[2])
    assert start(_project(tmp_path, body), database) == Start("finished")
    assert database.execute("SELECT id FROM trees") == []


@backends("mariadb", "mysql")
@pytest.mark.parametrize("statement", [ROW[0], "DO GET_LOCK('a', 0)"], ids=["definition", "unknown"])
def test_a_statement_whose_connection_is_lost_may_have_taken_effect(
    statement: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not be said that nothing of its revision is left."""
    run: Any = LockCheck.run

    def losing(self: LockCheck, call: Any) -> Any:
        run(self, call)
        call.cursor.connection.close()
        raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setattr(LockCheck, "run", losing)
    lost = start(_project(tmp_path, (statement,)), database)
    assert (lost.ended, lost.event.name) == ("failed", "migration_half_applied")
    assert lost.event.pending_statement.startswith(statement[:6])


@backends("mariadb", "mysql")
def test_a_statement_that_proves_nothing_commits_no_rows_before_it(database: Database, tmp_path: Path) -> None:
    """Under Alembic a ROLLBACK undoes them: the reason is on record through another connection."""
    body = (ROW[0], "INSERT INTO trees VALUES (1)", "SET @height = 3", "ROLLBACK", ROW[2])
    assert start(_project(tmp_path, body), database) == Start("finished")
    assert database.execute("SELECT id FROM trees") == []

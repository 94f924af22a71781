"""An interrupted revision ends as an undisturbed one does, or is refused and nothing is changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.contents import contents, differences, without_journal
from tests.harness import Project, make_project
from tests.integration.interrupted import HEADER, Start, start
from tests.integration.resume_cases import (
    DIE,
    NOTHING_KNOWN,
    OLD,
    PLANTS,
    PROCESS,
    SHRUBS,
    TREES,
    YEW,
    Case,
    script,
)
from tests.integration.resume_cases_mariadb import MARIADB
from tests.integration.resume_cases_mysql import STATEMENTS
from tests.integration.resume_cases_mysql_surroundings import SURROUNDINGS
from tests.integration.resume_cases_postgresql import POSTGRESQL
from tests.servers import Database, Server, backends

MYSQL = STATEMENTS | SURROUNDINGS


@pytest.fixture
def twin(server: Server) -> Iterator[Database]:
    """Create a second empty database, for the undisturbed run."""
    twin = server.create_database()
    yield twin
    server.drop_database(twin)


def _check(case: Case, database: Database, twin: Database, path: Path) -> None:
    """Kill the revision, start again, and compare with an undisturbed run; or it must be refused twice."""
    project = make_project(path / "project")
    project.add_revision("r1", script(case.first) or "pass")
    assert start(project, database) == Start("finished")
    project.add_revision("r2", HEADER + case.python)
    assert start(project, twin, asynchronous=case.asynchronous) == Start("finished")
    assert start(project, database, dies=True, asynchronous=case.asynchronous).ended == "killed"
    before = contents(database)
    again = start(project, database, asynchronous=case.asynchronous)
    if case.reason:
        _assert_refused(case, project, database, before)
    else:
        assert (again.ended, again.reason) == ("finished", "")
        assert differences(without_journal(contents(twin)), without_journal(contents(database))) == []


def _assert_refused(case: Case, project: Project, database: Database, before: dict[str, list[str]]) -> None:
    for _ in range(2):
        again = start(project, database, asynchronous=case.asynchronous)
        assert again.ended == "refused"
        assert case.reason in again.reason
        assert differences(without_journal(before), without_journal(contents(database))) == []


@backends("mariadb", "mysql")
@pytest.mark.parametrize("case", MYSQL.values(), ids=MYSQL)
def test_on_mysql_and_mariadb(case: Case, database: Database, twin: Database, tmp_path: Path) -> None:
    """DDL commits there, so that there is something to resume."""
    _check(case, database, twin, tmp_path)


@backends("mariadb")
@pytest.mark.parametrize("case", MARIADB.values(), ids=MARIADB)
def test_on_mariadb(case: Case, database: Database, twin: Database, tmp_path: Path) -> None:
    """With what MySQL does not know."""
    _check(case, database, twin, tmp_path)


@backends("postgresql")
@pytest.mark.parametrize("case", POSTGRESQL.values(), ids=POSTGRESQL)
def test_on_postgresql(case: Case, database: Database, twin: Database, tmp_path: Path) -> None:
    """Only what commits in the middle leaves something to resume."""
    _check(case, database, twin, tmp_path)


@backends("mariadb", "postgresql")
def test_a_failure_that_leaves_nothing_here_is_run_again_although_it_was_elsewhere(
    database: Database, tmp_path: Path
) -> None:
    """As with plain Alembic: a request for data must not keep a repaired revision from running."""
    project = make_project(tmp_path / "project")
    path = project.add_revision("r1", script((PROCESS, "INSERT INTO nowhere VALUES (1)")))
    assert start(project, database).ended == "failed"
    path.write_text(path.read_text().replace("INSERT INTO nowhere VALUES (1)", "CREATE TABLE plants (id INTEGER)"))
    assert start(project, database).ended == "finished"


@backends("postgresql")
def test_the_hint_leads_out_of_a_refusal_when_nothing_is_left_here(database: Database, tmp_path: Path) -> None:
    """After the deletion that the advice names, the next start succeeds."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", HEADER + script((PROCESS, DIE, TREES)))
    assert start(project, database, dies=True).ended == "killed"
    refused = start(project, database)
    assert (refused.ended, refused.event.applied) == ("refused", [])
    assert "delete the rows of the revision from orchestrator_journal_statements" in refused.event.hint
    database.execute("DELETE FROM orchestrator_journal_statements WHERE revision = 'r1'")
    assert start(project, database).ended == "finished"


@backends("mariadb", "postgresql")
def test_a_refusal_names_the_work_elsewhere_and_not_a_read_before_it(database: Database, tmp_path: Path) -> None:
    """The read is what somebody would look for in vain: its result is not what a rollback leaves."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", HEADER + script(("SELECT 1 FROM alembic_version", PROCESS, DIE, TREES)))
    assert start(project, database, dies=True).ended == "killed"
    again = start(project, database)
    assert (again.ended, "another process was started" in again.reason) == ("refused", True)


@backends("mariadb", "mysql")
@pytest.mark.parametrize("way", ["by its name", "by a trigger", "by a procedure"])
def test_rows_without_transactions_in_another_database_are_not_doubled(
    way: str, database: Database, other: Database, tmp_path: Path
) -> None:
    """They stay after a kill, while the rest is rolled back. Only a record made before them informs the next start."""
    insert = f"INSERT INTO {other.name}.old VALUES (1)"  # noqa: S608
    first, then = {
        "by its name": ((PLANTS,), insert),
        "by a trigger": ((PLANTS, f"CREATE TRIGGER t AFTER INSERT ON plants FOR EACH ROW {insert}"), YEW),
        "by a procedure": ((f"CREATE PROCEDURE fill() {insert}",), "CALL fill()"),
    }[way]
    other.execute(OLD)
    project = make_project(tmp_path / "project")
    project.add_revision("r1", script(first))
    project.add_revision("r2", HEADER + script((then, DIE, TREES)))
    assert start(project, database, dies=True).ended == "killed"
    again = start(project, database)
    assert (again.ended, NOTHING_KNOWN in again.reason) == ("refused", True)
    assert other.execute("SELECT * FROM old") == [(1,)]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("left", ["SET @n = 5", "CREATE TEMPORARY TABLE n (id INTEGER)", "PREPARE n FROM 'DO 1'"])
def test_what_an_earlier_revision_left_in_the_session_is_not_taken_for_there(
    left: str, database: Database, tmp_path: Path
) -> None:
    """The variable is NULL in the next session, and plain Alembic would stop at the table that exists."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", script((PLANTS, left)))
    project.add_revision("r2", HEADER + script((TREES, DIE, "INSERT INTO plants VALUES (@n, 'x')")))
    assert start(project, database, dies=True).ended == "killed"
    again = start(project, database)
    assert (again.ended, "its session is not as it was: a user variable" in again.reason) == ("refused", True)


@backends("mariadb")
def test_what_a_dump_keeps_for_its_own_end_is_not_missed(database: Database, tmp_path: Path) -> None:
    """The revisions after such a dump are resumed, although it sets user variables."""
    project = make_project(tmp_path / "project")
    dump = "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, @saved_cs_client = @@character_set_client */"
    project.add_revision("r1", script((PLANTS, dump)))
    project.add_revision("r2", HEADER + script((TREES, DIE, SHRUBS)))
    assert start(project, database, dies=True).ended == "killed"
    assert start(project, database).ended == "finished"

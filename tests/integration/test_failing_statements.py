"""A statement meets another session's lock, or fails: what it has done by then is neither lost nor done twice."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from orchestrator.migrations.journal.lock_retry import LockRetry
from tests.harness import make_project
from tests.integration.interrupted import Start, start
from tests.integration.resume_cases import script
from tests.servers import Database, backends

PLANTS = "CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))"
TREES = "CREATE TABLE trees (id INTEGER PRIMARY KEY, name VARCHAR(50))"
ROWS = "INSERT INTO plants VALUES (1, 'yew')", "INSERT INTO trees VALUES (1, 'fir')"
CROSS = " from tests.integration.test_failing_statements import CROSSING; CROSSING.set()"
CROSSING = threading.Event()


@pytest.fixture
def rival(database: Database) -> Iterator[None]:
    """Begin a transaction that has changed a tree, and changes a plant when the revision says so.

    It has done more than the revision, which is why the server ends that one at a deadlock.
    """
    CROSSING.clear()
    for sql in (PLANTS, TREES, *ROWS):
        database.execute(sql)
    begun = threading.Event()

    def change() -> None:
        engine = create_engine(database.synchronous_url)
        with engine.begin() as connection:
            for number in range(2, 200):
                connection.exec_driver_sql(f"INSERT INTO trees VALUES ({number}, '')")  # noqa: S608 - a number
            connection.exec_driver_sql("UPDATE trees SET name = 'theirs' WHERE id = 1")
            begun.set()
            assert CROSSING.wait(20)
            connection.exec_driver_sql("UPDATE plants SET name = 'theirs' WHERE id = 1")
        engine.dispose()

    thread = threading.Thread(target=change)
    thread.start()
    assert begun.wait(20)
    yield
    CROSSING.set()
    thread.join()


@backends("mariadb", "mysql")
@pytest.mark.parametrize(
    "statement", [r"UPDATE trees SET name = 'it\'s' WHERE id = 1", "UPDATE trees SET name = @x WHERE id = 1"]
)
@pytest.mark.usefixtures("rival")
def test_a_deadlock_is_a_failure_where_it_undid_more_than_the_statement(
    statement: str, database: Database, tmp_path: Path
) -> None:
    """The statement alone was run again, and the rows before it were lost. Nothing is half applied."""
    project = make_project(tmp_path / "project")
    body = ("INSERT INTO plants VALUES (500, 'ours')", "UPDATE plants SET name = 'ours' WHERE id = 1", CROSS, statement)
    project.add_revision("r1", script(body))
    failed = start(project, database)
    assert (failed.ended, "1213" in failed.reason, failed.event.name) == ("failed", True, "migration_failed")
    assert start(project, database) == Start("finished")
    assert database.execute("SELECT * FROM plants") == [(1, "ours"), (500, "ours")]


@backends("postgresql")
def test_the_error_of_a_text_of_several_statements_is_the_servers_own(database: Database, tmp_path: Path) -> None:
    """It was "current transaction is aborted" on PostgreSQL, and a revision that expects the cause did not catch it."""
    project = make_project(tmp_path / "project")
    caught = (
        " try:\n    with op.get_bind().begin_nested():"
        " op.get_bind().exec_driver_sql(\"INSERT INTO plants VALUES (2, 'x'); INSERT INTO plants VALUES (1, 'x')\")\n"
        "except sa.exc.IntegrityError: pass"
    )
    project.add_revision("r1", script((PLANTS, ROWS[0], caught, "INSERT INTO plants VALUES (3, 'elm')")))
    assert start(project, database) == Start("finished")
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (3,)]


MANY = (
    " op.get_bind().execute(sa.text('UPDATE counts SET n = n + :by WHERE id = :id'),"
    " [{'by': 1, 'id': 1}, {'by': 1, 'id': 2}])"
)


@backends("mariadb", "mysql")
def test_sets_of_parameters_are_applied_once_though_a_later_one_waits_for_a_lock(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server undoes only the set that waited; the sets before it were applied again at each try."""
    database.execute("CREATE TABLE counts (id INTEGER PRIMARY KEY, n INTEGER)")
    database.execute("INSERT INTO counts VALUES (1, 0), (2, 0)")
    project = make_project(tmp_path / "project")
    project.add_revision("r1", script((PLANTS, "SET innodb_lock_wait_timeout = 1", ROWS[0], MANY)))
    engine = create_engine(database.synchronous_url)
    with engine.connect() as rival:
        rival.exec_driver_sql("UPDATE counts SET n = 0 WHERE id = 2")

        def wait(*_: object) -> bool:
            rival.rollback()
            return True

        monkeypatch.setattr(LockRetry, "wait", wait)
        assert start(project, database) == Start("finished")
    engine.dispose()
    assert database.execute("SELECT n FROM counts") == [(1,), (1,)]
    assert database.execute("SELECT id FROM plants") == [(1,)]

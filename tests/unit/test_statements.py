"""The counter of a revision's statements, on a real connection."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from orchestrator.migrations.statements import Statements


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a file of SQLite's, whose DDL is not rolled back."""
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def statements(connection: Connection) -> Statements:
    """The counter of that connection."""
    statements = Statements(transactional_ddl=False)
    statements.watch(connection)
    return statements


def test_a_statement_counts_when_it_succeeded(connection: Connection, statements: Statements) -> None:
    """And not when it began: the failure names the one after the last good one."""
    connection.exec_driver_sql("SELECT 1")
    assert (statements.done, statements.running) == (1, "")
    with pytest.raises(OperationalError):
        connection.exec_driver_sql("SELECT nothing")
    assert (statements.done, statements.running) == (1, "SELECT nothing")


def test_the_next_revision_begins_at_nothing(connection: Connection, statements: Statements) -> None:
    """What the one before committed is its own affair."""
    connection.exec_driver_sql("CREATE TABLE a (id INTEGER)")
    connection.commit()
    assert statements.committed
    statements.start()
    assert (statements.done, statements.running, statements.committed) == (0, "", False)


def test_reading_leaves_nothing_behind(connection: Connection, statements: Statements) -> None:
    """A revision that looked, committed and failed can be run again."""
    connection.exec_driver_sql("  -- a comment\n/* and\nanother */ SELECT 1")
    connection.exec_driver_sql("PRAGMA user_version")
    connection.commit()
    assert not statements.committed


def test_changes_of_rows_are_there_to_stay_only_after_a_commit(connection: Connection, statements: Statements) -> None:
    """Until then the rollback takes them back."""
    connection.exec_driver_sql("CREATE TABLE a (id INTEGER)")
    statements.start()
    connection.exec_driver_sql("INSERT INTO a VALUES (1)")
    assert not statements.committed
    connection.commit()
    assert statements.committed


def test_ddl_that_cannot_be_rolled_back_is_there_to_stay(connection: Connection, statements: Statements) -> None:
    """On MySQL, MariaDB, and SQLite outside a transaction."""
    connection.exec_driver_sql("CREATE TABLE a (id INTEGER)")
    assert statements.committed


def test_ddl_that_can_be_rolled_back_is_not(connection: Connection) -> None:
    """On PostgreSQL, as Alembic knows it."""
    statements = Statements(transactional_ddl=True)
    statements.watch(connection)
    connection.exec_driver_sql("CREATE TABLE a (id INTEGER)")
    assert not statements.committed


def test_statements_do_not_show_the_one_that_runs() -> None:
    """A `%r` of it may hold values."""
    assert "hunter2" not in repr(Statements(running="hunter2"))

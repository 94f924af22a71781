"""What env.py and revisions may execute while a command only looks."""

import pytest
import sqlalchemy
from sqlalchemy.pool import StaticPool

from orchestrator.people.guard import changes, nothing_changed


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "  -- a comment\n SHOW TABLES",
        "/* a; b */ select 'DROP TABLE t; x'",
        "SET search_path TO a",
        "SET SESSION sql_mode = ''",
        "SET @a = 1",
        "SELECT 1 INTO @a",
        "USE tenant",
        "PRAGMA foreign_keys = ON",
        "BEGIN; SELECT 1; COMMIT;",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "START TRANSACTION READ ONLY",
        "EXPLAIN SELECT 1",
    ],
)
def test_reading_passes(statement: str) -> None:
    """Without it env.py would not find its way to the database."""
    assert not changes(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE SCHEMA IF NOT EXISTS a",
        "INSERT INTO t VALUES (1)",
        "SELECT 1; DROP TABLE t",
        "WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a",
        "SELECT * INTO copy FROM t",
        "SET GLOBAL read_only = 1",
        "SET PASSWORD = 'x'",
        "PRAGMA journal_mode = WAL",
        "EXPLAIN ANALYZE DELETE FROM t",
        "START REPLICA",
        "LOCK TABLES t WRITE",
        "CALL tidy()",
        "GRANT SELECT ON t TO u",
    ],
)
def test_changing_does_not(statement: str) -> None:
    """A look leaves everything as it was."""
    assert changes(statement)


def test_a_lock_is_answered_and_not_taken() -> None:
    """To wait for it would be to wait for the migration that one wants to look at."""
    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    with nothing_changed() as guard, engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT pg_advisory_lock(1)").scalar() == 1
        connection.execute(sqlalchemy.text("CREATE TABLE t (id INT)"))
        assert sqlalchemy.inspect(connection).get_table_names() == []
    assert guard.left_out == ["CREATE TABLE t (id INT)"]
    engine.dispose()

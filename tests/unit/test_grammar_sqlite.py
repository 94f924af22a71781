"""What statements of SQLite are taken for: nearly all are writes of the transaction that we begin."""

import hypothesis
import pytest

from orchestrator.databases.sqlite.session import read
from orchestrator.databases.statements import Kind, Statement
from tests.unit.growth import grows_with_the_length
from tests.unit.hostile import HOSTILE, SQL


@pytest.mark.parametrize(
    ("kind", "statements"),
    [
        (
            Kind.READ,
            """
            SELECT 1
            /* why */ select name from "insert"
            VALUES (1)
            WITH a AS (SELECT 1) SELECT * FROM a
            SELECT 'last_insert' FROM a
            WITH a AS (SELECT 1), replace AS (SELECT 2) SELECT 1
            WITH a AS (VALUES (1)) VALUES (2)
            SELECT my_last_insert_rowid, last_insert_rowid_of_mine FROM a
            PRAGMA main.page_count ;
            PRAGMA table_info(a)
            PRAGMA main.table_info("a")
            PRAGMA foreign_keys
            PRAGMA foreign_keys;
            """,
        ),
        (
            Kind.WRITE,
            """
            INSERT INTO a VALUES (1)
            REPLACE INTO a VALUES (1)
            WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a
            WITH RECURSIVE a(b) AS (VALUES (1)) DELETE FROM c
            CREATE TABLE a (id INT)
            CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; COMMIT; END
            CREATE TEMP TABLE bag (id INT)
            ALTER TABLE a RENAME TO b
            DROP TABLE a
            SELECT 1 FROM a WHERE id = last_insert_rowid()
            WITH a AS (SELECT last_insert_rowid() AS b) SELECT b FROM a
            WITH a AS (SELECT 1) UPDATE b SET c = (SELECT 1)
            WITH a AS (SELECT 1) REPLACE INTO b SELECT * FROM a
            WITH a AS (SELECT 1) UPDATE b SET c = 1 FROM a
            ANALYZE
            REINDEX
            what is this
            """,
        ),
        (
            Kind.ENVIRONMENT,
            """
            BEGIN
            BEGIN IMMEDIATE
            RELEASE a
            EXPLAIN DELETE FROM a
            """,
        ),
        (Kind.SETTING, "PRAGMA foreign_keys = OFF\npragma main.legacy_alter_table=1"),
        (Kind.OPAQUE, "pragma main.journal_mode=WAL\nATTACH 'a' AS b\nDETACH b\nVACUUM\nPRAGMA user_version = 5"),
        (Kind.SAVEPOINT, "SAVEPOINT a\nsavepoint `a`;\nROLLBACK TO a\nROLLBACK TRANSACTION TO SAVEPOINT a"),
        (Kind.COMMIT, "COMMIT\nEND\nEND TRANSACTION\ncommit;"),
        (Kind.ROLLBACK, "ROLLBACK\nrollback transaction"),
    ],
)
def test_a_statement_is_of_a_kind(kind: Kind, statements: str) -> None:
    """By its first words; texts, names and comments do not count."""
    found = {line.strip(): read(line.strip()).kind for line in statements.strip().splitlines()}
    assert found == dict.fromkeys(found, kind)


@pytest.mark.parametrize(
    ("sql", "outside"), [("PRAGMA foreign_keys = OFF", True), ("VACUUM", True), ("PRAGMA foreign_keys", False)]
)
def test_what_does_nothing_in_a_transaction_is_known(sql: str, *, outside: bool) -> None:
    """The driver would not have begun one; so ours has to end before it."""
    assert read(sql).outside is outside


@pytest.mark.parametrize(
    ("sql", "needs"),
    [
        ("SELECT last_insert_rowid()", True),
        ("SELECT changes()", True),
        ("INSERT INTO a SELECT total_changes()", True),
        ("WITH a AS (SELECT changes() AS b) INSERT INTO c SELECT b FROM a", True),
        ("SELECT 'last_insert_rowid'", False),
        ("SELECT my_changes FROM changes_of_mine", False),
        ("SELECT 1", False),
    ],
)
def test_what_the_statement_before_left_is_known(sql: str, *, needs: bool) -> None:
    """In another session it is another value, and nothing fails."""
    assert read(sql).needs_session is needs


@hypothesis.given(SQL)
def test_nothing_is_too_strange_to_be_read(sql: str) -> None:
    """The library has the last word on what is SQL."""
    assert isinstance(read(sql), Statement)


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 40))
def test_no_text_takes_the_square_of_its_length(first: int) -> None:
    """A generated INSERT may have megabytes, and the migration holds locks meanwhile."""
    for text in HOSTILE[first : first + 40]:
        assert grows_with_the_length(read, text), text(60)

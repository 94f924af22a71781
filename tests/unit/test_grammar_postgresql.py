"""What statements of PostgreSQL are taken for: nearly all write in a transaction, and a few stand outside of it."""

import hypothesis
import pytest

from orchestrator.databases.postgresql.grammar import read
from orchestrator.databases.statements import Kind, Statement
from tests.unit.growth import grows_with_the_length
from tests.unit.hostile import HOSTILE, SQL


@pytest.mark.parametrize(
    ("kind", "statements"),
    [
        (
            Kind.READ,
            """
            SELECT * FROM plants
            (SELECT 1 FROM a) UNION (SELECT 2 FROM b)
            SELECT 'select into' FROM a
            SELECT a #> '{x}' FROM b
            WITH a AS (SELECT 1) SELECT * FROM a
            VALUES (1)
            TABLE plants
            SELECT set_config('x', 'y', true)
            SELECT nextval('s')
            SELECT * INTO b FROM a
            FETCH ALL FROM c
            EXPLAIN ANALYZE DELETE FROM a
            """,
        ),
        (
            Kind.WRITE,
            """
            LOCK TABLE plants
            CREATE FUNCTION f() RETURNS int AS $x$ BEGIN a; b; END $x$ LANGUAGE plpgsql
            WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a
            WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a
            WITH a AS (UPDATE b SET c = 1 RETURNING *) SELECT * FROM a
            WITH a AS (SELECT 1) MERGE INTO b USING a ON true WHEN MATCHED THEN DO NOTHING
            INSERT INTO a VALUES (1)
            UPDATE a SET b = 1
            MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE
            COPY a FROM '/tmp/x'
            CREATE TABLE a (id INT)
            CREATE INDEX concurrently_not ON a (b)
            CREATE INDEX i ON concurrently (b)
            ALTER TABLE a ADD b INT
            ALTER TYPE a ADD VALUE 'b'
            DROP TABLE a
            TRUNCATE a
            CREATE TEMP TABLE bag (id INT)
            DO $$ BEGIN COMMIT; END $$
            DO $a_1$ BEGIN PERFORM '$$;'; COMMIT; END $a_1$
            CREATE FUNCTION f() RETURNS text AS $$$$ LANGUAGE sql
            CALL p()
            REFRESH MATERIALIZED VIEW CONCURRENTLY a
            GRANT SELECT ON a TO b
            CLUSTER a
            PREPARE TRANSACTION 'x'
            what is this
            """,
        ),
        (
            Kind.DEFINITION,
            """
            CREATE INDEX CONCURRENTLY i ON a (b)
            create unique index concurrently if not exists i on only a (b)
            DROP INDEX CONCURRENTLY i
            """,
        ),
        (
            Kind.OPAQUE,
            """
            CREATE INDEX CONCURRENTLY ON a (b)
            REINDEX TABLE CONCURRENTLY a
            REINDEX TABLE a
            VACUUM FULL a
            CLUSTER
            DISCARD ALL
            COMMIT; BEGIN
            INSERT INTO a VALUES (1); COMMIT
            ALTER TABLE a DETACH PARTITION b CONCURRENTLY
            CREATE DATABASE a
            DROP TABLESPACE a
            ALTER SYSTEM SET a = b
            COMMIT PREPARED 'x'
            ROLLBACK PREPARED 'x'
            """,
        ),
        (
            Kind.SETTING,
            "SET search_path TO a\nRESET a\nSET CONSTRAINTS ALL DEFERRED\nset session characteristics as transaction x",
        ),
        (
            Kind.ENVIRONMENT,
            """
            BEGIN
            START TRANSACTION
            RELEASE a
            SHOW server_version
            SET LOCAL a = b
            LISTEN a
            NOTIFY a
            UNLISTEN a
            SET SESSION TRANSACTION READ ONLY
            SET LOCAL transaction_read_only = on
            SET transaction_isolation = 'serializable'
            SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
            """,
        ),
        (
            Kind.SAVEPOINT,
            "SAVEPOINT a\nsavepoint `a`;\nROLLBACK TO SAVEPOINT a\nROLLBACK TRANSACTION TO a\nROLLBACK WORK TO a",
        ),
        (Kind.COMMIT, "COMMIT\nEND\nCOMMIT AND CHAIN\ncommit work;"),
        (Kind.ROLLBACK, "ROLLBACK\nABORT\nrollback work"),
    ],
)
def test_a_statement_is_of_a_kind(kind: Kind, statements: str) -> None:
    """By its first words; texts, names and comments do not count."""
    found = {line.strip(): read(line.strip()).kind for line in statements.strip().splitlines()}
    assert found == dict.fromkeys(found, kind)


@pytest.mark.parametrize(
    ("sql", "subject"),
    [
        ("CREATE INDEX CONCURRENTLY i ON a (b)", "INDEX i ON a"),
        ("/* why */ create /* what */ unique\nindex concurrently\nif not exists i on a (b)", "INDEX i ON a"),
        ('CREATE INDEX CONCURRENTLY "my ""i" ON ONLY "s"."a" USING gin (b)', 'INDEX "my ""i" ON "s"."a"'),
        ("DROP INDEX CONCURRENTLY IF EXISTS s.i", "INDEX s.i"),
        ("CREATE INDEX CONCURRENTLY online$1 ON t$2 (b)", "INDEX online$1 ON t$2"),
        ("CREATE INDEX CONCURRENTLY bäume ON größe (b)", "INDEX bäume ON größe"),
    ],
)
def test_a_concurrent_statement_is_judged_by_its_index_and_may_wait(sql: str, subject: str) -> None:
    """Nobody queues behind it."""
    found = read(sql)
    assert (found.kind, found.long_lock_wait_ok) == (Kind.DEFINITION, True)
    assert list(found.objects) == [subject]


@pytest.mark.parametrize("sql", ["REINDEX TABLE a", "VACUUM FULL a", "CLUSTER", "ALTER TABLE a ADD b INT", "SELECT 1"])
def test_what_holds_up_others_may_not_wait_for_long(sql: str) -> None:
    """All traffic on the table would queue behind it."""
    assert not read(sql).long_lock_wait_ok


@pytest.mark.parametrize("sql", ["CALL p()", "DO $$ BEGIN DELETE FROM a; COMMIT; END $$"])
def test_what_may_have_transactions_of_its_own_is_known(sql: str) -> None:
    """Outside of a transaction it may commit in the middle."""
    assert read(sql).compound


@hypothesis.given(SQL)
def test_nothing_is_too_strange_to_be_read(sql: str) -> None:
    """The server has the last word on what is SQL."""
    assert isinstance(read(sql), Statement)


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 40))
def test_no_text_takes_the_square_of_its_length(first: int) -> None:
    """A generated INSERT may have megabytes, and the migration holds locks meanwhile."""
    for text in HOSTILE[first : first + 40]:
        assert grows_with_the_length(read, text), text(60)

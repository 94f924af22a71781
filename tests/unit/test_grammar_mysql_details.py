"""The details of MySQL's statements: what one word more or less, or another way to write it, makes of a statement."""

import pytest

from orchestrator.databases.mysql.grammar import read
from orchestrator.databases.mysql.words import SETTINGS
from orchestrator.databases.statements import Kind


@pytest.mark.parametrize(
    ("kind", "statements"),
    [
        (
            Kind.OPAQUE,
            """
            CREATE TABLE t (a INT) IGNORE TABLE u
            CREATE TABLE t REPLACE VALUES ROW(1)
            CREATE TABLE t AS WITH a AS (VALUES ROW(1)) TABLE a
            CREATE TABLE t AS (TABLE u)
            CREATE TABLE t ((VALUES ROW(1)))
            CREATE TABLESPACE x ADD DATAFILE 'x'
            ALTER TABLE t IMPORT TABLESPACE
            ALTER TABLE t DISCARD PARTITION p0 TABLESPACE
            INSERT INTO t VALUES ("C:\\")
            SELECT @`my x` FROM t
            WITH a AS (SELECT 1 AS x) SELECT x INTO OUTFILE '/x' FROM a
            WITH a AS (SELECT bump()) SELECT * FROM a
            SELECT now() FROM t INTO @x
            BEGIN NOT ATOMIC END
            SET sql_mode = 'ANSI' || 'x'
            SET NAMES utf8mb4, foreign_key_checks = 0
            SET PERSIST sql_mode = ''
            SET @@global.sql_mode = ''
            """,
        ),
        (
            Kind.DEFINITION,
            """
            CREATE TABLE t (selected INT, preselect INT, has_table INT)
            CREATE TABLE t (a INT) WITH SYSTEM VERSIONING
            CREATE PROCEDURE p() BEGIN CREATE OR REPLACE TABLE t (a INT); END
            CREATE PROCEDURE p() BEGIN CREATE TABLE t AS SELECT 1; END
            DROP TABLES t
            """,
        ),
        (
            Kind.READ,
            """
            SHOW GRANTS FOR root@localhost
            DESC plants
            SELECT pinto, into_x FROM plants
            WITH a AS (SELECT 1 AS pinto, 2 AS into_x) SELECT pinto, into_x FROM a
            WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE SKIP LOCKED
            SELECT @@version, @@last_insert_id
            SELECT @@identity
            SELECT @@session.insert_id
            SELECT @@local . timestamp
            SELECT @@warning_count
            SELECT @@error_count
            SELECT @@rand_seed1
            SELECT @@rand_seed2
            SELECT @@in_transaction
            SELECT DATABASE() FROM plants
            """,
        ),
        (
            Kind.WRITE,
            """
            UPDATE plants SET a := 1
            INSERT INTO plants VALUES ("a""; COMMIT", "b; COMMIT")
            INSERT INTO `a``; b` VALUES (1)
            INSERT INTO plants VALUES ('it''s', "a""b")
            INSERT INTO plants VALUES (1) -- ; COMMIT
            REPLACE LOW_PRIORITY INTO `plants` (`a`) VALUES (1)
            INSERT HIGH_PRIORITY IGNORE plants(a) VALUES (1)
            INSERT INTO my . plants (a) VALUES (1)
            """,
        ),
        (
            Kind.SETTING,
            """
            SET sql_mode = DEFAULT
            SET @@sql_mode = ''
            SET @@local . time_zone = '+00:00'
            SET max_statement_time = 0.5
            SET div_precision_increment = +5
            SET wait_timeout = -1
            SET NAMES utf8mb4 --
            SET NAMES DEFAULT ;
            """,
        ),
        (
            Kind.ENVIRONMENT,
            """
            SHOW GLOBAL VARIABLES
            SHOW SESSION VARIABLES
            SHOW LOCAL VARIABLES
            SHOW ENGINES
            SHOW COLLATION
            SHOW CHARACTER SET
            SHOW CHARSET
            SELECT DATABASE()
            SELECT SCHEMA() ;
            SELECT @@global.last_insert_id_of_mine
            SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
            SET @@tx_isolation = 'SERIALIZABLE'
            SET @@transaction_isolation = 'SERIALIZABLE'
            SET @@tx_read_only = 1
            SET @@transaction_read_only = 1
            """,
        ),
        (Kind.ROLLBACK, "ROLLBACK /* why\nROLLBACK -- why\nROLLBACK # why\nROLLBACK WORK AND CHAIN"),
        (Kind.COMMIT, "BEGIN WORK\nBEGIN ;\nSTART TRANSACTION READ ONLY\nCOMMIT AND CHAIN"),
    ],
)
def test_a_word_more_or_less_makes_it_a_statement_of_this_kind(kind: Kind, statements: str) -> None:
    """A word within a longer name says nothing; an unusual spelling of a statement is that statement."""
    found = {line.strip(): read(line.strip()).kind for line in statements.strip().splitlines()}
    assert found == dict.fromkeys(found, kind)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_known_setting_is_run_again_on_resume(name: str) -> None:
    """Only these: `RecordedSession.state` compares their values."""
    assert read(f"SET {name} = 1").kind is read(f"SET @@session.{name} = DEFAULT").kind is Kind.SETTING
    assert read(f"SET {name}_x = 1").kind is Kind.OPAQUE


@pytest.mark.parametrize(
    ("sql", "objects"),
    [
        ("CREATE TABLE a$b (x INT)", ["TABLE a$b"]),
        ("CREATE INDEX iron ON t (a)", ["TABLE t"]),
        ("ALTER TABLE t ADD is_rename INT", ["TABLE t"]),
        ("ALTER TABLE t RENAME keys_of_mine", ["TABLE t", "TABLE keys_of_mine"]),
        ("ALTER TABLE t RENAME CONSTRAINT a TO b", ["TABLE t"]),
        ("RENAME TABLE a NOWAIT TO b", ["TABLE a", "TABLE b"]),
        ("RENAME TABLE a TO `to`", ["TABLE a", "TABLE `to`"]),
        ("CREATE OR REPLACE ALGORITHM = MERGE DEFINER = a@b SQL SECURITY DEFINER VIEW v AS SELECT 1", ["TABLE v"]),
    ],
)
def test_no_part_of_a_name_is_taken_for_a_word(sql: str, objects: list[str]) -> None:
    """An object too many looks as if a part had changed."""
    assert list(read(sql).objects) == objects


@pytest.mark.parametrize(
    ("sql", "databases"),
    [
        ("INSERT LOW_PRIORITY a.t VALUES (1)", {"a"}),
        ("INSERT HIGH_PRIORITY IGNORE INTO a.t VALUES (1)", {"a"}),
        ("INSERT DELAYED INTO a.t VALUES (1)", {"a"}),
        ("REPLACE a.t VALUES (1)", {"a"}),
        ("UPDATE LOW_PRIORITY IGNORE a.t SET x = 1", {"a"}),
        ("UPDATE t\nSET x = 1, t.y = 2", set()),
        ("UPDATE t STRAIGHT_JOIN a.u SET u.x = 1", {"a"}),
        ("UPDATE (a.t, (b.u JOIN c.v)) SET t.x = 1", {"a", "b", "c"}),
        ("UPDATE t,a.u SET u.x = 1", {"a"}),
        ("DELETE FROM t USING a.t JOIN b.u", {"a", "b"}),
        ("DELETE QUICK a.t FROM t, b.u", {"a", "b"}),
        ("DELETE LOW_PRIORITY IGNORE FROM a.t\nWHERE t.x IN (SELECT y.x FROM c.y, d.z)", {"a"}),
        ("DELETE t FROM t JOIN (b.u)", {"b"}),
    ],
)
def test_another_database_is_noticed_in_each_place_of_a_table(sql: str, databases: set[str]) -> None:
    """Its tables may be outside of every transaction, and then a row would be written twice."""
    assert (read(sql).kind, set(read(sql).databases)) == (Kind.WRITE, databases)


@pytest.mark.parametrize(
    ("sql", "needs"),
    [
        ("SELECT @@warning_count", True),
        ("SELECT @@session.error_count", True),
        ("SELECT @@local . warning_count", True),
        ("SHOW COUNT(*) WARNINGS", True),
        ("SHOW ERRORS", True),
        ("GET DIAGNOSTICS @a = NUMBER", True),
        ("GET CURRENT DIAGNOSTICS @a = NUMBER", True),
        ("SHOW TABLES LIKE 'errors'", False),
        ("SHOW COUNTRIES", False),
        ("SHOW TABLES FROM get_diagnostics", False),
        ("SELECT @@warning_count_x", False),
        ("SELECT my_row_count (1)", False),
    ],
)
def test_each_question_about_the_statement_before_is_known(sql: str, *, needs: bool) -> None:
    """Another session has another answer."""
    assert read(sql).needs_session is needs

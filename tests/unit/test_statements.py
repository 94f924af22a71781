"""What statements are taken for: what is taken wrongly would be done twice, or refused for nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.databases.mysql import grammar as mysql
from orchestrator.databases.postgresql import grammar as postgresql
from orchestrator.databases.sqlite import session as sqlite
from orchestrator.databases.statements import Kind, masked

GRAMMARS = [mysql.read, postgresql.read, sqlite.read]
DEFINED_ON_MYSQL = [
    ("CREATE TABLE `a b` (x INT)", ["TABLE `a b`"]),
    ("  -- why\n/* what */ create table if not exists s.t (x int)", ["TABLE s.t"]),
    ("ALTER TABLE t ADD COLUMN c INT, RENAME u", ["TABLE t", "TABLE u"]),
    ("ALTER TABLE t RENAME COLUMN a TO b", ["TABLE t"]),
    ("ALTER TABLE t COMMENT 'please rename to x'", ["TABLE t"]),
    ("DROP TABLE IF EXISTS `b`.c", ["TABLE `b`.c"]),
    ("RENAME TABLE a TO b", ["TABLE a", "TABLE b"]),
    ("CREATE UNIQUE INDEX `on` ON t (a)", ["TABLE t"]),
    ("DROP INDEX ix ON t", ["TABLE t"]),
    ("CREATE OR REPLACE DEFINER=`x`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1", ["TABLE v"]),
    ("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; SET NEW.b = 2; END", ["TRIGGER tr"]),
    ("drop procedure p", ["PROCEDURE p"]),
]
KINDS_ON_MYSQL = [
    ("INSERT INTO t VALUES ('a;b')", Kind.WRITE),
    ("INSERT INTO t VALUES (1); DELETE FROM t", Kind.OPAQUE),
    ("WITH a AS (SELECT 1) UPDATE t SET x = 1", Kind.OPAQUE),
    ("WITH a AS (SELECT 'update') SELECT * FROM a", Kind.READ),
    ("(SELECT 1) UNION (SELECT 2)", Kind.READ),
    ("WITH a AS (SELECT 1), b AS (SELECT (2)) DELETE FROM t", Kind.OPAQUE),
    ("WITH a AS (SELECT 1) INSERT INTO t SELECT 1", Kind.OPAQUE),
    ("INSERT INTO t VALUES ('a\\\n; b')", Kind.WRITE),
    ("# why\nROLLBACK", Kind.ROLLBACK),
    ("--why\nROLLBACK", Kind.OPAQUE),
    ("/* why\n*/ ROLLBACK", Kind.ROLLBACK),
    ("SELECT @@version", Kind.ENVIRONMENT),
    ("SHOW VARIABLES LIKE 'x'", Kind.ENVIRONMENT),
    ("SHOW CREATE TABLE t", Kind.READ),
    ("SET NAMES utf8mb4", Kind.SETTING),
    ("SET autocommit = 1", Kind.OPAQUE),
    ("START TRANSACTION", Kind.COMMIT),
    ("ROLLBACK", Kind.ROLLBACK),
    ("ROLLBACK TO SAVEPOINT x", Kind.SAVEPOINT),
    ("CALL p()", Kind.OPAQUE),
    ("LOAD DATA INFILE 'x' INTO TABLE t", Kind.OPAQUE),
    ("CREATE TABLE t AS SELECT * FROM u", Kind.OPAQUE),
    ("CREATE OR REPLACE TABLE t (x INT)", Kind.OPAQUE),
    ("ALTER TABLE t TRUNCATE PARTITION p0", Kind.OPAQUE),
    ("/*!50001 CREATE TABLE x (a INT) */", Kind.OPAQUE),
    ("GRANT SELECT ON *.* TO x", Kind.OPAQUE),
    ("no such statement", Kind.OPAQUE),
]
KINDS_ON_POSTGRESQL = [
    ("CREATE TABLE t (x INT)", Kind.WRITE),
    ("SELECT x FROM t", Kind.READ),
    ("SELECT x INTO u FROM t", Kind.READ),
    ("SELECT setval('s', 5)", Kind.READ),
    ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", Kind.WRITE),
    ("WITH a AS (SELECT 1) SELECT * FROM a", Kind.READ),
    ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON t (a)", Kind.DEFINITION),
    ("CREATE INDEX CONCURRENTLY ON t (a)", Kind.OPAQUE),
    ("VACUUM t", Kind.OPAQUE),
    ("CREATE DATABASE d", Kind.OPAQUE),
    ("COMMIT", Kind.COMMIT),
    ("-- why\n--\nCOMMIT", Kind.COMMIT),
    ("/* why\n'this' */ COMMIT", Kind.COMMIT),
    ("  ((SELECT 1))", Kind.READ),
    ("SELECT 'a--b' INTO u", Kind.READ),
    ("ROLLBACK TO SAVEPOINT s", Kind.SAVEPOINT),
    ("SET search_path TO x", Kind.SETTING),
]
KINDS_ON_SQLITE = [
    ("CREATE TABLE t (x INT)", Kind.WRITE),
    ("PRAGMA foreign_keys = OFF", Kind.SETTING),
    ("PRAGMA table_info('t')", Kind.READ),
    ("SELECT * FROM t", Kind.READ),
    ("ROLLBACK", Kind.ROLLBACK),
    ("-- why\nROLLBACK", Kind.ROLLBACK),
    ("/* why\n*/ PRAGMA foreign_keys = OFF", Kind.SETTING),
]


@pytest.mark.parametrize(("sql", "objects"), DEFINED_ON_MYSQL)
def test_a_definition_of_mysql_is_known_by_what_it_defines(sql: str, objects: list[str]) -> None:
    """One object too many would look as if a part had changed; one too few would look as if nothing had."""
    statement = mysql.read(sql)
    assert (statement.kind, list(statement.objects)) == (Kind.DEFINITION, objects)


@pytest.mark.parametrize(("sql", "kind"), KINDS_ON_MYSQL)
def test_statements_of_mysql_are_distinguished(sql: str, kind: Kind) -> None:
    """An uncertain one is opaque."""
    assert mysql.read(sql).kind is kind


@pytest.mark.parametrize("sql", ["SELECT FOUND_ROWS()", "INSERT INTO t VALUES (ROW_COUNT())"])
def test_what_needs_this_session_is_noticed(sql: str) -> None:
    """Its answer depends on a statement that a resumed run has not made."""
    assert mysql.read(sql).needs_session


@pytest.mark.parametrize(("sql", "kind"), KINDS_ON_POSTGRESQL)
def test_statements_of_postgresql_are_distinguished(sql: str, kind: Kind) -> None:
    """Nearly everything is in the transaction, and rolls back."""
    assert postgresql.read(sql).kind is kind


@pytest.mark.parametrize(("sql", "kind"), KINDS_ON_SQLITE)
def test_statements_of_sqlite_are_distinguished(sql: str, kind: Kind) -> None:
    """The same, but for what does nothing in a transaction."""
    assert sqlite.read(sql).kind is kind


@given(st.text() | st.text("(;'\"`-/*#@! \nselctinrd", max_size=300))
def test_no_text_upsets_them(sql: str) -> None:
    """Whatever a revision runs, the server has to judge it, not we."""
    for read in GRAMMARS:
        assert read(sql).kind in Kind


@pytest.mark.parametrize(
    ("sql", "quotes", "stored"),
    [
        ("INSERT INTO `a'b` VALUES ('x''y', \"z\")", "'\"", "INSERT INTO `a'b` VALUES ('?', \"?\")"),
        ("INSERT INTO \"a'b\" VALUES ('x''y')", "'", "INSERT INTO \"a'b\" VALUES ('?')"),
        ("SELECT 'a\\'\n, b', 'c", "'", "SELECT '?', '?'"),
        ("SELECT 'a\\\nb'", "'", "SELECT '?'"),
        ("SELECT 1", "'", "SELECT 1"),
        ('SELECT "a\\"\n, b", "c""d", "e', '"', 'SELECT "?", "?", "?"'),
        ("SELECT 'a\\", "'", "SELECT '?'"),
        ('SELECT "a\\', '"', 'SELECT "?"'),
        ("SELECT `a``'b`, `c'd", "'", "SELECT `a``'b`, `c'd"),
    ],
)
def test_a_stored_statement_has_no_texts(sql: str, quotes: str, stored: str) -> None:
    """They may be people's data; names, which a double quote may begin, stay."""
    assert masked(sql, quotes) == stored

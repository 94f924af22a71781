"""What statements of MySQL and MariaDB are taken for: what is not understood must be called opaque, never harmless."""

import hypothesis
import pytest

from orchestrator.databases.mysql.grammar import read
from orchestrator.databases.statements import Kind, Statement
from tests.unit.growth import grows_with_the_length
from tests.unit.hostile import HOSTILE, SQL

SHRUB = "CREATE PROCEDURE p() BEGIN DECLARE x INT; SET x := 1; SELECT 1; END"


@pytest.mark.parametrize(
    ("kind", "statements"),
    [
        (
            Kind.READ,
            """
            SELECT 1 FROM plants
            (SELECT 1) UNION (SELECT 2)
            select name from `set`
            SELECT 'a; b', "c; d" FROM plants
            SELECT 'it''s' FROM plants -- ; DROP TABLE plants
            SELECT 1 # ; DROP TABLE plants
            SELECT 5--3
            SHOW CREATE TABLE plants
            DESCRIBE plants
            EXPLAIN DELETE FROM plants
            WITH a AS (SELECT 1) SELECT * FROM a
            WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM (SELECT 1) b), c AS (SELECT 1) SELECT * FROM a
            VALUES ROW(1)
            TABLE plants
            SELECT * FROM plants FOR UPDATE
            SELECT @x FROM plants
            SELECT a.b, `c`.`d` FROM `a` JOIN c WHERE e LIKE '%into @x%'
            """,
        ),
        (
            Kind.WRITE,
            """
            INSERT INTO plants VALUES (1, 'commit; x')
            /* a hint */ UPDATE plants SET name = 'x'
            DELETE FROM plants
            replace into plants values (1)
            INSERT INTO plants SELECT * FROM trees
            WITH a AS (SELECT 1) DELETE FROM plants WHERE id IN (SELECT * FROM a)
            WITH a AS (SELECT 1) INSERT INTO plants SELECT * FROM a
            INSERT INTO plants VALUES (1, 'C:\\\\')
            UPDATE plants SET `create` = 1;
            CREATE TEMPORARY TABLE bag (id INT)
            DROP TEMPORARY TABLE IF EXISTS bag
            """,
        ),
        (
            Kind.OPAQUE,
            """
            CALL fill(1)
            EXECUTE p
            LOAD DATA INFILE 'x' INTO TABLE plants
            TRUNCATE TABLE plants
            INSERT INTO plants VALUES (1); INSERT INTO plants VALUES (2)
            /*!50001 CREATE TABLE trees (id INT) */
            CREATE TABLE trees AS SELECT * FROM plants
            CREATE TABLE trees (id INT) SELECT 1 AS id
            CREATE OR REPLACE TABLE trees (id INT)
            ALTER TABLE plants TRUNCATE PARTITION p0
            ALTER TABLE plants EXCHANGE PARTITION p0 WITH TABLE trees
            ALTER TABLE plants DISCARD TABLESPACE
            SELECT * INTO OUTFILE '/tmp/x' FROM plants
            SET GLOBAL max_connections = 5
            SET PASSWORD FOR 'u'@'h' = 'x'
            CREATE DATABASE other
            CREATE USER 'u'@'h'
            REVOKE ALL ON *.* FROM u
            LOCK TABLES plants WRITE
            UNLOCK TABLES
            FLUSH TABLES WITH READ LOCK
            BEGIN NOT ATOMIC SELECT 1; END
            XA START 'x'
            HANDLER plants OPEN
            what is this
            /*
            '
            """,
        ),
        (
            Kind.SESSION,
            """
            SET NAMES utf8mb4
            SET foreign_key_checks = 0
            SET SESSION sql_mode = 'ANSI'
            SET @x = 5
            USE other
            SELECT GET_LOCK('a', 1)
            DO RELEASE_LOCK('a')
            """,
        ),
        (
            Kind.PASSING,
            """
            SELECT @@version
            SELECT VERSION()
            SHOW VARIABLES LIKE 'x'
            SHOW SESSION STATUS
            SHOW WARNINGS
            ROLLBACK TO SAVEPOINT a
            ROLLBACK WORK TO a
            RELEASE SAVEPOINT a
            """,
        ),
        (Kind.SAVEPOINT, "SAVEPOINT a\nsavepoint `a`;"),
        (Kind.COMMIT, "COMMIT\nBEGIN\nSTART TRANSACTION\nSET autocommit = 1\ncommit work\nSET @@autocommit=0"),
        (Kind.ROLLBACK, "ROLLBACK\nrollback;\nROLLBACK WORK"),
    ],
)
def test_a_statement_is_of_a_kind(kind: Kind, statements: str) -> None:
    """By its first words; whatever stands in texts, names and comments does not count."""
    found = {line.strip(): read(line.strip()).kind for line in statements.strip().splitlines()}
    assert found == dict.fromkeys(found, kind)


@pytest.mark.parametrize(
    ("sql", "objects"),
    [
        ("CREATE TABLE trees (id INT)", ["TABLE trees"]),
        ("create  table\nif not exists\ttrees(id int)", ["TABLE trees"]),
        ("/* why */ CREATE /* what */ TABLE /* which */ trees (id INT)", ["TABLE trees"]),
        ("-- why\n# what\nCREATE TABLE trees (id INT)", ["TABLE trees"]),
        ("CREATE TABLE `my trees` (id INT)", ["TABLE `my trees`"]),
        ("CREATE TABLE `a``b` (id INT)", ["TABLE `a``b`"]),
        ('CREATE TABLE "trees" (id INT)', ["TABLE `trees`"]),
        ('CREATE TABLE "my"."tr`e""es" (id INT)', ['TABLE `my`.`tr``e"es`']),
        ("CREATE TABLE `select` (`table` INT)", ["TABLE `select`"]),
        ("CREATE TABLE bäume (größe INT)", ["TABLE bäume"]),
        ("CREATE TABLE my.trees LIKE my.plants", ["TABLE my.trees"]),
        ("CREATE TABLE trees (a INT COMMENT 'x; SELECT', b INT DEFAULT 5);", ["TABLE trees"]),
        ("ALTER TABLE trees ADD COLUMN a INT", ["TABLE trees"]),
        ("ALTER ONLINE IGNORE TABLE IF EXISTS trees DROP a", ["TABLE trees"]),
        ("ALTER TABLE trees RENAME TO woods", ["TABLE trees", "TABLE woods"]),
        ("ALTER TABLE trees ADD a INT, RENAME AS `wo ods`", ["TABLE trees", "TABLE `wo ods`"]),
        ("ALTER TABLE trees RENAME = my.woods", ["TABLE trees", "TABLE my.woods"]),
        ("ALTER TABLE trees RENAME woods", ["TABLE trees", "TABLE woods"]),
        ("ALTER TABLE trees RENAME COLUMN a TO b", ["TABLE trees"]),
        ("ALTER TABLE trees RENAME INDEX a TO b, RENAME KEY c TO d", ["TABLE trees"]),
        ("ALTER TABLE trees COMMENT 'rename to woods'", ["TABLE trees"]),
        ("ALTER TABLE trees ADD `rename to woods` INT", ["TABLE trees"]),
        ("RENAME TABLE a TO b, c TO d", ["TABLE a", "TABLE b", "TABLE c", "TABLE d"]),
        ("RENAME TABLE a WAIT 5 TO b", ["TABLE a", "TABLE b"]),
        ("RENAME TABLES a TO t, b TO a, t TO b", ["TABLE a", "TABLE t", "TABLE b"]),
        ("DROP TABLE IF EXISTS a, `b`, c.d CASCADE", ["TABLE a", "TABLE `b`", "TABLE c.d"]),
        ("CREATE UNIQUE INDEX i ON trees (a)", ["TABLE trees"]),
        ("CREATE INDEX IF NOT EXISTS `i on you` USING BTREE ON trees (a)", ["TABLE trees"]),
        ("DROP INDEX i ON `trees`", ["TABLE `trees`"]),
        ("CREATE FULLTEXT INDEX i ON my.trees (a)", ["TABLE my.trees"]),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", ["TABLE v"]),
        ("CREATE ALGORITHM=MERGE DEFINER=`my user`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1", ["TABLE v"]),
        ("DROP VIEW v, w", ["TABLE v", "TABLE w"]),
        (SHRUB, ["PROCEDURE p"]),
        ("CREATE DEFINER = root@localhost TRIGGER t BEFORE INSERT ON trees FOR EACH ROW SET NEW.a = 1", ["TRIGGER t"]),
        ("CREATE TRIGGER t AFTER INSERT ON trees FOR EACH ROW BEGIN SET @x = 1; DELETE FROM a; END", ["TRIGGER t"]),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT RETURN 1", ["FUNCTION f"]),
        ("DROP FUNCTION IF EXISTS f", ["FUNCTION f"]),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM a", ["EVENT e"]),
        ("CREATE SEQUENCE s START WITH 5", ["SEQUENCE s"]),
        ("ANALYZE TABLE trees", []),
        ("GRANT SELECT ON trees TO u", []),
    ],
)
def test_a_definition_names_what_it_defines(sql: str, objects: list[str]) -> None:
    """In the words of SHOW CREATE; it is judged by these."""
    found = read(sql)
    assert (found.kind, list(found.objects), found.binds) == (Kind.DEFINITION, objects, "")


@pytest.mark.parametrize(
    ("sql", "ripples"),
    [
        ("RENAME TABLE a TO b", True),
        ("ALTER TABLE a RENAME COLUMN b TO c", True),
        ("ALTER TABLE a CHANGE b c INT", True),
        ("DROP TABLE a", True),
        ("ALTER TABLE a ADD b INT DEFAULT 'rename'", False),
        ("CREATE TABLE a (b INT)", False),
    ],
)
def test_some_definitions_change_others(sql: str, *, ripples: bool) -> None:
    """A renamed table is renamed in the foreign keys of others."""
    assert read(sql).ripples is ripples


@pytest.mark.parametrize(
    ("sql", "binds"),
    [
        ("CREATE TEMPORARY TABLE IF NOT EXISTS `b` (id INT)", "temporary table `b`"),
        ("CREATE TEMPORARY TABLE b SELECT 1", "temporary table b"),
        ("LOCK TABLES a WRITE, b READ", "locked tables"),
        ("PREPARE p FROM 'SELECT 1'", "a prepared statement"),
        ("USE other", "another default database"),
        ("SELECT 1 INTO @x", "a user variable"),
        ("WITH a AS (SELECT 1) SELECT * INTO @x FROM a", "a user variable"),
        ("SELECT @x := 5", "a user variable"),
        ("UPDATE a SET b = (@x := @x + 1)", "a user variable"),
        ("CALL p(1, @x)", "a user variable"),
        ("SET @x = (SELECT 1)", "a user variable"),
        ("SET @x := @y", "a user variable"),
        ("SET @x = NOW()", "a user variable"),
        ("SET @x = 5 + RAND()", "a user variable"),
        ("SET @a = 1, @x = UUID(), @b = 2", "a user variable"),
        ("SET @`x y` = UUID()", "a user variable"),
        ("SET @x = @@last_insert_id", "a user variable"),
        ("SET @x = 5", ""),
        ("SET @x = -1.5, @y := 'a, b', @z = NULL;", ""),
        ("SET @x = @@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS = 0", ""),
        ("SET FOREIGN_KEY_CHECKS = @x", ""),
        ("SET PASSWORD FOR 'u'@'h' = 'x'", ""),
        ("SELECT * FROM a WHERE b = ':=' OR c = 'into @x'", ""),
        ("SELECT 'u@h'", ""),
        ("CREATE PROCEDURE p() BEGIN SET @x := UUID(); END", ""),
    ],
)
def test_what_ends_with_the_session_is_known(sql: str, binds: str) -> None:
    """The next session cannot have it, so a revision that needs it cannot be gone on with; a constant is set again."""
    assert read(sql).binds == binds


@pytest.mark.parametrize(
    ("sql", "unbinds"),
    [
        ("DROP TEMPORARY TABLE b", "temporary table b"),
        ("UNLOCK TABLES", "locked tables"),
        ("DEALLOCATE PREPARE p", "a prepared statement"),
        ("DROP PREPARE p", "a prepared statement"),
    ],
)
def test_what_is_taken_away_is_not_missed(sql: str, unbinds: str) -> None:
    """By the same words as those under which it was made."""
    assert read(sql).unbinds == unbinds


@pytest.mark.parametrize(
    ("sql", "needs"),
    [
        ("INSERT INTO a VALUES (LAST_INSERT_ID())", True),
        ("SELECT @@identity", True),
        ("SELECT @@session.last_insert_id", True),
        ("SELECT ROW_COUNT()", True),
        ("SELECT FOUND_ROWS ( )", True),
        ("SELECT 'LAST_INSERT_ID()'", False),
        ("SELECT @@version", False),
    ],
)
def test_what_the_statement_before_left_is_known(sql: str, *, needs: bool) -> None:
    """In another session it is another value, and nothing fails."""
    assert read(sql).needs_session is needs


@pytest.mark.parametrize("sql", ["CALL p()", "EXECUTE p", "SELECT 1; SELECT 2", "/*!40101 SET x = 1 */"])
def test_what_may_be_several_is_known(sql: str) -> None:
    """Who meets a lock may have done some of it, so it is not run again."""
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

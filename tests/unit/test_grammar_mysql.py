"""What statements of MySQL and MariaDB are taken for: what is not understood must be called opaque, never harmless."""

import hypothesis
import pytest

from orchestrator.databases.mysql.grammar import read
from orchestrator.databases.statements import Kind, Statement
from tests.unit.growth import grows_with_the_length
from tests.unit.hostile import HOSTILE, SQL


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
            WITH a AS (SELECT 1) SELECT * FROM a
            WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM (SELECT 1) b), c AS (SELECT 1) SELECT * FROM a
            VALUES ROW(1)
            TABLE plants
            SELECT * FROM plants FOR UPDATE
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
            INSERT INTO plants (a, b) SELECT coalesce(a, 'x'), count(*) FROM trees GROUP BY a
            UPDATE plants JOIN trees ON plants.id = trees.id SET plants.a = trees.a
            DELETE FROM plants WHERE id IN (SELECT id FROM trees)
            INSERT INTO `plants` (`a`) VALUES (NOW()) ON DUPLICATE KEY UPDATE a = VALUES(a)
            UPDATE plants SET `create` = 1;
            """,
        ),
        (
            Kind.OPAQUE,
            """
            CALL fill(1)
            CREATE TEMPORARY TABLE bag (id INT)
            DROP TEMPORARY TABLE IF EXISTS bag
            WITH a AS (SELECT 1) DELETE FROM plants WHERE id IN (SELECT * FROM a)
            INSERT INTO plants VALUES (1, 'C:\\'')
            INSERT INTO plants VALUES (bump())
            INSERT INTO plants VALUES (`concat`(1))
            INSERT INTO plants SELECT other.concat(1)
            SELECT bump()
            SELECT bump(id) FROM plants
            SELECT NEXTVAL(s)
            SELECT GET_LOCK('a', 1)
            SELECT VERSION(), bump()
            SELECT @@version, bump()
            SELECT @x FROM plants
            SELECT 1 INTO @x
            SELECT @x := 5
            SELECT SLEEP(1)
            EXPLAIN DELETE FROM plants
            ANALYZE UPDATE plants SET a = 1
            ANALYZE TABLE plants
            GRANT SELECT ON plants TO u
            DO RELEASE_LOCK('a')
            SET STATEMENT max_statement_time = 9 FOR UPDATE plants SET a = 1
            SET autocommit = 1
            SET @@autocommit=0
            SET LOCAL autocommit=1
            SET foreign_key_checks = 0, autocommit = 1
            SET sql_mode = CONCAT(@@sql_mode, ',ANSI')
            SET sql_mode = (SELECT 1)
            SET DEFAULT ROLE NONE
            SET ROLE NONE
            SET @x = 5
            SET NAMES utf8mb4, @x = 1
            SET GLOBAL sql_mode = ''
            SET max_heap_table_size = 5
            USE other
            /*!40101 SET NAMES utf8 */
            /*M!100100 SET NAMES utf8 */
            INSERT /*!40101 INTO */ plants VALUES (1)
            RENAME TABLE a TO b, c TO d
            DROP TABLE a, b
            DROP VIEW v, w
            CREATE TABLE t AS TABLE u
            CREATE TABLE t (a INT) VALUES ROW(1)
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
            ALTER TABLE plants RENAME COLUMN a TO b, RENAME COLUMN b TO a
            ALTER TABLE plants CHANGE b a INT AFTER id, CHANGE COLUMN `a` b INT AFTER a
            ALTER TABLE plants CHANGE ab abc INT, CHANGE IF EXISTS abc ab INT
            ALTER TABLE plants DROP a, CHANGE b a INT, ADD b INT
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
            Kind.SETTING,
            """
            SET NAMES utf8mb4
            SET NAMES 'utf8mb4' COLLATE utf8mb4_bin
            SET foreign_key_checks = 0
            set foreign_key_checks=0;
            SET SESSION sql_mode = 'ANSI'
            SET @@session.sql_mode = ''
            SET LOCAL time_zone = "+00:00"
            """,
        ),
        (
            Kind.ENVIRONMENT,
            """
            SELECT @@version
            SELECT @@sql_mode, @@session.time_zone
            SELECT VERSION()
            SHOW VARIABLES LIKE 'x'
            RELEASE SAVEPOINT a
            """,
        ),
        (Kind.SAVEPOINT, "SAVEPOINT a\nsavepoint `a`;\nROLLBACK TO SAVEPOINT a\nROLLBACK WORK TO a"),
        (Kind.COMMIT, "COMMIT\nBEGIN\nSTART TRANSACTION\ncommit work"),
        (Kind.ROLLBACK, "ROLLBACK\nrollback;\nROLLBACK WORK"),
    ],
)
def test_a_statement_is_of_a_kind(kind: Kind, statements: str) -> None:
    """By its first words; texts, names and comments do not count."""
    found = {line.strip(): read(line.strip()).kind for line in statements.strip().splitlines()}
    assert found == dict.fromkeys(found, kind)


@hypothesis.given(SQL)
def test_nothing_is_too_strange_to_be_read(sql: str) -> None:
    """The server has the last word on what is SQL."""
    assert isinstance(read(sql), Statement)


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 40))
def test_no_text_takes_the_square_of_its_length(first: int) -> None:
    """A generated INSERT may have megabytes, and the migration holds locks meanwhile."""
    for text in HOSTILE[first : first + 40]:
        assert grows_with_the_length(read, text), text(60)

"""What a statement of MySQL or MariaDB defines, where, and what it needs of the statement before."""

import pytest

from orchestrator.databases.mysql.grammar import read
from orchestrator.databases.statements import Kind

SHRUB = "CREATE PROCEDURE p() BEGIN DECLARE x INT; SET x := 1; SELECT 1; END"


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
        ("ALTER TABLE trees CHANGE a A INT, CHANGE COLUMN `b` `b` INT, DROP c", ["TABLE trees"]),
        ("ALTER TABLE trees CHANGE a b INT, ADD c INT", ["TABLE trees"]),
        ("ALTER TABLE trees RENAME INDEX a TO b, RENAME KEY c TO d", ["TABLE trees"]),
        ("ALTER TABLE trees COMMENT 'rename to woods'", ["TABLE trees"]),
        ("ALTER TABLE trees ADD `rename to woods` INT", ["TABLE trees"]),
        ("RENAME TABLE a WAIT 5 TO b", ["TABLE a", "TABLE b"]),
        ("DROP TABLE IF EXISTS c.d CASCADE", ["TABLE c.d"]),
        ("CREATE UNIQUE INDEX i ON trees (a)", ["TABLE trees"]),
        ("CREATE INDEX IF NOT EXISTS `i on you` USING BTREE ON trees (a)", ["TABLE trees"]),
        ("DROP INDEX i ON `trees`", ["TABLE `trees`"]),
        ("CREATE FULLTEXT INDEX i ON my.trees (a)", ["TABLE my.trees"]),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", ["TABLE v"]),
        ("CREATE ALGORITHM=MERGE DEFINER=`my user`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1", ["TABLE v"]),
        (SHRUB, ["PROCEDURE p"]),
        ("CREATE DEFINER = root@localhost TRIGGER t BEFORE INSERT ON trees FOR EACH ROW SET NEW.a = 1", ["TRIGGER t"]),
        ("CREATE TRIGGER t AFTER INSERT ON trees FOR EACH ROW BEGIN SET @x = 1; DELETE FROM a; END", ["TRIGGER t"]),
        ("CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT RETURN 1", ["FUNCTION f"]),
        ("DROP FUNCTION IF EXISTS f", ["FUNCTION f"]),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM a", ["EVENT e"]),
        ("CREATE SEQUENCE s START WITH 5", ["SEQUENCE s"]),
    ],
)
def test_a_definition_names_what_it_defines(sql: str, objects: list[str]) -> None:
    """In the words of SHOW CREATE; it is judged by these."""
    found = read(sql)
    assert (found.kind, list(found.objects)) == (Kind.DEFINITION, objects)


@pytest.mark.parametrize(
    ("sql", "databases"),
    [
        ("INSERT INTO other.plants VALUES (1)", ("other",)),
        ("INSERT INTO `other`.`plants` (a) SELECT x.b FROM x", ("other",)),
        ("UPDATE plants, other.trees SET plants.a = 1", ("other",)),
        ("UPDATE plants JOIN other.trees ON plants.id = trees.id SET trees.a = 1", ("other",)),
        ("DELETE FROM other.plants WHERE id = 1", ("other",)),
        ("INSERT INTO plants SELECT a.b, c.d FROM other.trees", ()),
        ("UPDATE plants SET a = (SELECT x.y FROM x)", ()),
        ("DELETE FROM plants WHERE plants.id = 1", ()),
    ],
)
def test_another_database_is_noticed(sql: str, databases: tuple[str, ...]) -> None:
    """Nothing is known of its tables; what is only read there does not matter."""
    assert read(sql).databases == databases


@pytest.mark.parametrize(
    ("sql", "needs"),
    [
        ("SELECT ROW_COUNT()", True),
        ("SELECT FOUND_ROWS ( )", True),
        ("SHOW WARNINGS", True),
        ("SELECT 'ROW_COUNT()'", False),
        ("SELECT LAST_INSERT_ID()", False),
        ("SELECT @@version", False),
    ],
)
def test_what_the_statement_before_left_is_known(sql: str, *, needs: bool) -> None:
    """In another session it is another value, and nothing fails."""
    assert read(sql).needs_session is needs


@pytest.mark.parametrize("sql", ["CALL p()", "EXECUTE p", "SELECT 1; SELECT 2", "/*!40101 SET x = 1 */"])
def test_what_may_be_several_is_known(sql: str) -> None:
    """If one meets a lock, part of it may be done, so it is not run again."""
    assert read(sql).compound

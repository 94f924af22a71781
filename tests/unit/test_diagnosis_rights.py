"""The missing privilege: the messages of servers, and the GRANT for each."""

import re

import asyncpg
import psycopg2.errors
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import Diagnosis
from tests.unit.driver_errors import mysql

MYSQL = URL.create("mysql+asyncmy", "owner", "hunter2", "db", 3306, "shop")
POSTGRESQL = URL.create("postgresql+asyncpg", 'o"ner', "hunter2", "db", 5432, "shop")


def refused(backend: str, error: Exception, statement: str, url: URL | None) -> Diagnosis:
    """What becomes of an error that SQLAlchemy raised for a statement; without one, that a driver raised."""
    given = ProgrammingError(statement, {"x": "hunter2"}, error) if statement else error
    diagnosis = backend_for(backend).diagnose(given, url)
    assert diagnosis.error_type == "rights"
    assert "hunter2" not in repr(diagnosis)
    assert "MIGRATION_DATABASE_URL" in diagnosis.hint or "CREATE EXTENSION" in diagnosis.hint
    return diagnosis


def granted(hint: str) -> str:
    """The statement to paste."""
    (found,) = re.findall(r"GRANT .*?;", hint)
    return str(found)


@pytest.mark.parametrize(
    ("code", "message", "statement", "expected"),
    [
        (
            1142,
            "ALTER command denied to user 'u'@'10.0.0.7' for table `shop`.`plants`",
            "ALTER TABLE plants ADD COLUMN a INT",
            "GRANT ALTER ON `shop`.* TO 'u'@'%';",
        ),
        (
            1142,
            "CREATE command denied to user 'u'@'10.0.0.7' for table 'plants'",
            "",
            "GRANT CREATE ON `shop`.* TO 'u'@'%';",
        ),
        (
            1142,
            "DROP, ALTER command denied to user 'u'@'localhost' for table 'plants'",
            "RENAME TABLE plants TO p",
            "GRANT DROP, ALTER ON `shop`.* TO 'u'@'%';",
        ),
        (
            1142,
            "REFERENCES command denied to user 'u'@'h' for table 'shop.plants'",
            "CREATE TABLE t (id INT REFERENCES plants (id))",
            "GRANT REFERENCES ON `shop`.* TO 'u'@'%';",
        ),
        (
            1142,
            "CREATE VIEW command denied to user 'u'@'h' for table `o``dd`.`a`",
            "CREATE VIEW a AS SELECT 1",
            "GRANT CREATE VIEW ON `o``dd`.* TO 'u'@'%';",
        ),
        (
            1143,
            "SELECT command denied to user 'u'@'h' for column 'name' in table 'plants'",
            "SELECT name FROM plants",
            "GRANT SELECT ON `shop`.* TO 'u'@'%';",
        ),
        (
            1370,
            "alter routine command denied to user 'u'@'10.%' for routine 'shop.grow'",
            "DROP PROCEDURE grow",
            "GRANT ALTER ROUTINE ON `shop`.* TO 'u'@'10.%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'10.%' to database 'shop'",
            "CREATE TEMPORARY TABLE t (id INT)",
            "GRANT CREATE TEMPORARY TABLES ON `shop`.* TO 'u'@'10.%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'%' to database 'shop'",
            "LOCK TABLES t WRITE",
            "GRANT LOCK TABLES ON `shop`.* TO 'u'@'%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'%' to database 'shop'",
            "CREATE DEFINER=`a`@`%` FUNCTION f() RETURNS INT RETURN 1",
            "GRANT CREATE ROUTINE ON `shop`.* TO 'u'@'%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'%' to database 'shop'",
            "DROP EVENT e",
            "GRANT EVENT ON `shop`.* TO 'u'@'%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'%' to database 'zoo'",
            "create schema zoo",
            "GRANT CREATE ON `zoo`.* TO 'u'@'%';",
        ),
        (
            1044,
            "Access denied for user 'u'@'%' to database 'shop'",
            "",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `shop`.* TO 'u'@'%';",
        ),
        (
            1227,
            "Access denied; you need (at least one of) the SUPER, X_ADMIN or SESSION_VARIABLES_ADMIN privilege(s)",
            "SET SESSION sql_log_bin = 0",
            "GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'owner'@'%';",
        ),
        (
            1227,
            "Access denied; you need (at least one of) the SUPER, BINLOG ADMIN privilege(s) for this operation",
            "SET SESSION sql_log_bin = 0",
            "GRANT BINLOG ADMIN ON *.* TO 'owner'@'%';",
        ),
        (
            1227,
            "Access denied; you need (at least one of) the CREATE USER privilege(s) for this operation",
            "CREATE USER x",
            "GRANT CREATE USER ON *.* TO 'owner'@'%';",
        ),
    ],
)
def test_mysqls_refusal_becomes_the_grant_that_cures_it(code: int, message: str, statement: str, expected: str) -> None:
    """MariaDB names the schema and MySQL does not; only some messages contain the host of the account."""
    assert granted(refused("mysql", mysql(code, message), statement, MYSQL).hint) == expected


def test_without_an_address_the_grant_is_for_the_database_it_is_run_in() -> None:
    """`*` means the default database of the session in which it is run."""
    hint = refused("mysql", mysql(1142, "DROP command denied to user 'u'@'h' for table 't'"), "", None).hint
    assert granted(hint) == "GRANT DROP ON * TO 'u'@'%';"


def test_functions_that_the_binary_log_forbids_have_a_cure_of_their_own() -> None:
    """Nobody on RDS can have SUPER, so no GRANT helps."""
    hint = backend_for("mysql").diagnose(mysql(1419, "You do not have the SUPER privilege"), MYSQL).hint
    assert "log_bin_trust_function_creators" in hint


@pytest.mark.parametrize(
    ("message", "statement", "expected"),
    [
        ("permission denied for schema public", "CREATE TABLE t (id INT)", 'USAGE, CREATE ON SCHEMA "public"'),
        ("permission denied for schema public", "", 'USAGE, CREATE ON SCHEMA "public"'),
        ("permission denied for schema shop", "\n  SELECT 1 FROM shop.t", 'USAGE ON SCHEMA "shop"'),
        ("permission denied for table t", "SELECT 1 FROM t", 'SELECT ON "t"'),
        ("permission denied for table t", "INSERT INTO t VALUES (1) RETURNING id", 'SELECT, INSERT ON "t"'),
        ("permission denied for table t", "WITH x AS (SELECT 1)\nUPDATE t SET id = 1", 'SELECT, UPDATE ON "t"'),
        ("permission denied for table t", "delete from t", 'SELECT, DELETE ON "t"'),
        ("permission denied for table t", "TRUNCATE t", 'TRUNCATE ON "t"'),
        ("permission denied for table t", "CREATE TABLE n (id INT REFERENCES t (id))", 'REFERENCES ON "t"'),
        ("permission denied for table t", "CREATE TRIGGER x\nBEFORE INSERT ON t", 'TRIGGER ON "t"'),
        ("permission denied for table t", "", 'SELECT, INSERT, UPDATE, DELETE ON "t"'),
        ("permission denied for table O dd", "SELECT 1", 'SELECT ON "O dd"'),
        ("permission denied for materialized view t", "SELECT 1", 'SELECT ON "t"'),
        (
            "permission denied for sequence t_id_seq",
            "INSERT INTO t DEFAULT VALUES",
            'USAGE, SELECT ON SEQUENCE "t_id_seq"',
        ),
        ("permission denied for function f", "SELECT f()", 'EXECUTE ON FUNCTION "f"'),
        (
            'permission denied for database "shop" DETAIL:  User does not have CONNECT privilege.',
            "",
            'CONNECT ON DATABASE "shop"',
        ),
        ("permission denied for database shop", "CREATE SCHEMA x", 'CREATE ON DATABASE "shop"'),
        ("must be owner of table plants", "ALTER TABLE plants ADD COLUMN a INT", "owner"),
        ("must be owner of type mood", "DROP TYPE mood", "owner"),
    ],
)
def test_postgresqls_refusal_becomes_the_grant_that_cures_it(message: str, statement: str, expected: str) -> None:
    """It names only the object: the statement gives the privilege, and the URL the role."""
    hint = refused("postgresql", asyncpg.InsufficientPrivilegeError(message), statement, POSTGRESQL).hint
    assert granted(hint) == f'GRANT {expected} TO "o""ner";'


@pytest.mark.parametrize(
    ("message", "lookup"),
    [
        ("must be owner of table o'dd", "SELECT relowner::regrole FROM pg_class WHERE relname = 'o''dd'"),
        ("must be owner of relation t", "SELECT relowner::regrole FROM pg_class WHERE relname = 't'"),
        ("must be owner of function f", "SELECT proowner::regrole FROM pg_proc WHERE proname = 'f'"),
        ("must be owner of schema s", "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 's'"),
    ],
)
def test_what_only_an_owner_may_do_comes_with_a_way_to_find_the_owner(message: str, lookup: str) -> None:
    """No privilege on a table allows another role to alter it; a new owner would take it from the old one."""
    hint = refused("postgresql", asyncpg.InsufficientPrivilegeError(message), "ALTER", POSTGRESQL).hint
    assert lookup in hint
    assert "OWNER TO" not in hint


def test_an_extension_is_left_to_an_administrator() -> None:
    """Most take a superuser."""
    error = asyncpg.InsufficientPrivilegeError('permission denied to create extension "hstore"')
    hint = refused("postgresql", error, "CREATE EXTENSION hstore", POSTGRESQL).hint
    assert 'CREATE EXTENSION IF NOT EXISTS "hstore";' in hint


def test_psycopg2_points_into_the_statement_and_is_understood_all_the_same() -> None:
    """The names end before that."""
    error = psycopg2.errors.lookup("42501")("permission denied for schema s\nLINE 1: SELECT 1 FROM s.t\n      ^\n")
    error.__setstate__({"pgcode": "42501"})  # as its C code does
    assert "USAGE ON SCHEMA" in refused("postgresql", error, "SELECT 1 FROM s.t", POSTGRESQL).hint


@pytest.mark.parametrize(
    ("backend", "error"),
    [
        ("mysql", mysql(1142, "Sie dürfen das nicht")),
        ("mysql", mysql(1410, "You are not allowed to create a user with GRANT")),
        ("postgresql", asyncpg.InsufficientPrivilegeError("keine Berechtigung für Tabelle t")),
        ("postgresql", asyncpg.InsufficientPrivilegeError('permission denied to set parameter "x"')),
    ],
)
def test_a_refusal_in_unknown_words_still_has_a_hint(backend: str, error: Exception) -> None:
    """Servers speak many languages."""
    hint = refused(backend, error, "GRANT", None).hint
    assert hint.startswith("Grant the user the rights")

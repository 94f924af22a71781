"""What a statement's form proves besides its kind: what it may drop, where it acts, whether it is several."""

import dataclasses
from typing import Any

import pytest

from orchestrator.databases.mysql import grammar as mysql
from orchestrator.databases.postgresql import grammar as postgresql
from orchestrator.databases.sqlite import session as sqlite
from orchestrator.databases.statements import Kind, Statement

WRITE, READ, OPAQUE, DEFINITION = Kind.WRITE, Kind.READ, Kind.OPAQUE, Kind.DEFINITION
ON_MYSQL: list[tuple[str, Kind, dict[str, Any]]] = [
    ("CREATE TABLE t (x INT)", DEFINITION, {"objects": ("TABLE t",)}),
    ("DROP TABLE t", DEFINITION, {"objects": ("TABLE t",), "drops": True}),
    ("ALTER TABLE t DROP COLUMN c", DEFINITION, {"objects": ("TABLE t",), "drops": True}),
    ("INSERT INTO t VALUES ('drop')", WRITE, {}),
    ("GRANT SELECT ON *.* TO x", OPAQUE, {"drops": True}),
    ("SELECT 1; SELECT 2", OPAQUE, {"drops": True, "compound": True}),
    ("CALL p()", OPAQUE, {"drops": True, "compound": True}),
    ("/*M!100100 DELETE FROM t */", OPAQUE, {"drops": True, "compound": True}),
    ("CREATE PROCEDURE p() /*! COMMENT 'x' */ SELECT 1", OPAQUE, {"drops": True, "compound": True}),
    ("CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW SET @a = 1", DEFINITION, {"objects": ("TRIGGER a",)}),
    (
        "CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END",
        DEFINITION,
        {"objects": ("TRIGGER a",), "compound": True},
    ),
    ('CREATE TABLE "a""b`c" (x INT)', DEFINITION, {"objects": ('TABLE `a"b``c`',)}),
    ("CREATE INDEX i", OPAQUE, {"drops": True}),
    ("WITH a AS (SELECT 1) VALUES ROW(1)", READ, {}),
    ("WITH a AS (SELECT 1) TABLE a", READ, {}),
    ("WITH a AS (SELECT 1) DO 1", OPAQUE, {"drops": True}),
    ("SELECT * FROM other.t", READ, {}),
    ("SELECT ROW_COUNT()", READ, {"needs_session": True}),
    ("INSERT INTO `a`.t (x) SELECT y FROM b.u", WRITE, {"databases": ("a",)}),
    ("UPDATE a.t, b.u SET t.x = (SELECT 1 FROM c.v)", WRITE, {"databases": ("a", "b")}),
    ("DELETE FROM a.t WHERE x IN (SELECT y FROM b.u WHERE z = 1)", WRITE, {"databases": ("a",)}),
    ("DELETE a.t, b.u FROM a.t JOIN b.u", WRITE, {"databases": ("a", "b")}),
    ("ROLLBACK TO SAVEPOINT s", Kind.SAVEPOINT, {"undoes": True}),
]
ON_POSTGRESQL: list[tuple[str, Kind, dict[str, Any]]] = [
    ("SELECT 1", READ, {}),
    ("INSERT INTO t VALUES (1)", WRITE, {}),
    ("DROP TABLE t", WRITE, {"drops": True}),
    ("INSERT INTO t VALUES ('drop')", WRITE, {}),
    ("VACUUM t", OPAQUE, {"drops": True}),
    ("SELECT 1; SELECT 2", OPAQUE, {"drops": True, "compound": True}),
    ("DO $a$ BEGIN EXECUTE 'x'; END $a$", WRITE, {"compound": True}),
    ("SELECT dblink_exec('x', 'y')", READ, {"outside": True}),
    ("SELECT public.http_post('x')", READ, {"outside": True}),
    ("WITH a AS (SELECT lo_export(1, 'x')) SELECT 1", READ, {"outside": True}),
    ("SELECT pg_export_snapshot ()", READ, {"outside": True}),
    ("SELECT aws_s3.query_export_to_s3('x')", READ, {"outside": True}),
    ("SELECT aws_lambda.invoke('x')", READ, {"outside": True}),
    ("SELECT http('x')", READ, {"outside": True}),
    ("SELECT my_dblink, https FROM http_get_log", READ, {}),
    ("COPY t TO PROGRAM 'gzip'", WRITE, {"outside": True}),
    ("COPY t FROM PROGRAM 'gunzip'", WRITE, {"outside": True}),
    ("COPY t TO '/tmp/t'", WRITE, {"outside": True}),
    ("COPY t FROM STDIN", WRITE, {}),
    ("SET ROLE app", Kind.SETTING, {"changes_user": True}),
    ("SET LOCAL ROLE app", Kind.SETTING, {"changes_user": True}),
    ("SET SESSION ROLE app", Kind.SETTING, {"changes_user": True}),
    ("RESET ROLE", Kind.SETTING, {"changes_user": True}),
    ("SET SESSION AUTHORIZATION app", Kind.SETTING, {"changes_user": True}),
    ("RESET SESSION AUTHORIZATION", Kind.SETTING, {"changes_user": True}),
    ("SET search_path TO app", Kind.SETTING, {}),
    ("REINDEX TABLE CONCURRENTLY t", OPAQUE, {"drops": True, "long_lock_wait_ok": True}),
    (
        'CREATE INDEX CONCURRENTLY i ON ONLY "s" . t (a)',
        DEFINITION,
        {"objects": ('INDEX i ON "s" . t',), "long_lock_wait_ok": True},
    ),
    (
        "DROP INDEX CONCURRENTLY IF EXISTS s.i",
        DEFINITION,
        {"objects": ("INDEX s.i",), "long_lock_wait_ok": True, "drops": True},
    ),
    ("ROLLBACK TO s", Kind.SAVEPOINT, {"undoes": True}),
]
ON_SQLITE: list[tuple[str, Kind, dict[str, Any]]] = [
    ("CREATE TABLE t (x INT)", WRITE, {}),
    ("DROP TABLE t", WRITE, {"drops": True}),
    ("ROLLBACK TO s", Kind.SAVEPOINT, {"undoes": True}),
    ("BEGIN IMMEDIATE", Kind.ENVIRONMENT, {"outside": True}),
    ("PRAGMA foreign_keys = OFF", Kind.SETTING, {"outside": True}),
    ("PRAGMA writable_schema = ON", OPAQUE, {"outside": True}),
    ("ATTACH 'x.db' AS x", OPAQUE, {"outside": True}),
    ("WITH a AS (SELECT 1) DELETE FROM t", WRITE, {}),
    ("SELECT last_insert_rowid()", WRITE, {"needs_session": True}),
]
CASES = [
    (read, *case)
    for read, cases in ((mysql.read, ON_MYSQL), (postgresql.read, ON_POSTGRESQL), (sqlite.read, ON_SQLITE))
    for case in cases
]


@pytest.mark.parametrize(
    ("read", "sql", "kind", "flags"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_statement_has_these_effects_and_no_others(read: Any, sql: str, kind: Kind, flags: dict[str, Any]) -> None:
    """A journal table that is dropped unnoticed, or rows written elsewhere, would be a wrong resume."""
    assert dataclasses.asdict(read(sql)) == dataclasses.asdict(Statement(kind, **flags))

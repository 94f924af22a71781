"""The journal's tables, and the SQL that reads and writes them.

The columns of `orchestrator_journal` are public: section 7 of the contract. The other table is private.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)

JOURNAL = "orchestrator_journal"  # how the names of its tables begin
_MAX_NAME = 50  # longest table name, with room for `_statements`: PostgreSQL takes 63 bytes, MySQL 64 characters
MARK = -1  # the statement_index of a mark: the revision did something that no rollback undoes
SAVED = (1, 2, 3, 50)  # numbers of rows that a single statement saves

_OPTIONS: Any = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def _insert(dialect_name: str) -> Any:
    """Return the dialect's own `insert`, which has an upsert. What is not used is not imported: see `_types`."""
    if dialect_name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    if dialect_name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import mysql

    return mysql.insert


def _types(dialect_name: str) -> tuple[Any, Any]:
    """Return the types of a long text and of a time. To import a dialect takes 20 ms (PostgreSQL)."""
    if dialect_name in {"mysql", "mariadb"}:
        from sqlalchemy.dialects import mysql

        return mysql.LONGTEXT(), mysql.DATETIME(fsp=3)
    return Text(), String(23) if dialect_name == "sqlite" else DateTime()


def journal_name(version_table: str) -> str:
    """Return the name of a version table's journal: services that share a schema have separate journals."""
    if version_table == "alembic_version":
        return JOURNAL
    name = f"{JOURNAL}_of_{version_table}"
    return name if len(name) <= _MAX_NAME else f"{JOURNAL}_of_{hashlib.sha256(version_table.encode()).hexdigest()[:20]}"


def tables(schema: str | None, dialect_name: str, name: str = JOURNAL) -> tuple[Table, Table]:
    """Return the two tables."""
    long, time = _types(dialect_name)
    metadata = MetaData(schema=schema)
    revisions = Table(
        name,
        metadata,
        Column("revision", String(255), primary_key=True),
        Column("down_revision", Text),
        Column("description", Text),
        Column("checksum", String(64)),
        Column("app_version", String(128)),
        Column("boot_id", String(64)),
        Column("task_id", String(128)),
        Column("connection_id", BigInteger),
        Column("started_at", time, nullable=False),
        Column("finished_at", time),
        Column("statements_done", Integer, nullable=False),
        Column("pending_statement", Text),
        Column("duration_seconds", Float),
        **_OPTIONS,
    )
    statements = Table(
        f"{name}_statements",
        metadata,
        Column("revision", String(255), primary_key=True),
        Column("statement_index", Integer, primary_key=True, autoincrement=False),
        Column("kind", String(16), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("statement", long, nullable=False),
        Column("outcome", String(16), nullable=False),
        Column("answer", long, nullable=False),
        Column("definitions", long, nullable=False),
        Column("recorded_at", time, nullable=False),
        **_OPTIONS,
    )
    return revisions, statements


def queries(revisions: Table, statements: Table, dialect_name: str, now: str) -> dict[str, Callable[[], Any]]:
    """Return what makes each query on them, by its purpose; parameters are column names, followed by `_0` and so on.

    Making all of them takes 10 ms, and most starts need few.
    """
    moment: Any = literal_column(now)
    of_revision, of_statements = revisions.c, statements.c
    this_revision = of_revision.revision == bindparam("this")
    its_statements = of_statements.revision == bindparam("this")
    marked = of_statements.statement_index == literal_column(str(MARK))
    began = {"started_at": moment, "finished_at": literal_column("NULL")}
    finished = {"pending_statement": None, "finished_at": moment}
    return {
        "entries": lambda: select(
            of_revision.revision,
            of_revision.down_revision,
            of_revision.checksum,
            of_revision.app_version,
            of_revision.boot_id,
            of_revision.finished_at.is_not(None),
            of_revision.statements_done,
            of_revision.pending_statement,
        ),
        "begin": lambda: _upsert(dialect_name, revisions, began, without=("duration_seconds", "pending_statement")),
        "progress": lambda: (
            update(revisions).where(this_revision).values(_given("statements_done", "pending_statement"))
        ),
        "finish": lambda: (
            update(revisions).where(this_revision).values(_given("statements_done", "duration_seconds") | finished)
        ),
        **{
            f"save {rows}": partial(_upsert, dialect_name, statements, {"recorded_at": moment}, rows=rows)
            for rows in SAVED
        },
        "steps": lambda: select(statements).where(its_statements).order_by(of_statements.statement_index),
        "forget": lambda: delete(statements).where(its_statements),
        "unmark": lambda: delete(statements).where(its_statements, marked),
        "marks": lambda: select(of_statements.revision, of_statements.statement).where(marked),
    }


def _given(*names: str) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}") for name in names}


def _upsert(
    dialect_name: str, table: Table, computed: dict[str, Any], *, without: tuple[str, ...] = (), rows: int = 1
) -> Any:
    """Return an upsert of rows as a single statement, because drivers send several ones separately."""
    names = [column.name for column in table.c if column.name not in without]
    values = [{name: computed.get(name, bindparam(f"{name}_{row}")) for name in names} for row in range(rows)]
    keys = [column.name for column in table.primary_key]
    ours = _insert(dialect_name)(table).values(values)
    if dialect_name in {"mysql", "mariadb"}:
        return ours.on_duplicate_key_update({name: ours.inserted[name] for name in names if name not in keys})
    changes = {name: ours.excluded[name] for name in names if name not in keys}
    return ours.on_conflict_do_update(index_elements=keys, set_=changes)

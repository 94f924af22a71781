"""The journal's tables; `queries.py` has the SQL that reads and writes them.

The columns of `orchestrator_journal` are public: section 7 of the contract. The other table is private.
"""

import hashlib
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Float, Integer, MetaData, String, Table, Text

JOURNAL = "orchestrator_journal"  # how the names of its tables begin
_MAX_NAME = 50  # longest table name, with room for `_statements`: PostgreSQL takes 63 bytes, MySQL 64 characters
MARK = -1  # the statement_index of a mark: the revision did something that no rollback undoes

_OPTIONS: Any = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


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

"""All that is in a database: the definition of every table, and its rows."""

import re
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, NullPool, create_engine

from tests.servers import Database

Snapshot = dict[str, list[Any]]

JOURNAL = "orchestrator_journal"
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_LONG = 100

_POSTGRESQL = """
SELECT attrelid::regclass::text, attnum::text, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
       || coalesce(' ' || pg_get_expr(adbin, adrelid), '')
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = '"{0}"'::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = '"{0}"'::regclass
UNION ALL
SELECT indrelid::regclass::text, '', pg_get_indexdef(indexrelid) || indisvalid
FROM pg_index WHERE indrelid = '"{0}"'::regclass
"""
_DEFINITION = {
    "mariadb": "SHOW CREATE TABLE `{}`",
    "mysql": "SHOW CREATE TABLE `{}`",
    "postgresql": _POSTGRESQL,
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE tbl_name = '{}'",
}


def snapshot(database: Database) -> Snapshot:
    """Read all tables but the journal's: `plants` are the rows, `definition of plants` is the definition."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    found: Snapshot = {}
    with engine.connect() as connection:
        look = sqlalchemy.inspect(connection)
        for table in sorted({*look.get_table_names(), *look.get_view_names()}):
            if table.startswith(JOURNAL):
                continue
            rows = _rows(connection, table)
            if table == "alembic_version" and not rows:
                continue  # it is made by the way, before anything is migrated
            definition = connection.exec_driver_sql(_DEFINITION[database.backend].format(table))
            found[f"definition of {table}"] = sorted(_COUNTER.sub("", " | ".join(map(str, row))) for row in definition)
            found[table] = rows
    return _by_rank(found)


def at(found: Snapshot) -> str:
    """Return the revision that a database is at, `base` for none."""
    return next((row["version_num"] for row in found.get("alembic_version", [])), "base")


def journalled(database: Database) -> tuple[set[str], int]:
    """Return the finished revisions in the journal, and how many statements it still holds."""
    finished = database.execute(f"SELECT revision FROM {JOURNAL} WHERE finished_at IS NOT NULL")  # noqa: S608 - ours
    ((statements,),) = database.execute(f"SELECT count(*) FROM {JOURNAL}_statements")  # noqa: S608 - ours
    return {revision for (revision,) in finished}, statements


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """Tell what is missing in a database and what is too much."""
    told = []
    for name in sorted(expected.keys() | found.keys()):
        missing, extra = list(expected.get(name, [])), []
        for row in found.get(name, []):
            if row in missing:
                missing.remove(row)
            else:
                extra.append(row)
        told += [f"{name}: missing {str(row)[:300]}" for row in missing[:5]]
        told += [f"{name}: too much {str(row)[:300]}" for row in extra[:5]]
    return told


def _rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()  # noqa: S608 - our own name
    return sorted(({key: _short(value) for key, value in row.items()} for row in rows), key=repr)


def _short(value: object) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    return f"{len(value)} characters" if isinstance(value, str) and len(value) > _LONG else value


def _by_rank(found: Snapshot) -> Snapshot:
    """Number the keys that the database gave away, and what refers to them, from 0: a rollback leaves gaps."""
    parents = [row["id"] for row in found.get("parents", [])]
    children = [row["id"] for row in found.get("children", [])]
    for row in found.get("parents", []):
        row["id"] = sorted(parents).index(row["id"])
    for row in found.get("children", []):
        row["parents_id"] = sorted(parents).index(row["parents_id"])
        row["id"] = sorted(children).index(row["id"])
    return found

"""All that is in a database, to be compared: how everything is defined, counters included, and every row."""

from collections.abc import Iterator

import sqlalchemy
from sqlalchemy import Connection, NullPool, create_engine

from tests.servers import Database

Contents = dict[str, list[str]]

_MYSQL = (
    """SELECT routine_type, routine_name, routine_definition, sql_data_access FROM information_schema.routines
       WHERE routine_schema = DATABASE()""",
    """SELECT trigger_name, action_timing, event_manipulation, event_object_table, action_statement
       FROM information_schema.triggers WHERE trigger_schema = DATABASE()""",
    """SELECT event_name, event_definition, interval_value, status FROM information_schema.events
       WHERE event_schema = DATABASE()""",
)
_POSTGRESQL = (
    "SELECT relname, relkind::text, reloptions::text, obj_description(oid) FROM pg_class WHERE rel_OURS",
    """SELECT relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity::text,
              attgenerated::text, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
       FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
       WHERE attnum > 0 AND NOT attisdropped AND rel_OURS""",
    """SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid), convalidated
       FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE rel_OURS""",
    """SELECT pg_get_indexdef(indexrelid), indisvalid
       FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE rel_OURS""",
    "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND rel_OURS",
    """SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
       WHERE NOT tgisinternal AND rel_OURS""",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pro_OURS",
    "SELECT typname, enumlabel, enumsortorder FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid",
    "SELECT schemaname, sequencename, start_value, increment_by, last_value FROM pg_sequences",
)
_OURS = "namespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')"
_SQLITE = ("SELECT type, name, sql FROM sqlite_master",)
_CATALOGUE = {"mariadb": _MYSQL, "mysql": _MYSQL, "postgresql": _POSTGRESQL, "sqlite": _SQLITE}


def contents(database: Database) -> Contents:
    """Read everything: by query of the catalogue, and by table."""
    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection:
        found = {what: sorted(rows) for what, rows in _read(connection, database)}
    return {what: [row.replace(database.name, "the database") for row in rows] for what, rows in found.items()}


def without_journal(found: Contents) -> Contents:
    """Leave out what only the product leaves in a database."""
    return {
        what: [row for row in rows if "orchestrator_journal" not in row]
        for what, rows in found.items()
        if "orchestrator_journal" not in what
    }


def differences(one: Contents, other: Contents) -> list[str]:
    """Tell what is in one only, and what in the other only."""
    told = []
    for what in sorted(one.keys() | other.keys()):
        here, there = one.get(what, []), other.get(what, [])
        told += [f"- {what}: {row}" for row in here if row not in there or here.count(row) != there.count(row)]
        told += [f"+ {what}: {row}" for row in there if row not in here]
    return told


def _read(connection: Connection, database: Database) -> Iterator[tuple[str, list[str]]]:
    for query in _CATALOGUE[database.backend]:
        yield query, _rows(connection, query.replace("_OURS", _OURS))
    inspector = sqlalchemy.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in inspector.get_table_names():
        yield f"rows of {table}", _rows(connection, f"SELECT * FROM {quote(table)}")  # noqa: S608 - our own name
    if connection.dialect.name == "mysql":
        for table in [*inspector.get_table_names(), *inspector.get_view_names()]:
            yield f"definition of {table}", _rows(connection, f"SHOW CREATE TABLE {quote(table)}")


def _rows(connection: Connection, query: str) -> list[str]:
    found = connection.execution_options(no_parameters=True).exec_driver_sql(query)
    return [repr(tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)) for row in found]

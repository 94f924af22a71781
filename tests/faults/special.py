"""Habits that a certain fault needs, and those after which an interrupted revision may be refused.

As in `ddl` and `dml`, each is written as Python for `upgrade()`, and `STEP` writes to the ledger.
"""

# ruff: noqa: S608 - the names in the SQL are our own

from tests.faults import ddl, dml
from tests.faults.schema import Habit, Schema

FAMILY = ("mariadb", "mysql")


def fill_the_disk(schema: Schema) -> str:
    """Insert 15 MB in one statement."""
    table = schema.add()
    table.columns["pad"] = "sa.String(1500)"
    number = "ones.d + 10 * tens.d + 100 * hundreds.d + 1000 * thousands.d"
    digits = ", ".join(f"digits {name}" for name in ("ones", "tens", "hundreds", "thousands"))
    select = f"SELECT {schema.ids()} + {number}, 'pine', {number}, '{'p' * 1500}' FROM {digits}"
    insert = f'op.execute("INSERT INTO {table.name} (id, name, n, pad) {select}")'
    return f"op.create_table({table.name!r}, {table.definition})\nSTEP\n{insert}"


def lock_two_rows(_schema: Schema) -> str:
    """Lock one row and then another, in one transaction: a session with the opposite order causes a deadlock."""
    up = "op.execute('UPDATE duel SET n = n + 1 WHERE id = {}')"
    return f"{up.format(1)}\nSTEP\n{up.format(2)}"


def alter_what_is_read(schema: Schema) -> str:
    """Alter a table that others may be reading."""
    return f"STEP\nop.add_column('duel', sa.Column({schema.name('c')!r}, sa.Integer()))"


def leave_the_transaction(schema: Schema) -> str:
    """Commit what is done and insert in autocommit."""
    insert = f"op.execute(\"INSERT INTO {schema.any().name} (id, name, n) VALUES ({schema.ids()}, 'elm', 1)\")"
    return f"with op.get_context().autocommit_block():\n    STEP\n    {insert}"


def create_an_index_concurrently(schema: Schema) -> str:
    """Create an index without a lock, which can't be done in a transaction."""
    table, name = schema.any(), schema.name("ix")
    table.indexes.append(name)
    create = f"op.create_index({name!r}, {table.name!r}, ['n'], postgresql_concurrently=True)"
    return f"STEP\nwith op.get_context().autocommit_block():\n    {create}"


def use_a_temporary_table(schema: Schema) -> str:
    """Keep rows in a table that ends with the connection."""
    name, table, first = schema.name("temporary"), schema.any().name, schema.ids()
    return (
        f"op.execute('CREATE TEMPORARY TABLE {name} AS SELECT n FROM duel')\nSTEP\n"
        f"op.execute(\"INSERT INTO {table} (id, name, n) SELECT {first} + n, 'ash', n FROM {name} LIMIT 1\")\n"
        f"op.execute('DROP TABLE {name}')"
    )


def exchange_in_one_statement(schema: Schema) -> str:
    """Exchange two tables that are defined alike."""
    one, other, names = schema.add(), schema.add(), schema.name("between")
    other.keyed = one.keyed
    rename = f"RENAME TABLE {one.name} TO {names}, {other.name} TO {one.name}, {names} TO {other.name}"
    return (
        f"op.create_table({one.name!r}, {one.definition})\nop.create_table({other.name!r}, {other.definition})\n"
        f"op.execute(\"INSERT INTO {one.name} (id, name, n) VALUES (1, 'lime', 1)\")\nSTEP\nop.execute({rename!r})"
    )


def truncate(schema: Schema) -> str:
    """Empty a table."""
    return f"STEP\nop.execute('TRUNCATE TABLE {schema.any().name}')"


def create_from_a_select(schema: Schema) -> str:
    """Create a table and fill it, in one statement."""
    return f"STEP\nop.execute('CREATE TABLE {schema.name('copy')} AS SELECT id, name, n FROM {schema.any().name}')"


def drop_two_at_once(schema: Schema) -> str:
    """Drop two tables in one statement."""
    one, other = schema.name("one"), schema.name("other")
    create = "op.create_table({!r}, sa.Column('n', sa.Integer()))\n"
    return f"{create.format(one)}{create.format(other)}STEP\nop.execute('DROP TABLE {one}, {other}')"


def stream(schema: Schema) -> str:
    """Read by a cursor of the server; asyncpg leaves it open, so that the table cannot be altered afterwards."""
    source, target, first = schema.any().name, schema.any().name, schema.ids()
    insert = f"sa.text('INSERT INTO {target} (id, name, n) VALUES (:id, :name, :n)')"
    return (
        f"select = sa.text('SELECT name, n FROM {source} ORDER BY id, n, name')\n"
        "with op.get_bind().execute(select, execution_options={'stream_results': True}) as rows:\n"
        "    found = list(rows)\nSTEP\nfor number, (name, n) in enumerate(found[:3]):\n"
        f"    row = {{'id': {first} + number, 'name': name, 'n': n}}\n"
        f"    op.get_bind().execute({insert}, row)"
    )


def change_what_was_read(schema: Schema) -> str:
    """Read many rows, change them, and continue with what was read."""
    table = schema.add()
    number = "ones.d + 10 * tens.d + 100 * hundreds.d"
    select = f"SELECT {schema.ids()} + {number}, '{'y' * 70}', {number} FROM digits ones, digits tens, digits hundreds"
    return (
        f"op.create_table({table.name!r}, {table.definition})\n"
        f'op.execute("INSERT INTO {table.name} (id, name, n) {select}")\n'
        f"found = op.get_bind().execute(sa.text('SELECT id, name, n FROM {table.name} ORDER BY id')).all()\n"
        f"op.execute('UPDATE {table.name} SET n = n + 1')\nSTEP\n"
        f"op.add_column('duel', sa.Column({schema.name('c')!r}, sa.Integer()))\n"
        f"op.execute(f'UPDATE {table.name} SET n = {{found[7].n}} WHERE n < 9')"
    )


def use_a_random_value(_schema: Schema) -> str:
    """Pass what is another value each time."""
    words = "UPDATE duel SET n = n + 1 WHERE CAST(:key AS CHAR(36)) <> :other"
    return f"import uuid\nop.get_bind().execute(sa.text({words!r}), {{'key': str(uuid.uuid4()), 'other': 'x'}})"


SPECIAL: dict[Habit, tuple[str, ...]] = {
    fill_the_disk: ("sqlite", "postgresql", *FAMILY),
    lock_two_rows: ("sqlite", "postgresql", *FAMILY),
    alter_what_is_read: ("sqlite", "postgresql", *FAMILY),
    leave_the_transaction: ("postgresql", *FAMILY),
    create_an_index_concurrently: ("postgresql",),
    use_a_temporary_table: ("sqlite", "postgresql", *FAMILY),
    exchange_in_one_statement: FAMILY,
    truncate: ("postgresql", *FAMILY),
    stream: ("sqlite", *FAMILY),
    create_from_a_select: ("sqlite", "postgresql", *FAMILY),
    drop_two_at_once: ("postgresql", *FAMILY),
    change_what_was_read: ("sqlite", "postgresql", *FAMILY),
    use_a_random_value: ("sqlite", "postgresql", *FAMILY),
}
"""Each with the backends that it is for."""

_COMMITS = "what stands before an autocommit block is committed by it"
_SAME = "both are defined as before: nothing tells whether it was done"
_READS = "what was read before a definition is not kept"
_CAUGHT = "an error that was caught, or a savepoint that was rolled back, is not kept"
_REASONS: dict[Habit, tuple[str, tuple[str, ...]]] = {
    leave_the_transaction: (_COMMITS, ("postgresql", *FAMILY)),
    create_an_index_concurrently: (_COMMITS, ("postgresql",)),
    use_a_temporary_table: ("a temporary table is gone with its connection", FAMILY),
    exchange_in_one_statement: (_SAME, FAMILY),
    ddl.replace_in_one_statement: (_SAME, FAMILY),
    truncate: ("nothing tells whether it was done", FAMILY),
    create_from_a_select: ("rows and definition are not one", FAMILY),
    use_a_random_value: ("it is another value the second time", FAMILY),
    drop_two_at_once: ("the one may be gone and the other not", FAMILY),
    **dict.fromkeys((change_what_was_read, stream, dml.backfill, dml.use_a_session), (_READS, FAMILY)),
    **dict.fromkeys((dml.carry_values_over, ddl.fill_from_what_is_dropped), (_READS, FAMILY)),
    **dict.fromkeys((ddl.create_table_unless_there, ddl.add_column_unless_there), (_READS, FAMILY)),
    dml.use_the_inserted_key: (_READS, ("mariadb",)),
    **dict.fromkeys((ddl.catch_a_failure, dml.get_over_a_duplicate, dml.go_back_to_a_savepoint), (_CAUGHT, FAMILY)),
}
REFUSABLE = {
    (habit.__name__, backend): reason for habit, (reason, backends) in _REASONS.items() for backend in backends
}
"""Why a revision with this habit, on this backend, may be refused once it was interrupted."""

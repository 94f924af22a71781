"""Common schema changes in revisions: each function returns one of them as Python for `upgrade()`.

Run a second time, each of them fails: the name is taken, or missing. A line `STEP` writes to the ledger.
"""

# ruff: noqa: S608 - the names in the SQL are our own

from tests.faults.schema import Habit, Schema, Table


def create_table(schema: Schema) -> str:
    """Create a table."""
    table = schema.add()
    return f"op.create_table({table.name!r}, {table.definition})"


def create_table_unless_there(schema: Schema) -> str:
    """Look first, as trees that were squashed do."""
    table = schema.add()
    look = f"if not sa.inspect(op.get_bind()).has_table({table.name!r}):"
    return f"{look}\n    op.create_table({table.name!r}, {table.definition})"


def add_column(schema: Schema) -> str:
    """Add a column with a default."""
    table, name = schema.any(), schema.name("c")
    table.columns[name] = "sa.Integer()"
    return schema.alter(table, f"add_column(sa.Column({name!r}, sa.Integer(), server_default='7'))")


def add_column_unless_there(schema: Schema) -> str:
    """Look at the columns first."""
    table, name = schema.any(), schema.name("c")
    table.columns[name] = "sa.String(40)"
    look = f"if {name!r} not in [c['name'] for c in sa.inspect(op.get_bind()).get_columns({table.name!r})]:"
    return f"{look}\n    op.add_column({table.name!r}, sa.Column({name!r}, sa.String(40)))"


def drop_column(schema: Schema) -> str:
    """Drop a column."""
    table = schema.any(lambda table: bool(table.columns))
    name = schema.random.choice(list(table.columns))
    del table.columns[name]
    return schema.alter(table, f"drop_column({name!r})")


def rename_column(schema: Schema) -> str:
    """Rename a column."""
    table = schema.any(lambda table: bool(table.columns))
    old, new = schema.random.choice(list(table.columns)), schema.name("c")
    table.columns[new] = kind = table.columns.pop(old)
    return schema.alter(table, f"alter_column({old!r}, new_column_name={new!r}, existing_type={kind})")


def alter_type(schema: Schema) -> str:
    """Give a column another type."""
    table, name = _column(schema, "sa.String(40)")
    table.columns[name] = "sa.Text()"
    return schema.alter(table, f"alter_column({name!r}, type_=sa.Text(), existing_type=sa.String(40))")


def create_index(schema: Schema) -> str:
    """Create an index."""
    table, name = schema.any(), schema.name("ix")
    table.indexes.append(name)
    return f"op.create_index({name!r}, {table.name!r}, ['n'])"


def drop_index(schema: Schema) -> str:
    """Drop an index."""
    table = schema.any(lambda table: bool(table.indexes))
    return f"op.drop_index({table.indexes.pop()!r}, {table.name!r})"


def catch_a_failure(schema: Schema) -> str:
    """Let a statement fail; PostgreSQL needs a savepoint for it, and on MySQL the DDL before has ended that."""
    failing = f"op.execute('CREATE TABLE {schema.any().name} (id INTEGER)')"
    if schema.backend == "postgresql":
        failing = f"with op.get_bind().begin_nested():\n        {failing}"
    return f"try:\n    {failing}\nexcept sa.exc.DBAPIError:\n    pass"


def fill_from_what_is_dropped(schema: Schema) -> str:
    """Go on with what was read of a column that is gone: a start from the top would not find it."""
    table, old = _column(schema, "sa.Integer()")
    del table.columns[old]
    return (
        f"found = op.get_bind().execute(sa.text('SELECT id, {old} FROM {table.name} ORDER BY id, n, name')).all()\n"
        f"STEP\n{schema.alter(table, f'drop_column({old!r})')}\n"
        f"add = sa.text('UPDATE {table.name} SET n = n + :value WHERE id = :id')\n"
        "for id, value in found[:9]:\n    op.get_bind().execute(add, {'value': value or 1, 'id': id})"
    )


def swap_tables(schema: Schema) -> str:
    """Build a table again under another name and put it in the first one's place."""
    table, new, old = schema.any(), schema.name("new"), schema.name("old")
    table.indexes.clear()
    columns = ", ".join(["id", "name", "n", *table.columns])
    return (
        f"op.create_table({new!r}, {table.definition})\n"
        f"op.execute('INSERT INTO {new} ({columns}) SELECT {columns} FROM {table.name}')\nSTEP\n"
        f"op.rename_table({table.name!r}, {old!r})\nop.rename_table({new!r}, {table.name!r})\nop.drop_table({old!r})"
    )


def drop_and_create_again(schema: Schema) -> str:
    """Drop a table and create it again, empty."""
    table = schema.any()
    table.indexes.clear()
    return f"op.drop_table({table.name!r})\nSTEP\nop.create_table({table.name!r}, {table.definition})"


def rename_table(schema: Schema) -> str:
    """Rename a table."""
    table = schema.any()
    old, table.name = table.name, schema.name("plants")
    return f"op.rename_table({old!r}, {table.name!r})"


def replace_in_one_statement(schema: Schema) -> str:
    """Replace a table by one with the same definition, as schema change tools do."""
    table, new, old = schema.any(), schema.name("new"), schema.name("old")
    table.indexes.clear()
    swap = [f"ALTER TABLE {table.name} RENAME TO {old}", f"ALTER TABLE {new} RENAME TO {table.name}"]
    if schema.backend in ("mariadb", "mysql"):
        swap = [f"RENAME TABLE {table.name} TO {old}, {new} TO {table.name}"]
    columns = ", ".join(["id", "name", "n", *table.columns])
    return (
        f"op.create_table({new!r}, {table.definition})\n"
        f"op.execute('INSERT INTO {new} ({columns}) SELECT {columns} FROM {table.name} WHERE n > 3')\nSTEP\n"
        f"for statement in {swap}:\n    op.execute(statement)\nop.drop_table({old!r})"
    )


def create_view(schema: Schema) -> str:
    """Create a view of a table that is never altered."""
    return f"op.execute('CREATE VIEW {schema.name('view')} AS SELECT id, n FROM duel')"


def _column(schema: Schema, kind: str) -> tuple[Table, str]:
    table = schema.any(lambda table: kind in table.columns.values())
    return table, next(name for name, its in table.columns.items() if its == kind)


DDL: list[Habit] = [
    create_table,
    create_table_unless_there,
    add_column,
    add_column_unless_there,
    drop_column,
    rename_column,
    alter_type,
    create_index,
    drop_index,
    catch_a_failure,
    fill_from_what_is_dropped,
    swap_tables,
    rename_table,
    replace_in_one_statement,
    create_view,
    drop_and_create_again,
]

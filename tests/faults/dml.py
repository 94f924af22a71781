"""Common changes of rows in revisions: each function returns one of them as Python for `upgrade()`.

Run a second time, each of them shows: rows of a table without a key are there twice, numbers are added twice. A line
`STEP` writes to the ledger.
"""

# ruff: noqa: S608 - the names in the SQL are our own

from tests.faults.schema import Habit, Schema

_TABLE = "sa.table({!r}, sa.column('id', sa.Integer), sa.column('name', sa.String), sa.column('n', sa.Integer))"
_INSERT = "sa.text('INSERT INTO {} (id, name, n) VALUES (:id, :name, :n)')"


def bulk_insert(schema: Schema) -> str:
    """Insert rows into a table as it is known to the revision."""
    return f"op.bulk_insert({_TABLE.format(schema.any().name)}, {schema.rows()})"


def create_and_fill(schema: Schema) -> str:
    """Create a table and fill it."""
    table = schema.add()
    return f"made = op.create_table({table.name!r}, {table.definition})\nSTEP\nop.bulk_insert(made, {schema.rows()})"


def insert_many(schema: Schema) -> str:
    """Run one statement with many parameters."""
    return f"op.get_bind().execute({_INSERT.format(schema.any().name)}, {schema.rows()})"


def insert_select(schema: Schema) -> str:
    """Copy rows."""
    target, source, first = schema.any().name, schema.any().name, schema.ids()
    number = f"{first} + row_number() OVER (ORDER BY id, n, name)"
    select = f"SELECT {number}, name, n + 1 FROM {source} WHERE n < 50"
    return f"op.execute('INSERT INTO {target} (id, name, n) {select}')"


def update(schema: Schema) -> str:
    """Count up."""
    return f"op.execute('UPDATE {schema.any().name} SET n = n + 1 WHERE n < 50')"


def delete(schema: Schema) -> str:
    """Delete rows."""
    return f"op.execute('DELETE FROM {schema.any().name} WHERE n = {schema.random.randrange(9)}')"


def backfill(schema: Schema) -> str:
    """Compute rows in Python from others."""
    source, target, first = schema.any().name, schema.any().name, schema.ids()
    return (
        f"found = op.get_bind().execute(sa.text('SELECT name, n FROM {source} ORDER BY id, n, name')).all()\n"
        f"for number, (name, n) in enumerate(found[:{schema.random.randint(2, 9)}]):\n"
        f"    row = {{'id': {first} + number, 'name': name.upper(), 'n': 2 * n}}\n"
        f"    op.get_bind().execute({_INSERT.format(target)}, row)"
    )


def go_by_the_row_count(schema: Schema) -> str:
    """Do one thing or the other, as a statement before has answered."""
    name, many, few = schema.any().name, schema.rows(), schema.rows()
    return (
        f"done = op.get_bind().execute(sa.text('UPDATE {name} SET n = n + 1 WHERE n < 10')).rowcount\n"
        f"STEP\nop.get_bind().execute({_INSERT.format(name)}, {many} if done > 2 else {few})"
    )


_PARENTS = "parents = sa.table('parents', sa.column('id', sa.Integer), sa.column('name', sa.String))"
_CHILD = "op.get_bind().execute(sa.text('INSERT INTO children (parents_id, name) VALUES (:id, :name)'), {})"


def use_the_inserted_key(schema: Schema) -> str:
    """Refer to a row by the key that the database gave it."""
    insert = "op.get_bind().execute(sa.insert(parents).values(name='oak'))"
    if schema.backend in ("postgresql", "sqlite", "mariadb"):
        key = "op.get_bind().scalar(sa.insert(parents).values(name='oak').returning(parents.c.id))"
    else:
        key = f"{insert}.lastrowid"
    child = _CHILD.format("{'id': key, 'name': 'acorn'}")
    return f"{_PARENTS}\nkey = {key}\nSTEP\n{child}"


def use_a_session(schema: Schema) -> str:
    """Work with objects."""
    count = schema.random.randint(1, 4)
    return f"""\
from sqlalchemy import orm
class Parent(orm.declarative_base()):
    __tablename__ = 'parents'
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(80))
with orm.Session(op.get_bind()) as session:
    new = [Parent(name=f'beech {{n}}') for n in range({count})]
    session.add_all(new)
    session.flush()
    for parent in session.scalars(sa.select(Parent).where(Parent.name == 'oak').order_by(Parent.id)):
        parent.name = 'old oak'
    session.execute(sa.text('INSERT INTO children (parents_id, name) VALUES (:id, :name)'),
        [{{'id': parent.id, 'name': 'nut'}} for parent in new])
    session.commit()"""


def carry_values_over(schema: Schema) -> str:
    """Read values of all types and write them, after a change of the schema."""
    table, first = schema.name("carried"), schema.ids()
    return f"""\
samples = sa.Table('samples', sa.MetaData(), autoload_with=op.get_bind())
found = op.get_bind().execute(sa.select(samples).order_by(samples.c.id).limit(2)).mappings().all()
STEP
op.create_table({table!r}, sa.Column('n', sa.Integer()))
for number, row in enumerate(found):
    kinds = ' '.join(type(value).__name__ for value in row.values())
    op.get_bind().execute(samples.insert().values({{**row, 'id': {first} + number, 'words': kinds}}))"""


def get_over_a_duplicate(_schema: Schema) -> str:
    """Insert what is there already, in a savepoint."""
    insert = "op.execute('INSERT INTO duel (id, n) VALUES (1, 0)')"
    return f"try:\n    with op.get_bind().begin_nested():\n        {insert}\nexcept sa.exc.IntegrityError:\n    STEP"


def go_back_to_a_savepoint(schema: Schema) -> str:
    """Insert and think better of it."""
    insert = f"op.get_bind().execute({_INSERT.format(schema.any().name)}, {{}})"
    wrong, right = (insert.format({"id": schema.ids(), "name": name, "n": 1}) for name in ("wrong", "right"))
    return f"nested = op.get_bind().begin_nested()\n{wrong}\nnested.rollback()\n{right}\nSTEP"


DML: list[Habit] = [
    bulk_insert,
    create_and_fill,
    insert_many,
    insert_select,
    update,
    delete,
    backfill,
    go_by_the_row_count,
    use_the_inserted_key,
    use_a_session,
    carry_values_over,
    get_over_a_duplicate,
    go_back_to_a_savepoint,
]

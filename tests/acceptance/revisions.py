"""Unusual but legal revisions, as bodies of `upgrade()`; they write what their Python saw into the table `seen`."""

SEEN = "op.create_table('seen', sa.Column('what', sa.Text))"

TELL = """
def tell(*seen):
    op.get_bind().execute(sa.text('INSERT INTO seen (what) VALUES (:what)'), [{'what': repr(each)} for each in seen])
bind = op.get_bind()
"""

CLEAN = """
op.execute('DROP VIEW IF EXISTS v')
for name in ('t', 'parts', 'plants', 'c', 'a'):
    op.execute(f'DROP TABLE IF EXISTS {name}' + (' CASCADE' if bind.dialect.name == 'postgresql' else ''))
"""

ASYNCHRONOUS = """
op.execute('CREATE TABLE t (id INTEGER)')
async def fill(connection, count):
    await connection.execute(sa.text('INSERT INTO t VALUES (:id)'), [{'id': id} for id in range(count)])
    stream = await connection.stream(sa.text('SELECT id FROM t ORDER BY id'))
    found = [row.id async for row in stream]
    async with connection.begin_nested():
        await connection.exec_driver_sql('INSERT INTO t VALUES (1000)')
    return found
tell(op.run_async(fill, 50))
"""

VALUES = """
import datetime as dt, decimal, enum
class Kind(enum.Enum):
    TREE = 1
    SHRUB = 2
t = op.create_table('t', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('bytes', sa.LargeBinary), sa.Column('number', sa.Numeric(20, 5)), sa.Column('real', sa.Float),
    sa.Column('moment', sa.DateTime), sa.Column('day', sa.Date), sa.Column('time', sa.Time),
    sa.Column('span', sa.Interval),
    sa.Column('json', sa.JSON), sa.Column('kind', sa.Enum(Kind)), sa.Column('yes', sa.Boolean),
    sa.Column('text', sa.Text))
rows = [
    {'id': 1, 'bytes': bytes(range(256)), 'number': decimal.Decimal('12345.67890'), 'real': 0.1, 'yes': True,
     'moment': dt.datetime(2024, 2, 29, 23, 59, 59), 'day': dt.date(1, 1, 1), 'time': dt.time(0, 0, 1),
     'span': dt.timedelta(days=1, seconds=2), 'json': {'%': ['é', None, 1.5]}, 'kind': Kind.SHRUB,
     'text': "100 % of 'it' \\\\ \\n\\t\\r \\U0001f333 %s %(x)s :x ? $1 ;"},
    {'id': 2, 'bytes': b'', 'number': decimal.Decimal('-0.00001'), 'real': -1e30, 'yes': False,
     'moment': dt.datetime(1970, 1, 1), 'day': dt.date(9999, 12, 31), 'time': dt.time(23, 59, 59),
     'span': dt.timedelta(0), 'json': [], 'kind': Kind.TREE, 'text': ''},
    {'id': 3, **dict.fromkeys(column.name for column in t.c if column.name != 'id')},
]
op.bulk_insert(t, rows)
bind.execute(sa.insert(t), [{**row, 'id': row['id'] + 10} for row in rows])
bind.execute(sa.insert(t).values([{**row, 'id': row['id'] + 20} for row in rows]))
op.execute(sa.text("INSERT INTO t (id, text) VALUES (31, :x), (32, '100%')").bindparams(x='%'))
op.execute("INSERT INTO t (id, text) VALUES (33, '50% ''off'' -- no comment')")
tell(*bind.execute(sa.select(t).order_by(t.c.id)), bind.execute(sa.update(t).values(real=1)).rowcount)
tell(bind.execute(sa.delete(t).where(t.c.id > 30)).rowcount, bind.scalar(sa.select(sa.func.count()).select_from(t)))
"""

KEYS = """
t = op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', sa.Integer, server_default='7'))
result = bind.execute(sa.insert(t), {'x': 1})
tell(result.inserted_primary_key, result.rowcount)
result = bind.execute(sa.insert(t))
tell(result.inserted_primary_key)
bind.execute(sa.insert(t), [{'x': x} for x in range(50)])
tell(*bind.execute(sa.select(t)))
"""

RETURNING = """
t = op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', sa.Integer))
tell(bind.execute(sa.insert(t).returning(t.c.id, t.c.x), {'x': 1}).one())
many = sa.insert(t).returning(t.c.id, t.c.x, sort_by_parameter_order=True)
tell(*bind.execute(many, [{'x': x} for x in range(2000)]))
tell(*bind.execute(sa.delete(t).where(t.c.x == 1999).returning(t.c.x)).scalars())
tell(*bind.exec_driver_sql('INSERT INTO t (x) VALUES (5), (6) RETURNING id, x').all())
"""

ORM = """
from sqlalchemy import orm
class Base(orm.DeclarativeBase):
    pass
class Plant(Base):
    __tablename__ = 'plants'
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), unique=True)
    parts = orm.relationship('Part', order_by='Part.id')
class Part(Base):
    __tablename__ = 'parts'
    id = sa.Column(sa.Integer, primary_key=True)
    plant_id = sa.Column(sa.ForeignKey('plants.id'))
Base.metadata.create_all(bind)
with orm.Session(bind) as session:
    session.add_all([Plant(name=name, parts=[Part(), Part()]) for name in ('rose', 'oak')])
    session.flush()
    try:
        with session.begin_nested():
            session.add(Plant(name='elm'))
            session.flush()
            session.add(Plant(name='rose'))
            session.flush()
    except sa.exc.IntegrityError as error:
        tell(type(error.orig).__name__)
    with session.begin_nested() as inner:
        session.add(Plant(name='ash'))
        session.flush()
        inner.rollback()
    for plant in session.scalars(sa.select(Plant).order_by(Plant.id)).all():
        tell((plant.name, [part.id for part in plant.parts]))
        plant.name += '!'
    session.commit()
    for number in range(20):
        session.add(Plant(name=str(number)))
    session.commit()
    for partition in session.execute(sa.select(Plant.name).order_by(Plant.id)).yield_per(7).partitions():
        tell([tuple(row) for row in partition])
Base.metadata.create_all(bind)
"""

READING = """
t = op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)))
op.bulk_insert(t, [{'id': id, 'name': f'name {id}'} for id in range(1, 101)])
query = sa.select(t).order_by(t.c.id)
stream = bind.execute(query, execution_options={'stream_results': True, 'max_row_buffer': 10})
tell(stream.fetchone(), stream.fetchmany(3), [tuple(row) for row in stream])
tell(*[len(part) for part in bind.execute(query).yield_per(30).partitions()])
result = bind.execute(query)
tell(list(result.keys()), result.first(), result.closed)
tell(bind.execute(query).mappings().fetchmany(2), bind.execute(query).scalars().all()[-1])
tell(bind.execute(query.where(t.c.id < 0)).one_or_none(), bind.execute(query.where(t.c.id < 0)).all())
mark = {'qmark': '?', 'format': '%s', 'pyformat': '%(x)s', 'numeric_dollar': '$1'}[bind.dialect.paramstyle]
parameters = {'x': 5} if mark == '%(x)s' else (5,)
tell(*bind.exec_driver_sql(f'SELECT name FROM t WHERE id = {mark}', parameters))
tell(*bind.exec_driver_sql('SELECT max(id) FROM t'))
bind.connection.info['note'] = 'kept'
bind.info['other'] = 1
tell(bind.connection.info['note'], bind.info['other'], bind.in_transaction(), bind.dialect.name, bind.closed)
inspector = sa.inspect(bind)
tell(inspector.has_table('t'), inspector.has_table('u'), [column['name'] for column in inspector.get_columns('t')])
reflected = sa.Table('t', sa.MetaData(), autoload_with=bind)
tell(repr(reflected.c.name.type), inspector.get_pk_constraint('t')['constrained_columns'], inspector.get_indexes('t'))
"""

RAW = """
op.execute('CREATE TABLE t (id INTEGER, name VARCHAR(50))')
mark = {'qmark': '?', 'format': '%s', 'pyformat': '%s', 'numeric_dollar': '$1'}[bind.dialect.paramstyle]
other = '$2' if mark == '$1' else mark
cursor = bind.connection.cursor()
cursor.execute(f'INSERT INTO t VALUES ({mark}, {other})', (1, 'a'))
tell(cursor.rowcount, cursor.description)
cursor.executemany(f'INSERT INTO t VALUES ({mark}, {other})', [(2, 'b'), (3, 'c'), (4, None)])
cursor.execute('SELECT id, name FROM t ORDER BY id')
tell([column[0] for column in cursor.description], tuple(cursor.fetchone()))
tell([tuple(row) for row in cursor.fetchmany(2)])
tell([tuple(row) for row in cursor.fetchall()], cursor.fetchone(), list(cursor.fetchall()))
cursor.execute(f'SELECT name FROM t WHERE id > {mark} ORDER BY id', (1,))
tell([tuple(row) for row in cursor])
cursor.close()
with bind.begin_nested():
    bind.exec_driver_sql('DELETE FROM t WHERE id = 4')
"""

BY_HAND = """
op.execute('CREATE TABLE t (id INTEGER)')
op.execute('INSERT INTO t VALUES (1)')
op.execute('COMMIT')
op.execute('BEGIN')
op.execute('INSERT INTO t VALUES (2)')
op.execute('ROLLBACK')
op.execute('BEGIN')
op.execute('INSERT INTO t VALUES (3)')
nested = bind.begin_nested()
op.execute('INSERT INTO t VALUES (4)')
nested.rollback()
op.execute('SAVEPOINT mine')
op.execute('INSERT INTO t VALUES (5)')
op.execute('ROLLBACK TO SAVEPOINT mine')
op.execute('INSERT INTO t VALUES (6)')
op.execute('RELEASE SAVEPOINT mine')
"""

OPERATIONS = """
op.create_table('a', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20), nullable=False))
op.create_table('b', sa.Column('id', sa.Integer, primary_key=True), sa.Column('a_id', sa.Integer))
op.execute("INSERT INTO a VALUES (1, 'one')")
op.execute('INSERT INTO b VALUES (1, 1)')
with op.batch_alter_table('b', recreate='always') as batch:
    batch.create_foreign_key('b_a', 'a', ['a_id'], ['id'])
    batch.add_column(sa.Column('note', sa.String(5), server_default='n'))
with op.batch_alter_table('a') as batch:
    batch.alter_column('name', existing_type=sa.String(20), type_=sa.String(30), existing_nullable=False)
    batch.create_unique_constraint('a_name', ['name'])
op.create_index('b_note', 'b', ['note'])
op.drop_index('b_note', table_name='b')
op.create_table('a', sa.Column('id', sa.Integer), if_not_exists=True)
op.rename_table('b', 'c')
with op.batch_alter_table('c') as batch:
    batch.alter_column('note', new_column_name='remark', existing_type=sa.String(5), existing_server_default='n')
op.execute('CREATE VIEW v AS SELECT name FROM a')
tell(*bind.execute(sa.text('SELECT * FROM c')))
"""

ERRORS = """
op.create_table('t', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False))
op.execute('INSERT INTO t VALUES (1)')
for statement in ('INSERT INTO t VALUES (1)', 'SELECT * FROM nothing', 'SELEKT 1', 'DROP TABLE nothing'):
    try:
        with bind.begin_nested():
            op.execute('INSERT INTO t VALUES (2)')
            op.execute(statement)
    except sa.exc.DBAPIError as error:
        tell(type(error).__name__, str(error.orig), type(error.orig).__mro__[1].__name__)
tell(*bind.execute(sa.text('SELECT id FROM t')))
"""

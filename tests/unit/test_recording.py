"""Recording a revision without a database: what is asked there is answered, and the rest is recorded."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from orchestrator.people.recording.offline import dialect_called
from orchestrator.people.recording.recorder import Recorder, Recording
from tests.harness import Project

LOOKS = """
if sa.inspect(op.get_bind()).has_table('plants'):
    op.drop_table('plants')
else:
    op.create_table('plants', sa.Column('id', sa.Integer))
"""


def _recorded(project: Project, upgrade: str, *, dialect: str = "mysql", present: bool = False) -> Recording:
    project.add_revision("r1", upgrade)
    config = Config(str(project.path / "alembic.ini"))
    config.set_main_option("script_location", str(project.path / "alembic"))
    scripts = ScriptDirectory.from_config(config)
    return Recorder(config, scripts, dialect_called(dialect), {}).record(scripts.get_revision("r1"), present=present)


@pytest.mark.parametrize(("present", "statement"), [(False, "CREATE TABLE"), (True, "DROP TABLE")])
def test_a_revision_that_looks_for_its_table_is_recorded_both_ways(
    project: Project, statement: str, *, present: bool
) -> None:
    """Many are written so that they can run twice; the branch that changes an old table is the dangerous one."""
    found = _recorded(project, LOOKS, present=present)
    assert [each.sql.startswith(statement) for each in found.statements] == [True]
    assert (found.reads, found.problem) == (14, "")


SESSION = """
from sqlalchemy import orm
class Base(orm.DeclarativeBase): pass
class Plant(Base):
    __tablename__ = 'plants'
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
with orm.Session(bind=op.get_bind()) as session:
    for plant in session.query(Plant).filter(Plant.name == 'rose'):
        plant.name = 'lily'
    session.scalars(sa.select(Plant)).all()
    session.execute(sa.text("DELETE FROM pots"))
    session.query(Plant).update({'name': 'fern'})
    session.commit()
op.drop_table('pots')
"""


def test_a_session_of_the_orm_finds_no_rows_and_its_changes_are_recorded(project: Project) -> None:
    """Migrations of data often use one; what follows must be judged all the same."""
    found = _recorded(project, SESSION)
    assert found.problem == ""
    assert found.reads
    changes = [each.sql.split(" SET")[0] for each in found.statements if not each.sql.startswith("SELECT")]
    assert changes == ["DELETE FROM pots", "UPDATE plants", "DROP TABLE pots"]


def test_nothing_is_changed_and_nothing_is_connected_to(project: Project) -> None:
    """A revision may create an engine. It gets as little as env.py's engine."""
    path = Path(project.path, "own.db")
    path.touch()
    engine = f"sa.create_engine('sqlite:///{path}', poolclass=sa.NullPool)"
    own = f"with {engine}.begin() as own:\n    own.exec_driver_sql('CREATE TABLE t (id INT)')"
    assert _recorded(project, own).problem == ""
    assert path.read_bytes() == b""


def test_a_percent_sign_is_one(project: Project) -> None:
    """Drivers with that placeholder want two; a person who reads the SQL does not."""
    (found,) = _recorded(project, "op.execute(\"UPDATE t SET a = 'x' WHERE a LIKE '50%'\")").statements
    assert found.sql.endswith("LIKE '50%'")


def test_an_operation_of_a_batch_keeps_its_line(project: Project) -> None:
    """Alembic carries them out at the end of the block."""
    batch = "with op.batch_alter_table('t') as batch:\n    batch.drop_column('a')\n    batch.drop_column('b')"
    found = _recorded(project, batch).statements
    assert [(each.operation, each.line) for each in found] == [("drop_column", 15), ("drop_column", 16)]


def test_what_stands_in_an_autocommit_block_is_known(project: Project) -> None:
    """There CONCURRENTLY is allowed."""
    block = (
        "with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], postgresql_concurrently=True)"
    )
    (found,) = _recorded(project, block, dialect="postgresql").statements
    assert found.autocommit

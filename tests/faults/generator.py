"""Trees of migrations, made from a seed: the same seed and backend make the same tree, to the letter."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.faults.ddl import DDL, add_column
from tests.faults.dice import dice
from tests.faults.dml import DML, create_and_fill
from tests.faults.schema import Habit, Schema, UnsuitableError
from tests.faults.special import FAMILY, REFUSABLE, SPECIAL
from tests.harness import Project

Plan: TypeAlias = Sequence[Sequence[Habit]]
"""The habits of each revision."""

_OFTEN = 0.4  # of all trees have habits after which a revision may be refused
_UNTOLD = 0.3  # of changes of the schema are accompanied by no row

_FIRST = """\
import datetime, decimal
op.create_table('ledger', sa.Column('step', sa.Integer))
op.create_table('digits', sa.Column('d', sa.Integer))
op.create_table('duel', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False), sa.Column('n', sa.Integer))
op.create_table('parents', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(80)))
op.create_table('children', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(80)),
    sa.Column('parents_id', sa.Integer, sa.ForeignKey('parents.id')))
samples = op.create_table('samples', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('price', sa.Numeric(10, 2)), sa.Column('at', sa.DateTime()), sa.Column('day', sa.Date()),
    sa.Column('noon', sa.Time()), sa.Column('raw', sa.LargeBinary()), sa.Column('yes', sa.Boolean()),
    sa.Column('ratio', sa.Float()), sa.Column('doc', sa.JSON()), sa.Column('big', sa.BigInteger()),
    sa.Column('words', sa.Unicode(200)))
moment = datetime.datetime(2024, 2, 29, 12, 30, 59)
op.bulk_insert(samples, [{'id': 1, 'price': decimal.Decimal('12.30'), 'at': moment, 'day': moment.date(),
    'noon': moment.time(), 'raw': bytes(range(256)), 'yes': True, 'ratio': 0.1, 'doc': {'a': [1, None, 'ü']},
    'big': 2**62, 'words': 'Grüße % :x \\\\ \U0001f33b'}, dict.fromkeys(samples.c.keys()) | {'id': 2}])
op.bulk_insert(sa.table('digits', sa.column('d', sa.Integer)), [{'d': d} for d in range(10)])
op.bulk_insert(sa.table('duel', sa.column('id', sa.Integer), sa.column('n', sa.Integer)),
    [{'id': 1, 'n': 0}, {'id': 2, 'n': 0}])
"""

HOLD = "hold"
"""The name of a file beside alembic.ini: as long as a mark is in it, the process waits there."""

_TELLING = """\
import pathlib, time
def tell(step):
    sql = f'INSERT INTO ledger (step) VALUES ({step})'
    print(sql)
    hold = pathlib.Path('hold')
    while hold.exists() and hold.read_text() == sql:
        time.sleep(0.005)
    op.execute(sql)
"""


@dataclass
class Tree:
    """A tree of migrations: `r0` creates the tables that the others need, `r1` and so on consist of habits.

    Attributes:
        revisions: The body of each one's `upgrade`.
        marks: Texts that pass to the server in sequence: each step's line in the ledger, which is printed too, and
            (except with SQLite) the stamp of each revision.
        mark_of: The first mark of a habit, by the habit's name.
        may_refuse: Why an interrupted revision may be refused; empty if there is no reason.
    """

    revisions: list[str] = field(default_factory=lambda: [_FIRST])
    marks: list[str] = field(default_factory=list)
    mark_of: dict[str, str] = field(default_factory=dict)
    may_refuse: str = ""

    def write(self, project: Project) -> None:
        """Add its revisions to a project."""
        for number, body in enumerate(self.revisions):
            project.add_revision(f"r{number}", body)


def draw_plan(seed: str, backend: str, including: Iterable[str] = ()) -> Plan:
    """Choose at random what the revisions of a tree consist of.

    Args:
        seed: Any text.
        backend: The backend of the tree.
        including: Names of habits that it must have.
    """
    random = dice("plan", seed)
    special = {habit.__name__: habit for habit, backends in SPECIAL.items() if backend in backends}
    habits = [*DDL, *DDL, *DML, *DML, *special.values()]
    if random.random() >= _OFTEN:
        habits = [habit for habit in habits if (habit.__name__, backend) not in REFUSABLE]
    plan: list[list[Habit]] = [random.choices(habits, k=random.randint(1, 5)) for _ in range(random.randint(1, 4))]
    for name in including:
        revision = random.choice(plan)
        revision.insert(random.randint(0, len(revision)), special[name])
    plan[0].insert(0, create_and_fill)
    return plan


def make_tree(seed: str, backend: str, plan: Plan) -> Tree:
    """Make a tree to a plan."""
    schema, tree = Schema(backend, dice("tree", seed)), Tree()
    steps = itertools.count(1)
    for number, habits in enumerate(plan, start=1):
        code = [_practise(habit, schema, tree, steps) for habit in habits]
        tree.revisions.append("\n".join([_TELLING, *code]))
        if backend != "sqlite":
            tree.marks.append(f"SET version_num='r{number}'")
    return tree


def _practise(habit: Habit, schema: Schema, tree: Tree, steps: Iterator[int]) -> str:
    try:
        code = habit(schema)
    except UnsuitableError:
        return _practise(add_column, schema, tree, steps)
    reflects = "it reads how a table is defined" if "recreate='always'" in code and schema.backend in FAMILY else ""
    tree.may_refuse = tree.may_refuse or REFUSABLE.get((habit.__name__, schema.backend), reflects)
    if "STEP" not in code:
        if habit in DDL and schema.random.random() < _UNTOLD:
            return code
        code = schema.random.choice([f"STEP\n{code}", f"{code}\nSTEP"])
    step = next(steps)
    mark = f"INSERT INTO ledger (step) VALUES ({step})"  # noqa: S608 - never run from here
    tree.marks.append(mark)
    tree.mark_of.setdefault(habit.__name__, mark)
    return code.replace("STEP", f"tell({step})")

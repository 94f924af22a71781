"""A project whose next revision meets a lock, and the statements that do."""

from tests.acceptance.migrations import migrate
from tests.harness import Event, Orchestrator, Project
from tests.servers import Database

IMPATIENT = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "0.3"}  # MySQL and MariaDB know whole seconds only
COUNT = "print('from the top')\nop.execute('INSERT INTO ledger VALUES (1)')"
ADD_COLUMN = "op.add_column('plants', sa.Column('height', sa.Integer))"
TREES = "op.create_table('trees', sa.Column('id', sa.Integer, primary_key=True))"
TULIP = "op.execute(\"UPDATE plants SET name = concat(name, '!') WHERE id = 1\")"
READ, WRITE = "SELECT * FROM plants", "UPDATE plants SET name = 'held' WHERE id = 1"
CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index('names', 'plants', ['name'], postgresql_concurrently=True)
"""


async def with_two_rows(project: Project, database: Database) -> Project:
    """Return the project with a first revision that makes two rows and an empty ledger, and is applied."""
    project.add_revision(
        "r1",
        "op.execute('CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))')\n"
        "op.execute('CREATE TABLE ledger (step INTEGER)')\n"
        "op.execute(\"INSERT INTO plants VALUES (1, 'rose'), (2, 'oak')\")",
    )
    assert (await migrate(project, database)).exit_code == 0
    return project


def steps(database: Database) -> int:
    """Count what was written into the ledger."""
    return len(database.execute("SELECT step FROM ledger"))


async def blocked(process: Orchestrator) -> Event:
    """Wait for a retry that names the blocker: the look may be answered after the lock timeout."""
    after = 0
    while True:
        event = await process.event("revision_retry_scheduled", after=after)
        if event["blocked_by"]:
            return event
        after = process.events.index(event, after) + 1

"""The content of the database after plain Alembic without interference: after each revision, and at the end."""

from collections.abc import Iterator, Sequence

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine

from tests.faults.snapshot import Snapshot, snapshot
from tests.harness import Project
from tests.servers import Database


def upgrade(project: Project, database: Database) -> dict[str, Snapshot]:
    """Upgrade a database and return what it holds at each revision, and at `base` for none."""
    config = Config()
    config.set_main_option("script_location", str(project.path / "alembic"))
    scripts = ScriptDirectory.from_config(config)
    found: dict[str, Snapshot] = {"base": {}}

    def steps(_heads: Sequence[str], _context: MigrationContext) -> Iterator[RevisionStep]:
        for step in scripts._upgrade_revs("head", "base"):  # noqa: SLF001 - as the product does
            yield step
            found[step.revision.revision] = snapshot(database)

    engine = create_engine(database.synchronous_url, poolclass=NullPool)
    with engine.connect() as connection, EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection, transaction_per_migration=True)
        with environment.begin_transaction():
            environment.run_migrations()
    return found

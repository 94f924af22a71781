"""An env.py that makes its own synchronous connection, and one that insists on being given a connection."""

from tests.harness import Project
from tests.servers import Database

INSISTS = """
from alembic import context

context.configure(connection=context.config.attributes["connection"]{options})
with context.begin_transaction():
    context.run_migrations()
"""

SYNCHRONOUS = """
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["TEAM_URL"]{engine_options}).connect() as connection:
    {first}
    context.configure(connection=connection{options})
    with context.begin_transaction():
        context.run_migrations()
{last}
"""


def synchronous(project: Project, database: Database, **parts: str) -> dict[str, str]:
    """Give the project an env.py with its own driver; return the variable that it reads."""
    text = SYNCHRONOUS.format(**{"engine_options": "", "first": "pass", "options": "", "last": "", **parts})
    project.write("alembic/env.py", text)
    return {"TEAM_URL": database.synchronous_url}

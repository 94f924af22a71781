"""Projects whose env.py migrates several schemas, databases or version tables in one run."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from tests.harness import Output, Project, make_project
from tests.servers import Database

CREATE = "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))"
ADD = "op.add_column('t', sa.Column('x', sa.Integer))"
BREAK = """
import os
if op.get_bind().exec_driver_sql("{where}").scalar() == "{second}" and os.path.exists("broken"):
    op.execute("SELECT * FROM nothing")
"""
"""Fails in the second context, as long as there is a file."""

_TENANTS = """
import asyncio, os
from alembic import context
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

TENANTS = os.environ["TENANTS"].split(",")

def run(connection):
    for tenant in TENANTS:
{select}
        connection.dialect.default_schema_name = tenant
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()

async def main():
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()

asyncio.run(main())
"""
_SCHEMA = """
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {tenant}"))
        connection.execute(text(f"SET search_path TO {tenant}"))
        connection.commit()
"""
_USE = """
        connection.execute(text(f"USE {tenant}"))
        connection.commit()
"""
WHERE = {"postgresql": "SELECT current_schema()", "mariadb": "SELECT DATABASE()", "mysql": "SELECT DATABASE()"}

_MULTIDB = '''
"""both"""
from alembic import op
import sqlalchemy as sa

revision, down_revision = "{revision}", {down!r}

def upgrade(engine_name):
    globals()["upgrade_" + engine_name]()

def upgrade_engine1():
{one}

def upgrade_engine2():
{two}
'''


_OWN_ENGINE = """
import os
from alembic import context
from sqlalchemy import create_engine, text

with create_engine({url!r}).connect() as connection:
    context.configure(connection=connection{options})
    with context.begin_transaction():
{before}
        context.run_migrations()
{inside}
{after}
"""


def own_engine(project: Project, url: str, **parts: str) -> None:
    """Give the project an env.py that makes its own engine, with extra statements `before`, `inside` and `after`."""
    indented = {"before": 8, "inside": 8, "after": 4}
    text = {name: textwrap.indent(parts.get(name, "pass"), " " * width) for name, width in indented.items()}
    project.write("alembic/env.py", _OWN_ENGINE.format(url=url, options=parts.get("options", ""), **text))


def tenants(path: Path, database: Database, names: Sequence[str]) -> Project:
    """Two revisions for each tenant: a schema on PostgreSQL, a database on MySQL and MariaDB. The second may fail."""
    project = make_project(path)
    select = _SCHEMA if database.backend == "postgresql" else _USE
    project.write("alembic/env.py", _TENANTS.format(select=select.strip("\n")))
    project.add_revision("r1", CREATE)
    project.add_revision("r2", BREAK.format(where=WHERE[database.backend], second=names[1]) + ADD)
    return project


def multidb(path: Path, one: Database, two: Database, *, broken: str = "pass") -> Project:
    """Alembic's stock template for several databases, with two revisions; `broken` stands in the second, for `two`."""
    project = make_project(path, "multidb")
    ini = project.path / "alembic.ini"
    text = ini.read_text()
    for database, name in ((two, "localhost/dbname2"), (one, "localhost/dbname")):
        text = text.replace(f"driver://user:pass@{name}", database.synchronous_url.replace("%", "%%"))
    ini.write_text(text)
    create = "    op.create_table({!r}, sa.Column('id', sa.Integer, primary_key=True))"
    for revision, down, tables in (("r1", None, ("one", "two")), ("r2", "r1", ("three", "four"))):
        bodies = [create.format(table) for table in tables]
        if revision == "r2":
            bodies[1] = f"    {broken}\n{bodies[1]}"
        script = _MULTIDB.format(revision=revision, down=down, one=bodies[0], two=bodies[1])
        project.write(f"alembic/versions/{revision}.py", script)
    return project


def contexts_of(output: Output, event: str) -> list[str]:
    """Name the context of each event of this name."""
    return [each["context"] for each in output.find(event)]

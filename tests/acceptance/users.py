"""Users with some rights each, and a project that needs them."""

import re

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.harness import Event, Project
from tests.servers import Database, Server, backends
from tests.servers.database import execute

MYSQL = backends("mariadb", "mysql")
DML = ("SELECT", "INSERT", "UPDATE", "DELETE")
DDL = ("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES")
PASSWORD = "s3cret-of-its-own"
_MAY_NOT_CREATE_USERS = 1227


_TREE = {
    "r1": """
        op.create_table("plants", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))
        op.execute("INSERT INTO plants VALUES (1, 'rose')")
    """,
    "r2": """
        op.add_column("plants", sa.Column("height", sa.Integer))
        op.create_index("by_name", "plants", ["name"])
        op.create_table("tags", sa.Column("plant", sa.Integer, sa.ForeignKey("plants.id")))
        op.execute("UPDATE plants SET height = 3")
        op.drop_table("tags")
    """,
}


_APP = """
import json, os
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

async def attempt(statement):
    engine = create_async_engine(os.environ["DATABASE_URL"])
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(statement)
        return "done"
    except DBAPIError as error:
        return str(error.orig)
    finally:
        await engine.dispose()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    told = {
        "insert": await attempt("INSERT INTO plants (id, name) VALUES (2, 'iris')"),
        "alter": await attempt("ALTER TABLE plants ADD COLUMN width INTEGER"),
        "create": await attempt("CREATE TABLE weeds (id INTEGER)"),
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""


@pytest.fixture
def every_right_needed(project: Project) -> None:
    """Give the project two revisions that need every right, and an app that tries what it may."""
    for revision, upgrade in _TREE.items():
        project.add_revision(revision, upgrade)
    project.write("app/main.py", _APP)


def user(server: Server, database: Database, name: str, *rights: str) -> Database:
    """Return the database as a user with these rights sees it; the name is of this database alone."""
    try:
        return server.add_user(database, f"{name}_{database.name[-8:]}", PASSWORD, *rights)
    except OperationalError as error:
        if error.orig and error.orig.args[0] == _MAY_NOT_CREATE_USERS:
            pytest.skip("the given user may not create users: set ORCHESTRATOR_TEST_MYSQL_ADMIN_URL")
        raise


def name_of(database: Database) -> str:
    """Return the name of the user who sees it so."""
    return make_url(database.url).username or ""


def run_grant(hint: str, server: Server, database: Database) -> None:
    """Run the hint's GRANT as the database's administrator."""
    (grant,) = re.findall(r"GRANT .*?;", hint)
    where = server.admin_url.set(database=database.name)
    if lookup := re.search(r"where (SELECT .*) names the owner", hint):
        ((owner,),) = execute(where, lookup[1])
        grant = grant.replace("GRANT owner", f"GRANT {owner}")
    execute(where, grant)


def hint_of(failed: Event) -> str:
    """Return the hint of a refusal, which contains no secret."""
    hint: str = failed["hint"]
    assert PASSWORD not in str(failed)
    return hint

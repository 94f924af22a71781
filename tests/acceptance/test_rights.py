"""Two users, one that may run DDL and one that may not; a missing privilege is reported as the GRANT that cures it."""

import re
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.acceptance.migrations import migrate, stamped
from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Event, Orchestrator, Project, make_project, run
from tests.servers import Database, Server, backends
from tests.servers.database import execute

SERVERS = backends("mariadb", "postgresql", "mysql")
MYSQL = backends("mariadb", "mysql")
DML = ("SELECT", "INSERT", "UPDATE", "DELETE")
DDL = ("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES")
PASSWORD = "s3cret-of-its-own"
_MAY_NOT_CREATE_USERS = 1227

TREE = {
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

HALF_ALLOWED = """
op.create_table("weeds", sa.Column("id", sa.Integer))
op.execute("INSERT INTO weeds VALUES (1)")
op.add_column("weeds", sa.Column("height", sa.Integer))
"""

APP = """
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
def project(tmp_path: Path) -> Project:
    """Return a project with two revisions that need every right, and an app that tries what it may."""
    project = make_project(tmp_path / "project")
    for revision, upgrade in TREE.items():
        project.add_revision(revision, upgrade)
    project.write("app/main.py", APP)
    return project


def _user(server: Server, database: Database, name: str, *rights: str) -> Database:
    """Return the database as a user with these rights sees it; the name is of this database alone."""
    try:
        return server.add_user(database, f"{name}_{database.name[-8:]}", PASSWORD, *rights)
    except OperationalError as error:
        if error.orig and error.orig.args[0] == _MAY_NOT_CREATE_USERS:
            pytest.skip("the given user may not create users: set ORCHESTRATOR_TEST_MYSQL_ADMIN_URL")
        raise


def _name(database: Database) -> str:
    """Return the name of the user who sees it so."""
    return make_url(database.url).username or ""


def _migrating(server: Server, database: Database) -> Database:
    """Return it with a user who has exactly the privileges for migrating; in PostgreSQL, the owner."""
    return database if database.backend == "postgresql" else _user(server, database, "ddl", *DML, *DDL)


def _paste(hint: str, server: Server, database: Database) -> None:
    """Run the hint's GRANT as the database's administrator."""
    (grant,) = re.findall(r"GRANT .*?;", hint)
    where = server.admin_url.set(database=database.name)
    if lookup := re.search(r"where (SELECT .*) names the owner", hint):
        ((owner,),) = execute(where, lookup[1])
        grant = grant.replace("GRANT owner", f"GRANT {owner}")
    execute(where, grant)


def _hint(failed: Event) -> str:
    """Return the hint of a refusal, which contains no secret."""
    hint: str = failed["hint"]
    assert PASSWORD not in str(failed)
    return hint


# ---------------------------------------------------------------- two users


@SERVERS
async def test_one_user_migrates_and_the_other_serves(database: Database, server: Server, project: Project) -> None:
    """The app writes rows and cannot change tables: neither its own, nor with what the migration left behind."""
    ddl, dml = _migrating(server, database), _user(server, database, "dml", *DML)
    env = {"DATABASE_URL": dml.url, "MIGRATION_DATABASE_URL": ddl.url}
    for expected in ("migrations_completed", "migrations_current"):
        database_rows = "DELETE FROM plants WHERE id = 2"
        async with Orchestrator("serve", env=env, cwd=project.path) as process:
            await process.event("server_started")
            assert process.find(expected), process.story()
            async with process.client() as client:
                told = (await client.get("/")).json()
            assert await process.stop() == 0
        assert_well_formed(process)
        assert told["insert"] == "done"
        denied = "must be owner" if database.backend == "postgresql" else "ALTER command denied to user 'dml_"
        assert denied in told["alter"]
        assert "denied" in told["create"]
        database.execute(database_rows)
    assert stamped(database) == ["r2"]


@SERVERS
async def test_users_that_are_swapped_change_nothing_and_the_hint_says_who_lacks_what(
    database: Database, server: Server, project: Project
) -> None:
    """The first statement of all is refused: before any revision, before the version table."""
    ddl, dml = _migrating(server, database), _user(server, database, "dml", *DML)
    env = {"DATABASE_URL": ddl.url, "MIGRATION_DATABASE_URL": dml.url}
    failed = failure(await run("serve", env=env, cwd=project.path), "migration_failed", 7)
    expected = {
        "postgresql": f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{_name(dml)}";',
    }.get(database.backend, f"GRANT CREATE ON `{database.name}`.* TO '{_name(dml)}'@'%';")
    assert expected in _hint(failed)
    assert failed["revision"] == ""
    assert database.tables() == []


# ---------------------------------------------------------------- what is missing


@MYSQL
@pytest.mark.parametrize(
    ("missing", "upgrade"),
    [
        ("ALTER", "op.execute('ALTER TABLE plants ADD COLUMN width INTEGER')"),
        ("INSERT", "op.execute(\"INSERT INTO plants VALUES (2, 'iris', 1)\")"),
        ("CREATE VIEW", "op.execute('CREATE VIEW tall AS SELECT * FROM plants')"),
        ("CREATE ROUTINE", "op.execute('CREATE PROCEDURE grow() UPDATE plants SET height = height + 1')"),
        ("CREATE TEMPORARY TABLES", "op.execute('CREATE TEMPORARY TABLE few (id INTEGER)')"),
    ],
)
async def test_the_right_that_a_statement_lacks_is_named_and_the_grant_in_the_hint_cures_it(
    database: Database, server: Server, project: Project, missing: str, upgrade: str
) -> None:
    """Pasted as it stands; then the next start goes through."""
    assert (await migrate(project, database)).exit_code == 0
    limited = _user(server, database, "limited", *sorted({*DML, *DDL} - {missing}))
    if missing in DML:  # the journal needs them too, but only on its own tables
        for table in [*database.tables()]:
            if table != "plants":
                server.execute(f"GRANT {missing} ON `{database.name}`.`{table}` TO {_name(limited)}@'%'")
    project.add_revision("r3", upgrade)
    refused = await migrate(project, limited)
    failed = failure(refused, "migration_failed", 7)
    assert f"GRANT {missing} ON `{database.name}`.* TO '{_name(limited)}'@'%';" in _hint(failed)
    assert failed["revision"] == "r3"
    _paste(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert stamped(database) == ["r3"]


@backends("postgresql")
@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ("op.execute('CREATE TABLE weeds (id INTEGER)')", 'GRANT USAGE, CREATE ON SCHEMA "public"'),
        ("op.execute('CREATE SCHEMA garden')", 'GRANT CREATE ON DATABASE "{database}"'),
        ("op.execute('ALTER TABLE plants ADD COLUMN width INTEGER')", "GRANT owner"),
        ("op.execute('DROP INDEX by_name')", "GRANT owner"),
        (
            'op.execute("INSERT INTO secrets VALUES (1) RETURNING id")',
            'GRANT SELECT, INSERT ON "secrets"',
        ),
        ("op.execute('UPDATE secrets SET id = 2 WHERE id = 1')", 'GRANT SELECT, UPDATE ON "secrets"'),
        ("op.execute(\"SELECT nextval('numbers')\")", 'GRANT USAGE, SELECT ON SEQUENCE "numbers"'),
        ("op.execute('SELECT id FROM hidden.things')", 'GRANT USAGE ON SCHEMA "hidden"'),
    ],
)
async def test_the_grant_that_postgresql_does_not_name_is_worked_out_and_cures_it(
    database: Database, server: Server, project: Project, upgrade: str, expected: str
) -> None:
    """Its messages name neither the right nor the role."""
    assert (await migrate(project, database)).exit_code == 0
    limited = _user(server, database, "limited", *DML)
    for statement in (
        "CREATE TABLE secrets (id INTEGER)",
        f"REVOKE ALL ON secrets FROM {_name(limited)}",
        "CREATE SEQUENCE numbers",
        f"REVOKE ALL ON SEQUENCE numbers FROM {_name(limited)}",
        "CREATE SCHEMA hidden",
        "CREATE TABLE hidden.things (id INTEGER)",
        f"GRANT SELECT ON hidden.things TO {_name(limited)}",
    ):
        database.execute(statement)
    project.add_revision("r3", upgrade)
    failed = failure(await migrate(project, limited), "migration_failed", 7)
    assert f'{expected.format(database=database.name)} TO "{_name(limited)}";' in _hint(failed)
    assert failed["revision"] == "r3"
    _paste(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert stamped(database) == ["r3"]


@MYSQL
async def test_a_user_without_any_right_gets_the_rights_that_migrating_needs(
    database: Database, server: Server, project: Project
) -> None:
    """MySQL refuses a login without any privilege there; with those in the hint, everything succeeds."""
    nobody = _user(server, database, "nobody")
    failed = failure(await migrate(project, nobody), "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("rights", 1)
    assert f"GRANT {', '.join((*DML, *DDL))} ON `{database.name}`.* TO '{_name(nobody)}'@'%';" in _hint(failed)
    _paste(failed["hint"], server, database)
    assert (await migrate(project, nobody)).exit_code == 0


@backends("postgresql")
async def test_a_user_without_the_right_to_connect_gets_a_hint(
    database: Database, server: Server, project: Project
) -> None:
    """By default every user may."""
    limited = _user(server, database, "limited", *DML)
    server.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
    failed = failure(await migrate(project, limited), "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("rights", 1)
    assert f'GRANT CONNECT ON DATABASE "{database.name}" TO "{_name(limited)}";' in _hint(failed)
    _paste(failed["hint"], server, database)
    assert "migration_failed" in {event["event"] for event in (await migrate(project, limited)).events}


@SERVERS
async def test_a_user_without_the_right_to_read_the_version_gets_a_hint(
    database: Database, server: Server, project: Project
) -> None:
    """A missing SELECT must not be taken for an empty database, which would be migrated from its first revision on."""
    assert (await migrate(project, database)).exit_code == 0
    blind = _user(server, database, "blind", "INSERT")
    failed = failure(await migrate(project, blind), "database_refused", 5)
    assert failed["error_type"] == "rights"
    expected = {"postgresql": 'SELECT ON "alembic_version" TO "blind_'}.get(database.backend, "GRANT SELECT ON `")
    assert expected in _hint(failed)


@MYSQL
async def test_a_right_that_is_missed_half_way_is_all_that_the_next_start_needs(
    database: Database, server: Server, project: Project
) -> None:
    """Finished work stays, and is not repeated: the rows are there once."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r3", HALF_ALLOWED)
    limited = _user(server, database, "limited", *DML, *(right for right in DDL if right != "ALTER"))
    failed = failure(await migrate(project, limited), "migration_half_applied", 8)
    assert (failed["revision"], failed["statements_done"]) == ("r3", 2)
    _paste(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert database.execute("SELECT * FROM weeds") == [(1, None)]

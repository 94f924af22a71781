"""Two users, one that may run DDL and one that may not: what each needs, and who lacks what."""

import pytest

from tests.acceptance.migrations import migrate, stamped
from tests.acceptance.outcome import assert_well_formed, failure
from tests.acceptance.users import DDL, DML, MYSQL, hint_of, name_of, run_grant, user
from tests.harness import Orchestrator, Project, run
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("every_right_needed")

SERVERS = backends("mariadb", "postgresql", "mysql")


def _migrating(server: Server, database: Database) -> Database:
    """Return it with a user who has exactly the privileges for migrating; in PostgreSQL, the owner."""
    return database if database.backend == "postgresql" else user(server, database, "ddl", *DML, *DDL)


@SERVERS
async def test_one_user_migrates_and_the_other_serves(database: Database, server: Server, project: Project) -> None:
    """The app writes rows and cannot change tables: neither its own, nor with what the migration left behind."""
    ddl, dml = _migrating(server, database), user(server, database, "dml", *DML)
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
    ddl, dml = _migrating(server, database), user(server, database, "dml", *DML)
    env = {"DATABASE_URL": ddl.url, "MIGRATION_DATABASE_URL": dml.url}
    failed = failure(await run("serve", env=env, cwd=project.path), "migration_failed", 7)
    expected = {
        "postgresql": f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{name_of(dml)}";',
    }.get(database.backend, f"GRANT CREATE ON `{database.name}`.* TO '{name_of(dml)}'@'%';")
    assert expected in hint_of(failed)
    assert failed["revision"] == ""
    assert database.tables() == []


@MYSQL
async def test_a_user_without_any_right_gets_the_rights_that_migrating_needs(
    database: Database, server: Server, project: Project
) -> None:
    """MySQL refuses a login without any privilege there; with those in the hint, everything succeeds."""
    nobody = user(server, database, "nobody")
    failed = failure(await migrate(project, nobody), "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("rights", 1)
    assert f"GRANT {', '.join((*DML, *DDL))} ON `{database.name}`.* TO '{name_of(nobody)}'@'%';" in hint_of(failed)
    run_grant(failed["hint"], server, database)
    assert (await migrate(project, nobody)).exit_code == 0


@backends("postgresql")
async def test_a_user_without_the_right_to_connect_gets_a_hint(
    database: Database, server: Server, project: Project
) -> None:
    """By default every user may."""
    limited = user(server, database, "limited", *DML)
    server.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
    failed = failure(await migrate(project, limited), "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("rights", 1)
    assert f'GRANT CONNECT ON DATABASE "{database.name}" TO "{name_of(limited)}";' in hint_of(failed)
    run_grant(failed["hint"], server, database)
    assert "migration_failed" in {event["event"] for event in (await migrate(project, limited)).events}


@SERVERS
async def test_a_user_without_the_right_to_read_the_version_gets_a_hint(
    database: Database, server: Server, project: Project
) -> None:
    """A missing SELECT must not be taken for an empty database, which would be migrated from its first revision on."""
    assert (await migrate(project, database)).exit_code == 0
    blind = user(server, database, "blind", "INSERT")
    failed = failure(await migrate(project, blind), "database_refused", 5)
    assert failed["error_type"] == "rights"
    expected = {"postgresql": 'SELECT ON "alembic_version" TO "blind_'}.get(database.backend, "GRANT SELECT ON `")
    assert expected in hint_of(failed)

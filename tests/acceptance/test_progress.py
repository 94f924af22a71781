"""A long statement: its events, from a second connection that must never cost the migration anything."""

import itertools
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.migrations import WAIT_FOR_GO, environment, go, migrate, observed, stamped
from tests.acceptance.outcome import assert_well_formed
from tests.acceptance.retries import blocked
from tests.clients import CREATE_PLANTS, FILL_PLANTS, long_definition, transaction
from tests.harness import Event, Orchestrator, Project, make_project
from tests.servers import HOST, Database, Server, backends
from tests.servers.proxy import Mode, Proxy

OFTEN = {"ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2"}
PATIENT = OFTEN | {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120"}
SEEN = {"ORCHESTRATOR_HEARTBEAT_SECONDS": "0.5"}  # a look takes no longer; on a busy machine 0.2 s are too short for it
READ = "SELECT count(*) FROM plants"
COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000000) SELECT count(*) FROM n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose first revision makes 900 plants."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", f"op.execute({CREATE_PLANTS!r})\nop.get_bind().exec_driver_sql({FILL_PLANTS!r})")
    return project


def _add_long(project: Project, database: Database, **effort: int) -> str:
    """Add a revision whose second statement takes its time, on a signal of the test; return this statement."""
    statement = long_definition(database.backend, **effort)
    project.add_revision("r2", f"op.execute('SELECT 1')\n{WAIT_FOR_GO}\nop.execute({statement!r})")
    return statement


async def _add_blocked(project: Project, database: Database) -> None:
    """Add a revision that changes the plants, which there are by then."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r2", "op.add_column('plants', sa.Column('age', sa.Integer))")


async def _two(process: Orchestrator) -> tuple[Event, Event]:
    """Wait for the first two events of progress."""
    first = await process.event("revision_progress", revision="r2")
    return first, await process.event("revision_progress", after=process.events.index(first) + 1)


async def _two_observed(process: Orchestrator) -> tuple[Event, Event]:
    """Wait for two events of progress whose look at the server was answered in time."""
    first = await observed(process, "r2")
    return first, await observed(process, "r2", after=process.events.index(first) + 1)


def _user(database: Database, server: Server) -> Database:
    """Return the database as a user of the test's own sees it, who may migrate it."""
    rights = ("CREATE",) if database.backend == "postgresql" else ("ALL PRIVILEGES",)
    return server.add_user(database, "gardener", "g4rden", *rights)


def _seeing(database: Database, server: Server) -> Database:
    """Return the database with a user who may see other sessions."""
    if database.backend != "mariadb":
        return database
    user = _user(database, server)
    server.execute("GRANT PROCESS ON *.* TO gardener")
    return user


@backends("mariadb", "postgresql", "mysql")
async def test_a_long_statement_shows_its_progress(project: Project, database: Database) -> None:
    """Otherwise a person will take it for a hanging migration, and kill it."""
    statement = _add_long(project, database, effort=12_000)
    go(project)
    result = await migrate(project, database, **SEEN)
    assert_well_formed(result)
    assert result.exit_code == 0
    first, *_, last = told = result.find("revision_progress", revision="r2")
    assert {event["statement"] for event in told} == {statement}
    assert {event["statement_index"] for event in told} == {2}
    assert 0.5 <= first["statement_seconds"] < last["statement_seconds"]
    percents = [event["progress_percent"] or 0 for event in told]
    assert max(percents) > 0
    assert any(one < other for one, other in itertools.pairwise(percents))
    words = {
        "mariadb": "copy to tmp table",
        "mysql": "copy to tmp table",
        "postgresql": "building index: scanning table",
    }
    assert words[database.backend] in {event["statement_state"] for event in told}
    assert {event["blocked_by"] for event in told} == {""}


@backends("sqlite")
async def test_without_further_knowledge_the_time_is_reported(project: Project, database: Database) -> None:
    """The library works in this process, and reports nothing before the end."""
    project.add_revision("r2", f"op.execute({COUNT!r})")
    result = await migrate(project, database, **OFTEN)
    assert result.exit_code == 0
    first, *_ = result.find("revision_progress", revision="r2", statement=COUNT)
    assert first["statement_seconds"] >= 0.2
    assert (first["statement_state"], first["progress_percent"], first["blocked_by"]) == ("", None, "")


@backends("mariadb", "postgresql", "mysql")
async def test_the_blocker_is_reported(project: Project, database: Database, server: Server) -> None:
    """In the log and on the port: an operator can end that connection, or wait."""
    await _add_blocked(project, database)
    settings = environment(_seeing(database, server), ORCHESTRATOR_STATUS_DETAIL="full", **PATIENT)
    with transaction(database, READ) as holder:
        async with (
            Orchestrator("serve", env=settings, cwd=project.path) as process,
            process.client() as client,
        ):
            first, second = await _two_observed(process)
            status = (await client.get("/startupz")).json()
    assert f" {holder} of app@127.0.0.1" in first["blocked_by"]
    assert first["blocked_by"] in first["message"]
    assert 0 < first["blocked_seconds"] < second["blocked_seconds"]
    assert "lock" in first["statement_state"].lower()
    assert f" {holder} of app@127.0.0.1" in status["statement"]["blocked_by"]


@backends("mariadb", "postgresql", "mysql")
async def test_the_blocker_is_reported_when_it_gives_up(project: Project, database: Database, server: Server) -> None:
    """By then the server has forgotten it; so it must have been read before."""
    await _add_blocked(project, database)
    settings = environment(_seeing(database, server), ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="1")
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        with transaction(database, READ) as holder:
            event = await blocked(process)
        assert await process.exit_code() == 0
    assert f" {holder} of app@127.0.0.1" in event["blocked_by"]
    assert stamped(database) == ["r2"]


@backends("mariadb")
async def test_without_rights_it_still_shows_that_it_waits(project: Project, database: Database) -> None:
    """Everybody may see their own connections."""
    await _add_blocked(project, database)
    with transaction(database, READ):
        async with Orchestrator("migrate", env=environment(database, **PATIENT), cwd=project.path) as process:
            first, second = await _two_observed(process)
            assert process.find("revision_applied") == []
    for event in (first, second):
        assert (event["statement_state"], event["blocked_by"]) == ("Waiting for table metadata lock", "")


@backends("mariadb", "postgresql")
async def test_a_server_without_room_for_a_second_connection_costs_nothing(
    project: Project, database: Database, server: Server
) -> None:
    """The migration has its connection already; then the event has the time, and only the rest is missing."""
    user = _user(database, server)
    limit = "ALTER USER gardener WITH MAX_USER_CONNECTIONS {}"
    if database.backend == "postgresql":
        limit = "ALTER ROLE gardener CONNECTION LIMIT {}"
    server.execute(limit.format(10))  # MariaDB counts the connections of those who have a limit
    _add_long(project, user)
    async with Orchestrator("migrate", env=environment(user, **OFTEN), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        server.execute(limit.format(1))
        go(project)
        for event in await _two(process):
            assert (event["statement_state"], event["progress_percent"]) == ("", None)
        await process.event("revision_applied", revision="r2")
        server.execute(limit.format(10))
        assert await process.exit_code() == 0
    assert_well_formed(process)
    assert stamped(user) == ["r2"]


@backends("mariadb", "postgresql", "mysql")
async def test_a_server_that_leaves_the_second_connection_unanswered_costs_nothing(
    project: Project, database: Database
) -> None:
    """Nothing waits for the second connection, and it is given up with what it watched."""
    _add_long(project, database)
    async with Proxy(make_url(database.url).port or 0) as proxy:
        url = make_url(database.url).set(host=HOST, port=proxy.port).render_as_string(hide_password=False)
        settings = {"DATABASE_URL": url, **OFTEN}
        async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            await proxy.set(Mode.SILENT)
            go(project)
            for event in await _two(process):
                assert (event["statement_state"], event["progress_percent"]) == ("", None)
            await process.event("revision_applied", revision="r2")
            await proxy.set(Mode.PASS)
            assert await process.exit_code() == 0
    assert_well_formed(process)

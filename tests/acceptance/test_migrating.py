"""The events of a migration, their order and their time: nothing is reported before it is true."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import (
    CREATE,
    INSERT,
    WAIT_FOR_GO,
    add_two,
    environment,
    go,
    locks,
    migrate,
    stamped,
    told,
)
from tests.harness import Orchestrator, Project, make_project
from tests.servers import Database, Server, backends


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project without revisions."""
    return make_project(tmp_path / "project")


async def test_the_whole_story_is_reported_in_order(project: Project, database: Database) -> None:
    """Alarms and dashboards read these fields; their numbers are numbers."""
    add_two(project)
    project.add_revision("r3", description="Do nothing at all.\n\nWith reasons.")
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert told(result) == [
        "migrations_planned",
        "lock_acquired",
        *["revision_started", "revision_applied"] * 3,
        "lock_released",
        "migrations_completed",
    ]
    (planned,) = result.find("migrations_planned", current_revision="base", head_revision="r3", pending_count=3)
    assert planned["pending"] == ["r1", "r2", "r3"]
    for index, revision in enumerate(planned["pending"], 1):
        (started,) = result.find("revision_started", revision=revision, index=index, pending_count=3)
        (applied,) = result.find("revision_applied", revision=revision, index=index, pending_count=3)
        assert started["description"] == applied["description"]
        assert applied["description"] == ("Do nothing at all." if revision == "r3" else f"Revision {revision}.")
        assert applied["statements"] == (1 if revision == "r3" else 2)  # the stamp is one
        assert 0 <= applied["duration_seconds"] < 30
    (acquired,), (released,) = result.find("lock_acquired"), result.find("lock_released")
    assert acquired["lock_name"] == released["lock_name"] != ""
    assert 0 <= acquired["waited_seconds"] < 30
    assert 0 < released["held_seconds"] < 30
    (completed,) = result.find("migrations_completed", applied_count=3, current_revision="r3")
    assert completed["message"].startswith("Database migrations completed successfully!")
    assert 0 < completed["duration_seconds"] < 30
    assert {event["state"] for event in result.events if event["event"] in told(result)} == {"migrating"}


async def test_applied_means_that_others_see_it(project: Project, database: Database) -> None:
    """A reader of the line can use the table; the next revision, still running, shows that this is not by chance."""
    project.add_revision("r1", f"{CREATE.format('plants')}\n{INSERT.format(1, 'rose')}")
    project.add_revision("r2", f"{WAIT_FOR_GO}\n{CREATE.format('trees')}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("revision_applied", revision="r1")
        assert stamped(database) == ["r1"]
        assert database.execute("SELECT name FROM plants") == [("rose",)]
        assert "trees" not in database.tables()
        await process.event("log", message="waiting for go")
        assert not process.find("revision_applied", revision="r2")
        go(project)
        assert await process.exit_code() == 0
    assert stamped(database) == ["r2"]


async def test_the_start_is_reported_before_anything_is_done(project: Project, database: Database) -> None:
    """A revision that never ends must be known by name; until its commit it is invisible, if DDL rolls back."""
    project.add_revision("r1", f"{CREATE.format('plants')}\n{WAIT_FOR_GO}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        assert told(process) == ["migrations_planned", "lock_acquired", "revision_started"]
        assert stamped(database) == []
        if database.backend == "postgresql":
            assert "plants" not in database.tables()
        with locks(database) as lock:
            assert not lock.try_acquire()
        go(project)
        assert await process.exit_code() == 0


@backends("sqlite", "postgresql")
async def test_the_port_shows_the_progress(project: Project, database: Database) -> None:
    """A health check that gets no answer during a long revision would kill it half way."""
    add_two(project)
    project.add_revision("r3", WAIT_FOR_GO)
    project.add_revision("r4")
    settings = environment(database, ORCHESTRATOR_STATUS_DETAIL="full")
    async with (
        Orchestrator("serve", env=settings, cwd=project.path) as process,
        process.client() as client,
    ):
        await process.event("log", message="waiting for go")
        for _ in range(3):
            assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/")).status_code == 503
        status = (await client.get("/startupz")).json()
        assert (status["state"], status["phase"], status["revision"]) == ("migrating", "applying_revision", "r3")
        assert (status["revisions_done"], status["revisions_to_do"], status["progress_percent"]) == (2, 4, 50)
        go(project)
        await process.event("server_started")
        assert (await client.get("/")).text == "hello"
        status = (await client.get("/startupz")).json()
        assert (status["state"], status["revisions_done"], status["revisions_to_do"]) == ("serving", 4, 0)


async def test_only_missing_revisions_are_applied(project: Project, database: Database) -> None:
    """The usual deployment: one revision more than the day before."""
    add_two(project)
    await migrate(project, database)
    project.add_revision("r3", INSERT.format(2, "oak"))
    result = await migrate(project, database)
    assert result.find("migrations_planned", current_revision="r2", pending_count=1, pending=["r3"])
    assert [event["revision"] for event in result.find("revision_applied", index=1)] == ["r3"]
    assert database.execute("SELECT name FROM plants ORDER BY id") == [("rose",), ("oak",)]


@backends("sqlite")
async def test_a_long_plan_is_cut_and_still_counted(project: Project, database: Database) -> None:
    """A line has at most 16,000 bytes; the first deployment of an old project has hundreds of revisions."""
    for number in range(60):
        project.add_revision(f"r{number:02}")
    result = await migrate(project, database)
    (planned,) = result.find("migrations_planned", pending_count=60)
    assert planned["pending"] == project.revisions[:50]
    assert len(result.find("revision_applied")) == 60


@backends("mariadb", "postgresql")
async def test_another_user_migrates_and_the_app_never_knows_it(
    project: Project, database: Database, server: Server
) -> None:
    """The app's user needs no right to change tables, and what it serves cannot read the other's password."""
    reader = server.add_user(database, f"app_{database.name[-8:]}", "r34der", "SELECT")
    project.add_revision("r1", "op.execute('CREATE TABLE who AS SELECT CURRENT_USER AS name')")
    text = (project.path / "app" / "main.py").read_text()
    shows = "import os\nprint('at import', sorted(name for name in os.environ if 'MIGRATION' in name))\n"
    serves = "    print('at startup', sorted(name for name in os.environ if 'MIGRATION' in name))\n"
    project.write("app/main.py", shows + text.replace("    for step in", f"{serves}    for step in"))
    owner = {"MIGRATION_DATABASE_USER": "app", "MIGRATION_DATABASE_PASSWORD": "s3cret"}
    settings = environment(reader, ORCHESTRATOR_LOG_LEVEL="debug", **owner)
    async with Orchestrator("serve", env=settings, cwd=project.path) as process:
        await process.event("server_started")
    ((who,),) = database.execute("SELECT name FROM who")
    assert who.partition("@")[0] == "app"
    assert process.find("log", message="at startup []")
    assert not [line for line in process.lines if "s3cret" in line or "r34der" in line]


@backends("mariadb", "postgresql")
async def test_a_user_without_rights_gets_nowhere(project: Project, database: Database, server: Server) -> None:
    """The event shows that the revision has not begun."""
    add_two(project)
    reader = server.add_user(database, f"app_{database.name[-8:]}", "r34der", "SELECT")
    result = await migrate(project, reader)
    assert result.exit_code in (5, 7)
    assert result.events[-1]["error_code"] in (1142, "42501")
    assert database.tables() == []

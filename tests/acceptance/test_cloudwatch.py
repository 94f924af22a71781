"""CloudWatch's view of real starts: each metric filter matches a line that a start really writes, and no other.

The runs below end in every way that the catalogue has. The expected metrics of a run are complete, so a filter that
matches too much fails, like one that matches nothing.
"""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from orchestrator.cloudwatch.metrics import METRICS
from tests.acceptance.images import image
from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, environment, go, locks, migrate
from tests.acceptance.published import EXPECTED, judge, published
from tests.clients import transaction
from tests.harness import Orchestrator, Output, Project, run
from tests.servers import HOST, Database, backends, free_port
from tests.servers.ports import listen_somewhere

pytestmark = pytest.mark.usefixtures("two_revisions")

FAIL = "op.execute('INSERT INTO no_such_table VALUES (1)')"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"
BREAK = "import orchestrator.start.preparation as preparation\npreparation.readiness_check = lambda *_, **__: 1 / 0\n"


async def _serve(project: Project, env: Mapping[str, str]) -> Output:
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    return process


def test_each_metric_is_published_by_one_of_these_runs() -> None:
    """A filter that nothing real matches is worth nothing, and so is the alarm on it."""
    assert set().union(*EXPECTED.values()) == {metric.name for metric in METRICS}


@pytest.mark.parametrize("embedded", ["none", "emf"])
async def test_healthy_starts_publish_no_failure(project: Project, embedded: str) -> None:
    """The first migrates, the second has nothing to do; embedded metrics beside them change nothing of it."""
    env = {"ORCHESTRATOR_METRICS": embedded}
    first = await _serve(project, env)
    found = judge(first, "first start")
    (serving,) = found["TimeToServing"]
    assert serving == first.find("server_started")[0]["startup_seconds"]
    assert max(found["TimeStarting"]) >= serving - 0.001, "of the same line, rounded"
    assert (found["Starts"], found["RevisionsApplied"]) == ([1.0], [1.0, 1.0])
    assert len(found["MigrationDuration"]) == 1
    judge(await _serve(project, env), "at head")


@backends("sqlite")
async def test_a_start_that_continues_shows_its_time_already(project: Project, database: Database) -> None:
    """An alarm on starts that are over would sleep through the one that hangs."""
    with locks(database) as lock:
        assert lock.try_acquire()
        env = environment(database, ORCHESTRATOR_HEARTBEAT_SECONDS="0.2")
        async with Orchestrator("migrate", env=env, cwd=project.path) as process:
            first = await process.event("lock_waiting")
            second = await process.event("lock_waiting", after=process.events.index(first) + 1)
            assert {first["elapsed_seconds"], second["elapsed_seconds"]} <= {*published(process)["TimeStarting"]}
    assert first["elapsed_seconds"] < second["elapsed_seconds"]


async def test_wrong_settings_are_a_start_that_failed(project: Project) -> None:
    """It ends before the event of its start."""
    judge(await run("serve", env={"PORT": "none"}, cwd=project.path), "settings")


async def test_a_broken_app_is_counted(project: Project) -> None:
    """Exit code 3."""
    project.write("app/main.py", "raise ValueError")
    judge(await run("serve", cwd=project.path), "app")


async def test_a_broken_tree_is_counted(project: Project) -> None:
    """Exit code 9."""
    project.add_revision("other", down_revision="r1")
    judge(await run("serve", cwd=project.path), "tree")


async def test_a_command_before_the_migration_that_fails_is_counted(project: Project) -> None:
    """The project's own command ends the start."""
    env = {"ORCHESTRATOR_BEFORE_MIGRATE": f"{sys.executable} -c 'raise SystemExit(1)'"}
    judge(await run("serve", env=env, cwd=project.path), "hook")


async def test_another_service_that_does_not_answer_is_counted(project: Project) -> None:
    """One that was to be waited for."""
    env = {"ORCHESTRATOR_WAIT_FOR": f"tcp://{HOST}:{free_port()}", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "1"}
    judge(await run("serve", env=env, cwd=project.path), "dependency")


async def test_a_taken_port_is_counted(project: Project) -> None:
    """Exit code 11."""
    with listen_somewhere() as listener:
        port = str(listener.getsockname()[1])
        judge(await run("serve", env={"PORT": port}, cwd=project.path), "port")


async def test_an_unreachable_database_is_counted_with_its_retries(tmp_path: Path) -> None:
    """Exit code 4; the retries show their cause."""
    env = {
        "DATABASE_URL": f"postgresql+asyncpg://app:x@{HOST}:{free_port()}/app",
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "3",
    }
    result = await run("wait", env=env, cwd=tmp_path)
    judge(result, "unreachable")
    assert {event["error_type"] for event in result.find("database_retry_scheduled")} == {"refused"}


@backends("mariadb")
async def test_a_refusal_is_counted(tmp_path: Path, database: Database) -> None:
    """Exit code 5."""
    url = make_url(database.url).set(password="wrong").render_as_string(hide_password=False)
    judge(await run("wait", env={"DATABASE_URL": url}, cwd=tmp_path), "refused")


@backends("sqlite", "mariadb")
async def test_a_lock_that_is_held_is_counted(project: Project, database: Database) -> None:
    """Exit code 6, if it is held for too long; how long it was waited for, in any case."""
    with locks(database) as lock:
        assert lock.try_acquire()
        judge(await migrate(project, database, ORCHESTRATOR_LOCK_TIMEOUT_SECONDS="0.5"), "lock")
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("lock_waiting")
            lock.release()
            assert await process.exit_code() == 0
        judge(process, "lock waited for")


@backends("sqlite", "mariadb")
async def test_a_failed_revision_is_counted(project: Project, database: Database) -> None:
    """Exit code 7."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r3", FAIL)
    judge(await migrate(project, database), "revision")


@backends("mariadb")
async def test_a_half_applied_revision_is_counted(project: Project, database: Database) -> None:
    """Exit code 8: the alarm that wakes a person."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r3", f"{CREATE.format('trees')}\n{FAIL}")
    judge(await migrate(project, database), "half applied")


@backends("sqlite")
async def test_a_database_ahead_is_counted_by_what_came_of_it(tmp_path: Path, database: Database) -> None:
    """Exit code 10, or a start that serves all the same: one is an alarm, the other a rollback that works."""
    older = image(tmp_path, "older", "r1")
    await migrate(image(tmp_path, "newer", "r1 r2"), database)
    judge(await migrate(older, database, ORCHESTRATOR_WHEN_AHEAD="fail"), "ahead")
    judge(await _serve(older, environment(database)), "ahead, tolerated")


@backends("sqlite")
async def test_a_stopped_migration_is_counted(project: Project, database: Database) -> None:
    """Exit code 12, but not as a failed start: the deployment that replaces a migrating task must not be undone."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("long", f"print('here it goes')\nop.execute({ENDLESS!r})")
    env = environment(database, ORCHESTRATOR_SHUTDOWN_SECONDS="1")
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        await process.event("log", message="here it goes")
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 12
    judge(process, "stopped")


@backends("sqlite")
async def test_a_statement_that_is_tried_again_is_counted(project: Project, database: Database) -> None:
    """Not a failure: it gets through."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r3", f"{WAIT_FOR_GO}\n{INSERT.format(2, 'oak')}")
    env = environment(database, ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="0.3")
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        with transaction(database, "BEGIN IMMEDIATE"):
            go(project)
            await process.event("revision_retry_scheduled")
        assert await process.exit_code() == 0
    judge(process, "statement tried again")


async def test_a_bug_is_counted(project: Project) -> None:
    """Exit code 1, which no other event has."""
    project.write("broken/sitecustomize.py", BREAK)
    result = await run("serve", env={"PYTHONPATH": str(project.path / "broken")}, cwd=project.path)
    assert result.exit_code == 1, result.story()
    judge(result, "bug")

"""The project's own commands before and after the migration: in their order, under the lock, and what they get."""

from typing import Any

import pytest

from tests.acceptance.hooks import hook
from tests.acceptance.migrations import CREATE, INSERT, add_two, environment, locks, migrate, stamped, until, untouched
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, run, together
from tests.servers import Database, Server, backends

ONE_AT_A_TIME = """
import os, time
try:
    os.close(os.open("running", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    raise SystemExit("another one runs")
time.sleep(0.5)
os.unlink("running")
"""
UNTIL_GO = """
import pathlib, time
print("hook waits", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.02)
"""


def story(events: list[dict[str, Any]]) -> list[str]:
    """Name the events of hooks, the lock and revisions, in their order."""
    return [each["event"] for each in events if each["event"].startswith(("hook_", "lock_", "revision_applied"))]


async def test_hooks_run_around_the_migration_under_the_lock(project: Project, database: Database) -> None:
    """With what the app gets in its environment, and their output in the log."""
    add_two(project)
    before = hook(project, "before", "import os; print('url', os.environ['DATABASE_URL'].split(':')[0])")
    after = hook(project, "after", "import sys; print(sys.argv[1], flush=True); print('to stderr', file=sys.stderr)")
    settings = {"ORCHESTRATOR_BEFORE_MIGRATE": before, "ORCHESTRATOR_AFTER_MIGRATE": f"{after} 'two words'"}
    result = await migrate(project, database, **settings)
    assert result.exit_code == 0, result.story()
    around = ["lock_acquired", "hook_started", "hook_completed", "lock_released"]
    applied = ["lock_acquired", "revision_applied", "revision_applied", "lock_released"]
    assert story(result.events) == [*around, *applied, *around]
    assert [each["hook"] for each in result.find("hook_completed")] == ["before_migrate", "after_migrate"]
    lines = [each["message"] for each in result.find("log", logger="orchestrator.hook")]
    assert lines == [f"url {database.url.split(':')[0]}", "two words", "to stderr"]


async def test_hooks_run_at_head_too_and_only_if_they_are_set(project: Project, database: Database) -> None:
    """Seeds run at every start; without hooks a start at head takes no lock."""
    project.add_revision("r1", CREATE.format("plants"))
    assert (await migrate(project, database)).exit_code == 0
    seeded = await migrate(project, database, ORCHESTRATOR_AFTER_MIGRATE=hook(project, "seed", "print('seeds')"))
    assert story(seeded.events) == ["lock_acquired", "hook_started", "hook_completed", "lock_released"]
    assert seeded.find("migrations_current")
    assert story((await migrate(project, database)).events) == []


@backends("sqlite")
@pytest.mark.parametrize(("command", "migrates"), [("wait", "true"), ("serve", "false")])
async def test_a_start_that_does_not_migrate_runs_no_hook(
    project: Project, database: Database, command: str, migrates: str
) -> None:
    """The process that migrates runs them."""
    assert (await migrate(project, database)).exit_code == 0
    env = environment(database, ORCHESTRATOR_MIGRATE=migrates, ORCHESTRATOR_AFTER_MIGRATE="false")
    async with Orchestrator(command, env=env, cwd=project.path) as process:
        if command == "serve":
            await process.event("server_started")
            await process.stop()
        assert await process.exit_code() == 0, process.story()
        assert not process.find("hook_started")


async def test_of_several_replicas_one_runs_its_hook_at_a_time(project: Project, database: Database) -> None:
    """Two seeds at once would both find nothing there."""
    project.add_revision("r1", CREATE.format("plants"))
    command = hook(project, "alone", ONE_AT_A_TIME)
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=command, ORCHESTRATOR_AFTER_MIGRATE=command)
    results = await together(*(run("migrate", env=env, cwd=project.path) for _ in range(3)))
    assert [result.exit_code for result in results] == [0, 0, 0], [result.story() for result in results]


async def test_a_running_hook_is_progress_for_those_who_wait(project: Project, database: Database) -> None:
    """They wait as long as it runs, beyond their own budget for a holder that hangs."""
    project.add_revision("r1", CREATE.format("plants"))
    patient = environment(database, ORCHESTRATOR_AFTER_MIGRATE=hook(project, "slow", UNTIL_GO))
    impatient = environment(
        database,
        ORCHESTRATOR_AFTER_MIGRATE=hook(project, "quick", ""),
        ORCHESTRATOR_LOCK_TIMEOUT_SECONDS="2",
        ORCHESTRATOR_HEARTBEAT_SECONDS="0.5",
    )
    async with Orchestrator("migrate", env=patient, cwd=project.path) as first:
        await first.event("log", message="hook waits")
        async with Orchestrator("migrate", env=impatient, cwd=project.path) as second:
            waits = await until(lambda: [e for e in second.find("lock_waiting") if e["waited_seconds"] > 3])
            assert waits[0]["holder_progressing"]
            project.write("go", "")
            assert await first.exit_code() == 0
            assert await second.exit_code() == 0, second.story()


async def test_a_hook_that_fails_leaves_the_revisions_and_runs_again(project: Project, database: Database) -> None:
    """The schema is right; only the seed is not."""
    add_two(project)
    command = hook(project, "seed", "print('cannot seed: s3cret'); raise SystemExit(3)")
    result = await migrate(project, database, ORCHESTRATOR_AFTER_MIGRATE=command)
    failed = failure(result, "hook_failed", exit_code=13)
    assert (failed["hook"], failed["hook_exit_code"], failed["revisions_applied"]) == ("after_migrate", 3, 2)
    assert "2 revisions were applied before it and stay applied" in failed["message"]
    assert result.find("startup_failed", failed_phase="running_hook")
    assert failed["output"].startswith("cannot seed: ")
    assert stamped(database) == ["r2"]
    with locks(database) as lock:
        assert lock.try_acquire()
    again = await migrate(project, database, ORCHESTRATOR_AFTER_MIGRATE=hook(project, "seed", ""))
    assert again.find("hook_completed")


@backends("sqlite")
@pytest.mark.parametrize("command", ["no-such-program --now", "./seed.sh"])
async def test_a_command_that_is_not_there_is_known_before_anything_is_done(
    project: Project, database: Database, command: str
) -> None:
    """Not found or not executable: the image is broken, and a broken image never migrates."""
    project.add_revision("r1", CREATE.format("plants"))
    project.write("seed.sh", "exit 0")
    result = await migrate(project, database, ORCHESTRATOR_AFTER_MIGRATE=command)
    failed = failure(result, "hook_failed", exit_code=13)
    assert (failed["error_type"], failed["hook_exit_code"]) == ("hook_not_found", 127)
    assert untouched(database)


@backends("sqlite")
async def test_a_script_without_a_first_line_is_run_as_a_shell_does(project: Project, database: Database) -> None:
    """It worked in the startup script."""
    project.write("seed.sh", "echo from the shell\nexit 4\n").chmod(0o755)
    result = await migrate(project, database, ORCHESTRATOR_BEFORE_MIGRATE="./seed.sh")
    assert failure(result, "hook_failed", exit_code=13)["hook_exit_code"] == 4
    assert result.find("log", message="from the shell")


@backends("mariadb", "postgresql")
async def test_a_hook_gets_the_apps_login_and_prints_no_password(
    project: Project, database: Database, server: Server
) -> None:
    """The login for migrating is not for hooks; the output of a hook is masked like all other text."""
    script = "import os; print('url', os.environ['DATABASE_URL']); print([n for n in os.environ if 'MIGRATION_' in n])"
    user = server.add_user(database, "app_hook", "ho0kpass", "SELECT").url
    result = await run(
        "migrate",
        env={
            "DATABASE_URL": user,
            "MIGRATION_DATABASE_URL": database.url,
            "ORCHESTRATOR_BEFORE_MIGRATE": hook(project, "prints", script),
        },
        cwd=project.path,
    )
    assert result.exit_code == 0, result.story()
    printed, names = (each["message"] for each in result.find("log", logger="orchestrator.hook"))
    assert "app_hook" in printed
    assert "ho0kpass" not in "".join(result.lines)
    assert names == "[]"


@backends("sqlite")
async def test_a_long_hook_gives_signs_of_life(project: Project, database: Database) -> None:
    """A reader of the log must see that it is still running."""
    env = environment(
        database,
        ORCHESTRATOR_BEFORE_MIGRATE=hook(project, "slow", UNTIL_GO),
        ORCHESTRATOR_HEARTBEAT_SECONDS="0.2",
    )
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        await process.event("hook_progress", hook="before_migrate")
        project.write("go", "")
        assert await process.exit_code() == 0


@backends("sqlite")
async def test_what_a_hook_did_before_the_migration_counts(project: Project, database: Database) -> None:
    """It may have stamped the database, so the position is read again."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", CREATE.format("roses") + "\n" + INSERT.format(1, "rose"))
    script = """
import os, sqlite3
c = sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite+aiosqlite:///"))
c.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name TEXT)")
c.execute("CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)")
c.execute("INSERT INTO alembic_version VALUES ('r1')")
c.commit()
"""
    result = await migrate(project, database, ORCHESTRATOR_BEFORE_MIGRATE=hook(project, "stamps", script))
    assert result.exit_code == 0, result.story()
    assert [each["revision"] for each in result.find("revision_applied")] == ["r2"]

"""The processes of a hook: they end with their time, a stop, the lock or the process that started them."""

import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.hooks import hook
from tests.acceptance.migrations import environment, locks, migrate, until
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

STUBBORN = "trap '' TERM; sleep 99 & echo pids $$ $!; wait"
"""A shell and its child, both deaf to SIGTERM; a shell, because Python may begin too late on a busy machine."""


def stubborn(project: Project) -> str:
    """Return the command of a hook that does not end when it is asked to."""
    return f"sh {project.write('stubborn.sh', STUBBORN)}"


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it ended before the look, or during it
        return False
    return state not in "ZX"


async def _pids(process: Orchestrator) -> list[int]:
    told = await until(lambda: [e for e in process.find("log") if str(e["message"]).startswith("pids ")])
    return [int(word) for word in told[0]["message"].split()[1:]]


async def test_a_hook_that_takes_too_long_is_ended_with_all_its_processes(project: Project, database: Database) -> None:
    """Also one that ignores SIGTERM, and what it has started."""
    command = stubborn(project)
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=command, ORCHESTRATOR_HOOK_TIMEOUT_SECONDS="2")
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        pids = await _pids(process)
        assert await process.exit_code() == 13, process.story()
        (failed,) = process.find("hook_failed")
    assert (failed["error_type"], failed["hook_exit_code"]) == ("hook_timeout", 128 + signal.SIGKILL)
    assert "within 2 s" in failed["error_message"]
    await until(lambda: not any(map(_alive, pids)))


@pytest.mark.parametrize(("command", "exit_code"), [("migrate", 12), ("serve", 0)])
@backends("postgresql")
async def test_a_stop_ends_the_hook_within_the_budget(
    project: Project, database: Database, command: str, exit_code: int
) -> None:
    """The platform kills without asking after its stop timeout; then the hook would be left half way as well."""
    env = environment(
        database,
        ORCHESTRATOR_BEFORE_MIGRATE=stubborn(project),
        ORCHESTRATOR_SHUTDOWN_SECONDS="3",
    )
    async with Orchestrator(command, env=env, cwd=project.path) as process:
        pids = await _pids(process)
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == exit_code, process.story()
    await until(lambda: not any(map(_alive, pids)))
    assert not process.find("hook_failed")
    with locks(database) as lock:
        assert lock.try_acquire()


async def test_a_hook_dies_with_the_process_that_had_the_lock(project: Project, database: Database) -> None:
    """A kill frees the lock at once: the hook of the next replica must not run beside this one."""
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=stubborn(project))
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        pid, child = await _pids(process)
        process.signal(signal.SIGKILL)
        await until(lambda: not _alive(pid))
    os.kill(child, signal.SIGKILL)
    again = await migrate(project, database, ORCHESTRATOR_BEFORE_MIGRATE=hook(project, "slow", ""))
    assert again.exit_code == 0, again.story()


async def test_a_hook_that_lost_its_lock_is_ended(project: Project, database: Database) -> None:
    """Another replica may run the same one by now."""
    if database.backend == "sqlite":
        pytest.skip("nobody else can end the session that has a file's lock")
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=stubborn(project))
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        pids = await _pids(process)
        with locks(database) as lock:
            held_by = lock.held_by()
        kill = "SELECT pg_terminate_backend({})" if database.backend == "postgresql" else "KILL {}"
        database.execute(kill.format(held_by))
        assert await process.exit_code() == 13, process.story()
    (failed,) = process.find("hook_failed")
    assert failed["error_type"] == "lock_lost"
    await until(lambda: not any(map(_alive, pids)))


@backends("sqlite")
async def test_a_hook_may_close_its_output_and_leave_a_process_behind(project: Project, database: Database) -> None:
    """As in a shell: the command has ended, even if another process still has its output open."""
    script = """
import os, subprocess, sys
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
print("pids", left.pid, flush=True)
os.close(1)
os.close(2)
"""
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=hook(project, "leaves", script))
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        (pid,) = await _pids(process)
        assert await process.exit_code() == 0, process.story()
    assert _alive(pid)
    os.kill(pid, signal.SIGKILL)


@backends("sqlite")
async def test_a_flood_takes_neither_memory_nor_the_log(project: Project, database: Database) -> None:
    """Two million lines: ten thousand are logged, the others counted, and the end is kept for the failure."""
    flood = """
        import sys
        block = b"x" * 99 + b"\\n"
        for _ in range(200):
            sys.stdout.buffer.write(block * 10_000)
        print("the end")
        raise SystemExit(1)
    """
    script = "\n".join(line[8:] for line in flood.splitlines())
    env = environment(database, ORCHESTRATOR_BEFORE_MIGRATE=hook(project, "flood", script))
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        assert await process.exit_code(within=110) == 13
        peak = max(process.find("log", logger="orchestrator.hook"), key=lambda each: len(each["message"]))
    (failed,) = process.find("hook_failed")
    assert failed["output"].endswith("the end")
    assert len(process.find("log", logger="orchestrator.hook")) == 10_001
    assert process.find("log", message="1990001 further lines of the hook's output were not logged.")
    assert len(peak["message"]) <= 200

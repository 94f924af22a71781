"""`orchestrator run -- COMMAND`: wait, migrate, and become another program, as `exec` in a shell."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import URL, line, started
from tests.harness import Project, make_project

REPORT = """
import json, os, signal, sys
state = {
    "argv": sys.argv[1:],
    "pid": os.getpid(),
    "stdin": sys.stdin.read(),
    "url": os.environ.get("DATABASE_URL"),
    "secret": os.environ.get("MIGRATION_DATABASE_PASSWORD"),
    "descriptors": [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")],
    "blocked": open("/proc/self/status").read().split("SigBlk:")[1].split()[0],
    "handlers": [str(int(signal.getsignal(number))) for number in (signal.SIGTERM, signal.SIGHUP)],
    "tables": __import__("sqlite3").connect("app.db").execute("SELECT count(*) FROM alembic_version").fetchone()[0],
}
print(json.dumps(state), flush=True)
sys.exit(7)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with one revision, and programs to become."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.write("report.py", REPORT)
    return project


async def test_the_program_finds_what_exec_would_leave_it(project: Project) -> None:
    """Arguments, input, environment, signals and process id; its exit code is the process's."""
    async with started(project, sys.executable, "report.py", "--flag", "a b") as process:
        assert process.stdin
        process.stdin.write(b"given")
        process.stdin.close()
        last = json.loads(await line(process, '"event"', "command_started"))
        told: dict[str, Any] = json.loads(await line(process, '"argv"'))
        assert await process.wait() == 7
    assert last["command"] == f"{sys.executable} report.py --flag 'a b'"
    assert (told["argv"], told["pid"], told["stdin"]) == (["--flag", "a b"], process.pid, "given")
    assert told["descriptors"] == ["0", "1", "2"]
    inherited = [str(int(signal.getsignal(number) == signal.SIG_IGN)) for number in (signal.SIGTERM, signal.SIGHUP)]
    assert (told["blocked"], told["handlers"]) == ("0" * 16, inherited)  # `nohup` has SIGHUP ignored
    assert (told["url"], told["tables"]) == (URL, 1)


async def test_a_stop_before_it_leaves_the_program_unstarted(project: Project) -> None:
    """Like `serve`: a deployment that is withdrawn is not a failure."""
    env = {"DATABASE_URL": "mysql+asyncmy://u:p@127.0.0.1:1/d"}
    async with started(project, sys.executable, "report.py", env=env) as process:
        await line(process, "database_retry_scheduled")
        process.send_signal(signal.SIGTERM)
        assert "process_stopped" in await line(process, "process_stopped")
        assert await process.wait() == 0


async def test_a_missing_program_is_reported_before_any_change(project: Project) -> None:
    """Like an app that does not import."""
    async with started(project, "nosuchprogram") as process:
        assert "nosuchprogram" in await line(process, "app_failed")
        assert await process.wait() == 3
    assert not (project.path / "app.db").exists()


async def test_workers_wait_until_another_has_migrated(project: Project) -> None:
    """ORCHESTRATOR_MIGRATE=false: a queue's workers behind the web service that migrates."""
    env = {"ORCHESTRATOR_MIGRATE": "false"}
    async with started(project, sys.executable, "report.py", env=env) as process:
        await line(process, "database_retry_scheduled", "not_at_head")
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orchestrator", "migrate", cwd=project.path,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": URL}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert await done.wait() == 0
        assert process.stdin
        process.stdin.close()
        assert json.loads(await line(process, '"argv"'))["tables"] == 1


def child_of(pid: int) -> int:
    """Return the process that `unshare` has started."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


WAITS = (sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")
ROLES = f"case $ROLE in worker) exec {shlex.join(WAITS)};; *) exit 9;; esac"


@pytest.mark.parametrize("command", [WAITS, ("sh", "-c", ROLES)], ids=["program", "a script with roles"])
async def test_process_1_hands_signals_on_and_reaps(project: Project, command: tuple[str, ...]) -> None:
    """As an image's entrypoint; the exit code is the program's, as a shell has it."""
    unshare = shutil.which("unshare")
    assert unshare
    under, env = (unshare, "-pf", "--mount-proc"), {"ROLE": "worker"}
    async with started(project, *command, env=env, under=under) as process:
        await line(process, "up")
        os.kill(child_of(process.pid), signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM

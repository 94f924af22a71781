"""Every way to start the program is the same program, and its exit code reaches the platform."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.__main__ import main
from tests.acceptance.migrations import add_two
from tests.harness import Project
from tests.servers.ports import free_port

MODULE = f"{shlex.quote(sys.executable)} -m orchestrator"
SCRIPT = shlex.quote(str(Path(sys.executable).with_name("orchestrator")))


@pytest.mark.parametrize("program", [MODULE, SCRIPT], ids=["module", "script"])
@pytest.mark.parametrize("command", ["", " serve", " migrate", " wait"])
def test_a_failure_has_its_exit_code_in_every_form(tmp_path: Path, program: str, command: str) -> None:
    """`orchestrator` alone is `serve`: a platform that sees exit 0 would not start it again."""
    assert _exit_code(f"exec {program}{command}", tmp_path, PORT="no port") == 78


@pytest.mark.parametrize("form", ["{}", "{}; exit $?", "{} && exit 0"])
def test_a_shell_hands_the_exit_code_on(tmp_path: Path, form: str) -> None:
    """Entrypoints are often shell scripts; `set -e` and `&&` must see the failure."""
    url = f"mysql+asyncmy://u:p@127.0.0.1:{free_port()}/d"
    env = {"DATABASE_URL": url, "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "0.1"}
    assert _exit_code(form.format(MODULE), tmp_path, **env) == 9  # no migration tree is here


@pytest.mark.parametrize("name", ["random.py", "email/__init__.py", "html.py"])
def test_a_module_of_the_project_may_have_the_name_of_a_standard_one(project: Project, name: str) -> None:
    """The scripts `alembic` and `uvicorn` have imported Python's own by then; ours imported the project's: exit 1."""
    add_two(project)
    project.write(name, "")
    url = f"sqlite+aiosqlite:///{project.path}/database"
    assert _exit_code(f"exec {SCRIPT} migrate", project.path, DATABASE_URL=url) == 0


def test_windows_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it ends with a traceback about a module of Unix that is missing."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="On Windows, run it in WSL 2"):
        main()


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [("serve --bogus", "usage", 64), ("run", "usage", 64), ("serv", "usage", 64), ("migrate", "working_directory", 1)],
)
def test_each_end_leaves_its_last_event(tmp_path: Path, arguments: str, kind: str, code: int) -> None:
    """The log must contain the reason why there is no service: even for a typo, or a deleted directory."""
    directory = tmp_path / "gone"
    directory.mkdir()
    leave = f"rmdir {shlex.quote(str(directory))}; " if kind == "working_directory" else ""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = ["/bin/sh", "-c", f"{leave}exec {MODULE} {arguments}"]
    done = subprocess.run(command, cwd=directory, env=env, capture_output=True, timeout=60, check=False)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["event"], last["error_type"], last["exit_code"]) == (
        code,
        "startup_failed",
        kind,
        code,
    )
    assert last["failed_state"] == "waiting"
    assert b"Traceback" not in done.stderr


def _exit_code(line: str, directory: Path, **env: str) -> int:
    env = {"PATH": "/usr/bin:/bin", "PORT": str(free_port()), **env}
    done = subprocess.run(["/bin/sh", "-c", line], cwd=directory, env=env, capture_output=True, timeout=60, check=False)
    return done.returncode

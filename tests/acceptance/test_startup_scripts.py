"""Startup scripts of the kinds that public projects have: what replaces each is run, or refused in words that help."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.programs import install
from tests.acceptance.running import URL, end, line, until_it_answers
from tests.harness import Project, make_project
from tests.servers.ports import free_port

Case = dict[str, Any]
CASES: list[Case] = yaml.safe_load((Path(__file__).parents[1] / "data/startup_scripts.yaml").read_text())
LEAST_NAMED = 40  # tests, on the page
LEAST_UNCHANGED = 131  # scripts: only their command and variables
FILES = {
    ".env": "FROM_A_FILE=1\n",
    "app/factory.py": "from app.main import app\n\ndef make():\n    return app\n",
    "conf/alembic.ini": "[alembic]\nscript_location = %(here)s/../alembic\nprepend_sys_path = .\n",
    "database_url": URL,
    "create_admin.py": "raise SystemExit(1)\n",
    "gunicorn.conf.py": "timeout = 30\n",
    "log.yaml": "version: 1\ndisable_existing_loggers: false\n",
    "seed.py": "import sys\nsys.exit('--fail' in sys.argv)\n",
    "start.py": "import sys, uvicorn\n\nuvicorn.run('app.main:app', port=int(sys.argv[1]))\n",
    "tasks.py": "from celery import Celery\n\napp = Celery(broker='memory://', backend='cache+memory://')\n",
    "wsgi.py": "def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n",
}


@pytest.fixture
def project(tmp_path: Path, case: Case) -> Project:
    """Return a project with one revision and what the scripts start."""
    project = make_project(tmp_path, case.get("template", "async"))
    project.add_revision("a1")
    for name, content in FILES.items():
        project.write(name, content)
    ini = (tmp_path / "alembic.ini").read_text()
    project.write("alembic.ini", ini + "\n[other]\nscript_location = %(here)s/alembic\nprepend_sys_path = .\n")
    return project


@pytest.fixture
def service() -> Iterator[str]:
    """Return the address of another service, which accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the programs that are not locked; returns the variables with which they are found."""
    return install(tmp_path_factory.mktemp("programs"))


@contextlib.asynccontextmanager
async def _started(project: Project, command: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start what a shell would: variables, then a command; killed when the context is left."""
    words = shlex.split(command)
    at = words.index("orchestrator")
    given = dict(word.split("=", 1) for word in words[:at])
    variables = {"DATABASE_URL": URL, "HOME": str(project.path), **env, **given}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words[at:]),
        cwd=project.path,
        env={"PATH": path, **{name: value for name, value in variables.items() if value}},  # `NAME=` removes it
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await end(process)


def _parameters() -> list[Any]:
    """One for each script that is replaced; all but the sample belong to the long tests."""
    replaced = [(number, case) for number, case in enumerate(CASES, 1) if "instead" in case]
    marks = {True: (), False: (pytest.mark.soak,)}
    return [pytest.param(case, id=str(number), marks=marks[case.get("sample", False)]) for number, case in replaced]


@pytest.mark.parametrize("case", _parameters())
async def test_what_replaces_a_script_does_its_work(
    project: Project, service: str, case: Case, request: pytest.FixtureRequest
) -> None:
    """It serves and stops; or prints what its program prints; or is refused with the cause."""
    port = free_port()
    command = case["instead"].replace("8000", str(port)).replace("redis:6379", service)
    env = dict(request.getfixturevalue("programs")) if case.get("program") else {}
    if "orchestrator serve" in command:
        env["PORT"] = str(port)
    async with _started(project, command, env) as process:
        if "refused" in case:
            await line(process, case["refused"])
            assert await asyncio.wait_for(process.wait(), 60) not in {0, 1}
        elif "says" in case:
            await line(process, case["says"])
        else:
            await line(process, "command_started" if " run -- " in command else "server_started")
            await until_it_answers(port)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) in {0, -signal.SIGTERM}


def test_most_scripts_are_replaced_without_a_change() -> None:
    """Each has one answer: what to write instead, or why there is nothing."""
    assert all(("instead" in case) is not ("cannot" in case) for case in CASES)
    unchanged = [case for case in CASES if not {"cannot", "refused", "needs"} & case.keys()]
    assert len(unchanged) >= LEAST_UNCHANGED


def test_each_kind_of_step_has_a_test_that_exists() -> None:
    """A renamed test would leave the page with a promise."""
    root = Path(__file__).parents[2]
    named = re.findall(r"`(tests/[^`:]+)::(\w+)`", (root / "docs/decisions/scripts.md").read_text())
    assert len(named) >= LEAST_NAMED
    assert [each for path, each in named if f"def {each}(" not in (root / path).read_text()] == []

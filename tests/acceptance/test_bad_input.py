"""`status`, `plan` and `check` with what is wrong: the exit code of a start, one clear sentence, and no traceback."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from orchestrator.command_line.cli import main
from orchestrator.runtime.stop import Stop
from tests.acceptance.migrations import add_two, migrate
from tests.harness import Project, run
from tests.servers import Database, backends

LOOKING = pytest.mark.parametrize("command", ["status", "plan"])
ALL = pytest.mark.parametrize("command", ["status", "plan", "check"])


@pytest.fixture(autouse=True)
def at_the_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the project's directory, with a database that does not exist yet."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("DATABASE_URL", "sqlite+aiosqlite:///app.db")
    monkeypatch.setenv("ORCHESTRATOR_APP", "json:loads")
    Path("app.db").touch()
    add_two(project)


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    """Run a command that ends with this code; return its sentence."""
    capsys.readouterr()
    found = main([*arguments], Stop())
    out, err = capsys.readouterr()
    assert (found, out) == (code, ""), err
    sentence, *hints = err.splitlines()
    assert sentence.startswith("orchestrator: ")
    assert all(each.startswith("  ") for each in hints), err
    return sentence


@LOOKING
def test_a_database_that_is_down(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person does not want to wait for five minutes."""
    monkeypatch.setenv("DATABASE_URL", "mysql+asyncmy://app:s3cret@127.0.0.1:1/d")
    assert "Connection refused" in _refused(capsys, command, code=4)


@LOOKING
@backends("mariadb", "postgresql")
def test_a_database_that_refuses(
    command: str, database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is not shown."""
    url = make_url(database.url).set(password="wrong-s3cret")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    assert "wrong-s3cret" not in _refused(capsys, command, code=5)


@LOOKING
@pytest.mark.parametrize(
    ("env_py", "words"),
    [("raise RuntimeError('boom')", "boom"), ("def (", "invalid syntax"), ("raise SystemExit(3)", "exits with 3")],
)
def test_an_env_py_that_fails(
    command: str, env_py: str, words: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is blamed, and no revision."""
    project.write("alembic/env.py", f"from alembic import context\n{env_py}")
    sentence = _refused(capsys, command, code=7)
    assert sentence.startswith("orchestrator: env.py failed: ")
    assert words in sentence


@ALL
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def (", "invalid syntax"),
        ("revision, down_revision = 'rx', 'nothing'", "needs nothing, which does not exist"),
        ("revision, down_revision = 'r1', None", "exists twice"),
    ],
)
def test_scripts_that_are_no_tree(
    command: str, script: str, words: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command prints the same error as a start."""
    project.write("alembic/versions/bad.py", f"{script}\n")
    assert words in _refused(capsys, command, code=9)


@ALL
def test_settings_that_are_wrong(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, what is wrong, and an example."""
    monkeypatch.setenv("ORCHESTRATOR_TARGETT", "head")
    assert "did you mean ORCHESTRATOR_TARGET?" in _refused(capsys, command, code=78)


@LOOKING
def test_a_file_that_is_not_a_database(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is left as it is."""
    Path("app.db").write_text("no database at all, but long enough to be read as one")
    assert "not a database" in _refused(capsys, command, code=5)


def test_a_revision_without_upgrade_is_not_judged(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails when it is applied; here the others are judged all the same."""
    project.write("alembic/versions/r3.py", "revision, down_revision = 'r3', 'r2'\n")
    assert main(["check", "--json"], Stop()) == 0
    (unjudged,) = json.loads(capsys.readouterr().out)["unjudged"]
    assert "upgrade" in unjudged["problem"]
    assert main(["plan"], Stop()) == 0
    assert "upgrade" in capsys.readouterr().out


def test_a_database_that_another_program_migrated_and_one_that_is_ahead(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal proves the one, and nothing the other."""
    database = Database("sqlite+aiosqlite:///app.db", "sqlite")
    asyncio.run(migrate(project, database))
    Path("alembic/versions/r2.py").unlink()
    assert _state(capsys) == "ahead"
    database.execute("UPDATE alembic_version SET version_num = 'theirs'")
    assert _state(capsys) == "unknown"
    assert main(["plan"], Stop()) == 0
    assert "the lineage of theirs is not known" in capsys.readouterr().out


def _state(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["status", "--json", "--exit-code"], Stop()) == 1
    (database,) = json.loads(capsys.readouterr().out)["databases"]
    return str(database["state"])


STARTS: dict[str, tuple[str, ...]] = {
    "migrate": ("migrate",),
    "wait": ("wait",),
    "wait --head": ("wait", "--head"),
    "run": ("run", "--", "true"),
}
DOWN = "mysql+asyncmy://app:s3cret@127.0.0.1:1/d"


@pytest.mark.parametrize(
    ("url", "sql", "codes"),
    [
        (DOWN, "", dict.fromkeys(STARTS, 4)),
        ("sqlite+aiosqlite:///no/such/directory/app.db", "", dict.fromkeys(STARTS, 5)),
        ("sqlite+aiosqlite:///app.db", "", {"migrate": 0, "wait": 0, "wait --head": 4, "run": 0}),
        (
            "sqlite+aiosqlite:///app.db",
            "CREATE TABLE plants (id INT)",
            {"migrate": 7, "wait": 0, "wait --head": 4, "run": 7},
        ),
        (
            "sqlite+aiosqlite:///app.db",
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('theirs')",
            {"migrate": 10, "wait": 0, "wait --head": 10, "run": 10},
        ),
    ],
    ids=["down", "refused", "empty", "foreign tables", "unknown revision"],
)
async def test_each_command_of_a_start_has_the_exit_code_of_the_failure(
    url: str, sql: str, codes: dict[str, int], project: Project, tmp_path: Path
) -> None:
    """With one last event that says why, and no traceback of ours."""
    env = {"DATABASE_URL": url, "ORCHESTRATOR_APP": "json:loads", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "1"}

    async def ended(name: str) -> None:
        directory = tmp_path / name.replace(" ", "")
        shutil.copytree(project.path, directory)
        with contextlib.closing(sqlite3.connect(directory / "app.db")) as connection:
            connection.executescript(sql)
        result = await run(*STARTS[name], env=env, cwd=directory)
        assert result.exit_code == codes[name], result.story()
        assert "Traceback" not in result.stderr
        if codes[name]:
            assert result.events[-1]["event"] == "startup_failed"
            assert result.events[-1]["hint"]

    await asyncio.gather(*map(ended, STARTS))

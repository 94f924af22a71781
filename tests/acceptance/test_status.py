"""`orchestrator status`: where a database is, what ran, who holds the lock; nothing is changed."""

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy.engine import make_url

from orchestrator.command_line.cli import main
from orchestrator.log import CONTEXT
from orchestrator.runtime.stop import Stop
from tests.acceptance.contexts import multidb, tenants
from tests.acceptance.migrations import CREATE, add_two, locks, migrate, untouched
from tests.harness import Project, make_project
from tests.servers import Database, backends

PRINT = "import sys; sys.stdout.reconfigure(line_buffering=True); print('hello\\nfrom env.py')"


class Asked:
    """The command in this process.

    Args:
        capsys: Its output.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code, and what was printed on stdout and stderr."""
        return self.other("status", *arguments)

    def other(self, *command: str) -> tuple[int, str, str]:
        """Return the same of any command."""
        self._capsys.readouterr()
        code = main([*command], Stop())
        return code, *self._capsys.readouterr()

    def json(self, *, exit_code: int = 0) -> dict[str, Any]:
        """Return the answer, which its schema allows."""
        code, out, err = self("--json", "--exit-code")
        assert (code, err) == (exit_code, ""), err
        answer: dict[str, Any] = json.loads(out)
        jsonschema.validate(answer, json.loads(self("--schema")[1]))
        return answer


@pytest.fixture
def ask(
    project: Project, database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Asked:
    """Return the command, in the project's directory and with its database."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    return Asked(capsys)


def _states(answer: dict[str, Any]) -> list[tuple[str, str]]:
    (database,) = answer["databases"]
    return [(run["revision"], run["state"]) for run in database["history"]]


def test_what_env_py_prints_is_shown_once(project: Project, database: Database, ask: Asked) -> None:
    """Env.py runs several times: for the address, for the database, and for the SQL of the plan."""
    add_two(project)
    asyncio.run(migrate(project, database, ORCHESTRATOR_TARGET="r1"))
    project.write("alembic/env.py", f"{PRINT}\n" + (project.path / "alembic/env.py").read_text())
    for command in ("status", "plan"):
        assert ask.other(command)[::2] == (0, "hello\nfrom env.py\n")


def test_it_shows_what_ran_what_is_pending_and_who_has_the_lock(
    project: Project, database: Database, ask: Asked
) -> None:
    """Before the first revision, behind, locked and at head; an empty database stays empty."""
    add_two(project)
    (empty,) = ask.json(exit_code=1)["databases"]
    assert (empty["state"], [each["revision"] for each in empty["pending"]]) == ("behind", ["r1", "r2"])
    heading = ask()[1].split("\n")[0]
    assert heading.endswith("(sqlite)") if database.backend == "sqlite" else re.search(r"\(\w+ \d\S+\)$", heading)
    assert untouched(database) if database.backend == "sqlite" else database.tables() == []
    asyncio.run(migrate(project, database, ORCHESTRATOR_TARGET="r1", ORCHESTRATOR_VERSION="1.4.2"))
    with locks(database) as lock:
        assert lock.try_acquire()
        (behind,) = ask.json(exit_code=1)["databases"]
        lock.release()
    assert (behind["current"], behind["head"], behind["state"]) == (["r1"], ["r2"], "behind")
    assert [(run["revision"], run["state"], run["app_version"]) for run in behind["history"]] == [
        ("r1", "applied", "1.4.2")
    ]
    assert (behind["lock"]["name"], behind["lock"]["holder"]["connection_id"]) == (lock.name, lock.connection_id())
    assert behind["lock"]["holder"]["user"] == (make_url(database.url).username or "")
    asyncio.run(migrate(project, database))
    (at_head,) = ask.json()["databases"]
    assert (at_head["state"], at_head["lock"]["holder"], at_head["notes"]) == ("at_head", None, [])
    code, out, err = ask()
    assert (code, err) == (0, "")
    assert "at head: nothing is pending" in out


@backends("mysql", "mariadb", "postgresql")
def test_it_shows_who_waits(project: Project, database: Database, ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment of ten tasks queues behind one: which they are is what on-call people ask."""
    add_two(project)
    with locks(database) as lock, locks(database) as second:
        assert lock.try_acquire()
        second.prepare(ddl_lock_timeout_seconds=5)
        monkeypatch.setattr(CONTEXT, "boot_id", "of-the-command")
        done = threading.Event()

        def wait() -> None:
            while not done.is_set():
                second.try_acquire()

        waiter = threading.Thread(target=wait)
        waiter.start()
        try:
            (found,) = ask.json(exit_code=1)["databases"]
        finally:
            done.set()
            waiter.join()
    assert [each["connection_id"] for each in found["lock"]["waiting"]] == [second.connection_id()]


@backends("mysql")
def test_it_shows_the_progress_of_an_interrupted_revision(project: Project, database: Database, ask: Asked) -> None:
    """That is what decides between a repair and another start."""
    failing = f"{CREATE.format('plants')}\nop.execute('ALTER TABLE nothing ADD x INT')"
    project.add_revision("r1", failing, description="Create the plants")
    asyncio.run(migrate(project, database))
    answer = ask.json(exit_code=1)
    assert _states(answer) == [("r1", "interrupted")]
    (found,) = answer["databases"]
    assert (found["state"], found["explanation"].partition("; ")[2]) == ("half_applied", "r1 stopped half way")
    (run,) = found["history"]
    assert run["statements_done"] == 1
    assert "CREATE TABLE plants" in " ".join(run["statements"])
    assert "r1 was interrupted: 1 statement done" in ask()[1]


@backends("sqlite")
def test_a_directory_without_alembics_configuration_is_named_with_the_right_one(
    tmp_path: Path, ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who starts it in the wrong directory would look for the fault in env.py."""
    make_project(tmp_path / "shop" / "backend")
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("ORCHESTRATOR_APP", "of_the_shop:app")
    code, out, err = ask()
    assert (code, out) == (78, ""), err
    assert "DATABASE_URL: it is not set, and there is no alembic.ini here: set DATABASE_URL" in err
    assert "ORCHESTRATOR_ALEMBIC_CONFIG=backend/alembic.ini" in err


@backends("mariadb", "mysql")
@pytest.mark.parametrize("then", ["raise LookupError('no plants')", "import os; os._exit(1)"], ids=["fails", "is gone"])
def test_it_counts_a_table_that_was_created_before_the_journal_said_so(
    project: Project, database: Database, ask: Asked, then: str
) -> None:
    """The end of a definition is written with the next statement; the failed start lists it, and so does this."""
    project.add_revision("r1", f"{CREATE.format('plants')}\n{then}")
    result = asyncio.run(migrate(project, database))
    if half := result.find("migration_half_applied"):
        assert (half[0]["statements_done"], half[0]["pending_statement"]) == (1, "")
    (found,) = ask.json(exit_code=1)["databases"]
    (run,) = found["history"]
    assert (run["state"], run["statements_done"], run["pending_statement"]) == ("interrupted", 1, "")
    assert [each.strip().split(" (")[0] for each in run["statements"]] == ["CREATE TABLE plants"]
    assert "r1 was interrupted: 1 statement done" in ask()[1]


@backends("mysql", "postgresql")
def test_a_login_that_may_only_read_sees_what_it_may(
    project: Project, database: Database, ask: Asked, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People on call have such a login; hidden parts are marked as hidden, not shown as empty."""
    add_two(project)
    asyncio.run(migrate(project, database))
    reader = server.add_user(database, "reader", "s3cret", "SELECT")
    monkeypatch.setenv("DATABASE_URL", reader.url)
    with locks(database) as lock:
        assert lock.try_acquire()
        answer = ask.json()
        lock.release()
    assert _states(answer) == [("r1", "applied"), ("r2", "applied")]
    (found,) = answer["databases"]
    holder = found["lock"]["holder"]
    assert (holder["connection_id"], holder["state"]) == (lock.connection_id(), "unknown")
    assert found["notes"][0].startswith(f"This login may not see what connection {lock.connection_id()} does")


@backends("mysql", "postgresql")
def test_each_database_is_a_block(
    tmp_path: Path, database: Database, other: Database, ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An env.py of several databases: one that is behind does not hide the next one."""
    project = multidb(tmp_path / "two", database, other)
    monkeypatch.chdir(project.path)
    found = ask.json(exit_code=1)["databases"]
    assert [(each["context"], each["state"]) for each in found] == [("engine1", "behind"), ("engine2", "behind")]


@backends("postgresql")
def test_each_tenant_is_a_block_and_none_is_made(
    tmp_path: Path, database: Database, ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its schema may not exist yet: env.py would make it, and is kept from that."""
    project = tenants(tmp_path / "tenants", database, ["t_one", "t_two"])
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("TENANTS", "t_one,t_two")
    database.execute("CREATE SCHEMA t_one")
    found = ask.json(exit_code=1)["databases"]
    assert [(each["context"], each["state"]) for each in found] == [("t_one", "behind"), (database.name, "behind")]
    assert database.execute("SELECT nspname FROM pg_namespace WHERE nspname = 't_two'") == []


def test_an_env_py_that_changes_something_is_kept_from_it(project: Project, database: Database, ask: Asked) -> None:
    """It may create a schema or a table before Alembic looks; a look must not."""
    env = project.path / "alembic/env.py"
    before = "    connection.exec_driver_sql('CREATE TABLE extra (id INT)')\n    connection.commit()\n"
    env.write_text(
        env.read_text().replace("    context.configure(connection=", f"{before}    context.configure(connection=")
    )
    add_two(project)
    if database.backend == "sqlite":
        Path(database.name).touch()
    (found,) = ask.json(exit_code=1)["databases"]
    assert "extra" not in database.tables()
    assert "CREATE TABLE extra" in found["notes"][0]

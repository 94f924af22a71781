"""The common case, a database at head: one look, no lock, no Alembic."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.migrations import add_two, environment, locks, migrate, tables, told
from tests.acceptance.plain import alembic
from tests.harness import Orchestrator, Project, make_project
from tests.servers import Database, MariaDB, PostgreSQL, backends

HEAVY = "('alembic', 'mako', 'pydantic', 'orchestrator.migrations.journal.store')"
SEEN = f"    print(*(name in sys.modules for name in {HEAVY}))\n"
COLLECTING = "    print(gc.get_threshold())\n"
OURS = "{name: each for name, each in sys.modules.items() if name.startswith('orchestrator.')}"
FROZEN = "getattr(value, '__dataclass_params__', None) and value.__dataclass_params__.frozen"
IMPORTED = f"""\
    modules = {OURS}
    print('modules', *sorted(modules))
    print('frozen', *(name for name, each in modules.items() for value in vars(each).values() if {FROZEN}))
"""
NOT_NEEDED = {
    *("app.credential_scrub", "backoff", "start.dependencies", "start.replacing", "variables.service_address"),
    *("command_line.command_help", "command_line.printers", "logins.iam"),
    *(f"databases.{name}" for name in ("app_login", "diagnosis", "failed_attempts", "interruption", "pauses", "turn")),
    *(f"databases.{kind}.{name}" for kind in ("mysql", "postgresql", "sqlite") for name in ("errors", "lock")),
}
"""What a refusal, a failed attempt, a migration, another command or a rare setting needs, and imports itself."""
MODULES = 139
"""How many of our modules a start at head imports: 0.1 ms each, and as much again for what it defines."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose app prints which modules are imported when it is served."""
    project = make_project(tmp_path / "project")
    add_two(project)
    text = (project.path / "app" / "main.py").read_text()
    project.write(
        "app/main.py",
        "import gc, sys\n" + text.replace("    for step in", f"{SEEN}{COLLECTING}{IMPORTED}    for step in"),
    )
    return project


async def test_a_start_at_head_asks_for_no_lock_and_no_alembic(project: Project, database: Database) -> None:
    """Another replica may hold the lock for hours; and Alembic and pydantic would be a third of all imports.

    The app is served with the garbage collector as Python sets it.
    """
    assert (await migrate(project, database)).exit_code == 0
    with locks(database) as lock:
        assert lock.try_acquire()
        async with Orchestrator("serve", env=environment(database), cwd=project.path, fresh=True) as process:
            await process.event("server_started")
            assert await process.stop() == 0
    assert told(process) == ["migrations_current"]
    assert process.find("migrations_current", current_revision="r2", head_revision="r2")
    assert process.find("log", message="False False False False")
    assert process.find("log", message=str(gc.get_threshold()))
    assert not [event for event in process.events if event["state"] == "migrating"]
    imported = next(event["message"] for event in process.events if event["message"].startswith("modules "))
    names = {name.removeprefix("orchestrator.") for name in imported.split()[1:]}
    assert names & NOT_NEEDED == set()
    assert len(names) <= MODULES
    assert process.find("log", message="frozen")  # a NamedTuple takes a sixth of a frozen dataclass's time to define


@backends("sqlite")
async def test_alembic_is_imported_when_there_is_work(project: Project, database: Database) -> None:
    """Or the test before would prove nothing."""
    async with Orchestrator("serve", env=environment(database), cwd=project.path, fresh=True) as process:
        await process.event("server_started")
    assert process.find("log", message="True True False True")


@pytest.fixture
def logging_mariadb() -> Iterator[MariaDB]:
    """Return a server that writes down every statement."""
    with MariaDB("--general-log=1", "--log-output=TABLE") as server:
        yield server


async def test_one_look_at_heads_and_journal_is_all(project: Project, logging_mariadb: MariaDB) -> None:
    """A hundred replicas that start make a hundred SELECTs, on a connection each, and write nothing."""
    database = logging_mariadb.create_database()
    assert (await migrate(project, database)).exit_code == 0
    (asked,) = await _asked(project, database, logging_mariadb)
    assert {"alembic_version", "orchestrator_journal"} < set(asked.split())


async def test_a_database_without_a_journal_takes_one_more(project: Project, logging_mariadb: MariaDB) -> None:
    """Plain Alembic has migrated it so far: the first SELECT fails, and no journal is created for nothing."""
    database = logging_mariadb.create_database()
    await alembic(project, database, "upgrade", "head")
    _, last = await _asked(project, database, logging_mariadb)
    assert last == "SELECT version_num FROM alembic_version"
    assert tables(database) == ["plants"]


async def _asked(project: Project, database: Database, server: MariaDB) -> list[str]:
    """Start, and return what the server was asked for besides what the driver asks of each connection."""
    server.execute("TRUNCATE mysql.general_log")
    async with Orchestrator("serve", env=environment(database), cwd=project.path, fresh=True) as process:
        await process.event("server_started")
    statements = [
        str(text)
        for (text,) in server.execute(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
            " WHERE user_host LIKE 'app%' AND command_type IN ('Query', 'Prepare', 'Execute')"
        )
    ]
    of_the_driver = ("SELECT @@", "SELECT VERSION()", "SELECT DATABASE()", "ROLLBACK", "SET ")
    return [text for text in statements if not text.startswith(of_the_driver)]


async def test_postgresql_is_not_asked_again(project: Project) -> None:
    """The same, as the server's log has it."""
    with PostgreSQL("--log-statement=all", "--log-line-prefix=%u ") as server:
        database = server.create_database()
        assert (await migrate(project, database)).exit_code == 0
        log = server.directory / "log"
        before = log.stat().st_size
        async with Orchestrator("serve", env=environment(database), cwd=project.path, fresh=True) as process:
            await process.event("server_started")
        news = log.read_text()[before:]
    asked = [line for line in news.splitlines() if line.startswith("app LOG:") and "alembic_version" in line]
    assert len(asked) == 1
    assert "orchestrator_journal" in asked[0]
    assert "advisory" not in news

"""If no variable gives the database's address, env.py is asked: it runs up to its first connect."""

import pytest

from tests.acceptance.migrations import migrate, migrate_unaddressed, stamped, told
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

# A `.env` that only env.py and the app read, with the driver that the app has.
_SETTINGS = """
import pathlib

VALUES = dict(line.split("=", 1) for line in pathlib.Path(".env").read_text().splitlines())
"""
_SYNC = """
from alembic import context
from sqlalchemy import create_engine
from app.settings import VALUES

print("env.py runs")
with create_engine(VALUES["TEAM_URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


async def test_a_synchronous_env_with_its_own_settings_needs_no_variable(project: Project, database: Database) -> None:
    """The app's `.env` and its own driver; the app finds its environment as it was."""
    project.write("app/settings.py", _SETTINGS)
    project.write(".env", f"TEAM_URL={database.synchronous_url}\n")
    project.write("alembic/env.py", _SYNC)
    app = (project.path / "app" / "main.py").read_text()
    project.write("app/main.py", f"import os\nprint('DATABASE_URL' in os.environ)\n{app}")
    async with Orchestrator("serve", env={"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid"}, cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    assert stamped(database) == ["r2"]
    assert process.find("log", message="False")
    assert len(process.find("log", message="env.py runs")) == 1
    assert told(await migrate_unaddressed(project)) == ["migrations_current"]


@backends("sqlite")
async def test_what_a_module_of_the_app_does_at_its_import_stays_done(project: Project, database: Database) -> None:
    """`load_dotenv()` in the app's settings runs once: env.py imports that module first, the app finds it imported."""
    project.write("app/settings.py", f"import os\nos.environ['TEAM_URL'] = {database.synchronous_url!r}\n")
    project.write("alembic/env.py", _SYNC.replace("import VALUES", "import os").replace("VALUES", "os.environ"))
    app = (project.path / "app" / "main.py").read_text()
    project.write("app/main.py", f"from app.settings import os\nassert os.environ['TEAM_URL']\n{app}")
    assert (await migrate_unaddressed(project)).exit_code == 0
    assert stamped(database) == ["r2"]


async def test_an_address_in_alembics_configuration_is_found(project: Project, database: Database) -> None:
    """`sqlalchemy.url`, and the asynchronous template: at head there is nothing to run but one SELECT."""
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", database.url.replace("%", "%%")))
    first, second = await migrate_unaddressed(project), await migrate_unaddressed(project)
    assert (first.exit_code, stamped(database)) == (0, ["r2"])
    assert told(second) == ["migrations_current"]


@backends("sqlite", "postgresql")
async def test_an_env_that_connects_in_a_thread_of_its_own_is_asked_too(project: Project, database: Database) -> None:
    """A public project runs its migrations in a worker thread, with its own event loop."""
    project.write(
        "alembic/env.py",
        "import asyncio, concurrent.futures\n"
        "from alembic import context\n"
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        "def run(connection):\n"
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n"
        "        context.run_migrations()\n"
        "async def main():\n"
        f"    engine = create_async_engine({database.url!r})\n"
        "    async with engine.connect() as connection:\n"
        "        await connection.run_sync(run)\n"
        "    await engine.dispose()\n"
        "with concurrent.futures.ThreadPoolExecutor() as pool:\n"
        "    pool.submit(lambda: asyncio.run(main())).result()\n",
    )
    first, second = await migrate_unaddressed(project), await migrate_unaddressed(project)
    assert (first.exit_code, stamped(database)) == (0, ["r2"])
    assert told(second) == ["migrations_current"]


@backends("postgresql", "mariadb", "mysql")
async def test_several_engines_are_several_contexts(project: Project, database: Database) -> None:
    """The first one is waited for, and each is migrated."""
    other = database.synchronous_url
    project.write(
        "alembic/env.py",
        "from alembic import context\n"
        "from sqlalchemy import create_engine\n"
        f"for url, table in (({other!r}, 'alembic_version'), ('sqlite:///second.db', 'alembic_version')):\n"
        "    with create_engine(url).connect() as connection:\n"
        "        context.configure(connection=connection, version_table=table)\n"
        "        with context.begin_transaction():\n"
        "            context.run_migrations()\n",
    )
    result = await migrate_unaddressed(project)
    assert (result.exit_code, stamped(database)) == (0, ["r2"])
    assert result.find("database_ready", dialect=database.backend)
    assert [each["context"] for each in result.find("migrations_completed")] == [database.name, "second.db"]


@backends("sqlite")
async def test_an_env_that_fails_before_it_connects_is_reported_with_its_traceback(
    project: Project, database: Database
) -> None:
    """Nothing is waited for, nothing is changed: it is the image that is wrong."""
    project.write("alembic/env.py", "print('on the way')\nraise LookupError('no vault')\n")
    result = await migrate_unaddressed(project)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type="env_failed")
    assert "no vault" in failure["error_message"]
    assert "env.py" in failure["exception"]
    assert result.find("log", message="on the way")
    assert database.tables() == []


@backends("sqlite")
@pytest.mark.parametrize(
    "env",
    [
        "from alembic import context\ncontext.configure(connection=context.config.attributes['connection'])",
        "pass",
        "import sqlalchemy\nsqlalchemy.create_engine('driver://user:pass@localhost/dbname')",
        "import sqlalchemy\nsqlalchemy.engine_from_config({}, prefix='sqlalchemy.')",
    ],
    ids=["a connection is given", "none is made", "the placeholder of a new alembic.ini", "no sqlalchemy.url"],
)
async def test_an_env_that_knows_no_address_is_a_fault_of_the_settings(project: Project, env: str) -> None:
    """Then only a variable can give the address."""
    project.write("alembic/env.py", env)
    result = await migrate_unaddressed(project)
    assert result.exit_code == 78
    (failure,) = result.find("settings_invalid")
    assert failure["variables"] == ["DATABASE_URL"]


@backends("sqlite")
async def test_a_variable_counts_more_than_what_env_would_say(project: Project, database: Database) -> None:
    """Env.py is not asked then, even if alembic.ini has an address."""
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", "sqlite+aiosqlite:///other.db"))
    assert (await migrate(project, database)).exit_code == 0
    assert stamped(database) == ["r2"]
    assert not (project.path / "other.db").exists()


_LOGGING = """
import logging
import sys

from loguru import logger

logger.remove()
logger.add(sys.stdout, enqueue=True)
team = logging.getLogger("team")
team.addHandler(logging.StreamHandler(sys.stderr))
print("imported", *sys.argv)
"""
_TALKS = """
from app.logs import logger, team

print("printed")
team.error("logged")
logger.success("queued")
"""


@backends("sqlite")
async def test_what_env_and_its_imports_show_is_shown_once_in_every_start(project: Project, database: Database) -> None:
    """A module that env.py imports makes the app's handlers; env.py is run twice in a start that migrates."""
    project.write("app/settings.py", _SETTINGS)
    project.write(".env", f"TEAM_URL={database.synchronous_url}\n")
    project.write("app/logs.py", _LOGGING)
    project.write("alembic/env.py", _TALKS + _SYNC)
    app = (project.path / "app" / "main.py").read_text()
    project.write(
        "app/main.py", f"from app.logs import logger, team\nlogger.warning('by the app')\nteam.error('too')\n{app}"
    )
    settings = {"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid", "ORCHESTRATOR_APP": "app.main:app"}
    for does in ("migrations_completed", "migrations_current"):
        async with Orchestrator("serve", env=settings, cwd=project.path) as process:
            await process.event("server_started")
            assert await process.stop() == 0
        assert process.find(does)
        shown = sorted((line["level"], line["message"]) for line in process.find("log"))
        assert [words for words in shown if not words[1].startswith("imported")] == [
            ("error", "logged"),
            ("error", "too"),
            ("info", "env.py runs"),
            ("info", "printed"),
            ("info", "queued"),
            ("warning", "by the app"),
        ]
        assert [words[1].split("/")[-1] for words in shown if words[1].startswith("imported")] == [
            "uvicorn app.main:app"
        ]


@backends("sqlite")
async def test_env_finds_the_command_line_of_alembic_where_no_app_is_served(
    project: Project, database: Database
) -> None:
    """Public projects read `sys.argv` to distinguish `alembic` from `uvicorn`."""
    project.write("alembic/env.py", f"import sys\nprint(sys.argv)\n{_SYNC}")
    project.write("app/settings.py", _SETTINGS)
    project.write(".env", f"TEAM_URL={database.synchronous_url}\n")
    result = await migrate_unaddressed(project)
    (line,) = [each["message"] for each in result.find("log") if "upgrade" in each["message"]]
    assert line.endswith("alembic', 'upgrade', 'head']")

"""Apps with advanced-alchemy: Alembic's configuration is in the app, and env.py is that of the library."""

import json
import sqlite3
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.acceptance.migrations import add_two, stamped, told
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, run
from tests.servers import Database, backends

_APP = """
import os
from litestar import Litestar, get
from advanced_alchemy.extensions.litestar import AlembicAsyncConfig, SQLAlchemyAsyncConfig, SQLAlchemyPlugin

config = SQLAlchemyAsyncConfig(
    connection_string=os.environ["TEAM_URL"],
    alembic_config=AlembicAsyncConfig(version_table_name="ddl_version", script_location="app/migrations"),
)

def create_app() -> Litestar:
    print("the factory is called")
    return Litestar([answer], plugins=[SQLAlchemyPlugin(config)])

@get("/")
async def answer() -> str:
    return "hello"
"""


@pytest.fixture
def litestar(project: Project, database: Database) -> dict[str, str]:
    """Make it a Litestar project; return its variables: only the name of the app is ours."""
    add_two(project)
    (project.path / "alembic").rename(project.path / "app" / "migrations")
    (project.path / "alembic.ini").unlink()
    found = find_spec("advanced_alchemy")
    assert found
    assert found.origin
    template = Path(found.origin).parent / "alembic" / "templates" / "asyncio" / "env.py"
    project.write("app/migrations/env.py", template.read_text())
    project.write("app/main.py", _APP)
    return {
        "ORCHESTRATOR_APP": "app.main:create_app",
        "ORCHESTRATOR_EMBEDDED_DATABASE": "forbid",
        "TEAM_URL": database.url,
    }


@backends("sqlite", "postgresql", "mariadb")
async def test_the_app_shows_where_its_migrations_and_its_database_are(
    project: Project, database: Database, litestar: dict[str, str]
) -> None:
    """As `litestar database upgrade` finds them; the factory is called once."""
    for does in ("migrations_completed", "migrations_current"):
        async with Orchestrator("serve", env=litestar, cwd=project.path) as process:
            await process.event("server_started")
            async with process.client() as client:
                assert (await client.get("/")).text == "hello"
            assert await process.stop() == 0
        assert process.find(does), process.story()
        assert len(process.find("log", message="the factory is called")) == 1
        assert stamped(database, "ddl_version") == ["r2"]


@backends("sqlite")
async def test_an_app_of_fastapi_shows_it_too(project: Project, database: Database, litestar: dict[str, str]) -> None:
    """Its extension has the same configuration, and middleware may be around the app."""
    config = _APP[_APP.index("config =") : _APP.index("def create_app")]
    project.write(
        "app/main.py",
        "import os\nfrom fastapi import FastAPI\nfrom starlette.middleware.gzip import GZipMiddleware\n"
        "from advanced_alchemy.extensions.fastapi import AdvancedAlchemy, AlembicAsyncConfig, SQLAlchemyAsyncConfig\n"
        f"{config}\napi = FastAPI()\nAdvancedAlchemy(config=config, app=api)\napp = GZipMiddleware(api)\n",
    )
    result = await run("migrate", env=litestar | {"ORCHESTRATOR_APP": "app.main:app"}, cwd=project.path)
    assert (result.exit_code, stamped(database, "ddl_version")) == (0, ["r2"]), result.story()


@backends("sqlite")
async def test_a_migration_alone_asks_the_app_too(
    project: Project, database: Database, litestar: dict[str, str]
) -> None:
    """The one-off task of a pipeline, and a container that waits for it."""
    assert (await run("migrate", env=litestar, cwd=project.path)).exit_code == 0
    again = await run("wait", "--head", env=litestar, cwd=project.path)
    assert (again.exit_code, told(again)) == (0, ["migrations_current"])
    assert stamped(database, "ddl_version") == ["r2"]


@backends("sqlite")
async def test_an_app_without_the_plugin_gets_a_hint(project: Project, litestar: dict[str, str]) -> None:
    """Then the location of the scripts is unknown."""
    project.write("app/main.py", _APP.replace("plugins=[SQLAlchemyPlugin(config)]", ""))
    result = await run("migrate", env=litestar, cwd=project.path)
    failure(result, "migration_tree_invalid", 9)


@backends("sqlite")
@pytest.mark.parametrize("command", ["status", "plan", "check"])
async def test_the_commands_for_people_ask_the_app_too(
    command: str, project: Project, database: Database, litestar: dict[str, str]
) -> None:
    """They find the tree and the address of a start; each print of the app is shown once, beside the answer."""
    sqlite3.connect(database.url.removeprefix("sqlite+aiosqlite:///")).close()
    result = await run(command, "--json", env=litestar, cwd=project.path)
    assert result.exit_code == 0, result.stderr
    answer = json.loads("\n".join(result.lines))
    if command == "check":
        assert (answer["revisions"], answer["failures"]) == (2, [])
    else:
        (found,) = answer["databases"]
        assert [each["revision"] for each in found["pending"]] == ["r1", "r2"]
        assert result.stderr.count("the factory is called") == 1

"""An env.py that connects elsewhere than we have waited for: found out before anything is changed."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.acceptance.contexts import own_engine
from tests.acceptance.migrations import migrate, stamped, told
from tests.harness import Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")


@pytest.mark.parametrize("migrates", ["true", "false"])
async def test_another_database_is_refused_with_both_addresses(
    project: Project, database: Database, other: Database, migrates: str
) -> None:
    """Else DATABASE_URL would be served and never be migrated; neither is touched, nor is a password shown."""
    own_engine(project, other.synchronous_url)
    settings = {"ORCHESTRATOR_MIGRATE": migrates} if migrates == "false" else {}
    result = await migrate(project, database, **settings)
    assert result.exit_code == 78
    (failure,) = result.find("settings_invalid", variables=["DATABASE_URL"])
    assert make_url(database.url).database in failure["error_message"]
    assert other.name in failure["error_message"]
    assert "s3cret" not in str(result.events)
    assert (database.tables(), other.tables()) == ([], [])


async def test_another_name_of_the_same_database_is_not_another_database(project: Project, database: Database) -> None:
    """A proxy, an alias, a link: the database itself is asked who it is."""
    if database.backend == "sqlite":
        link = Path(database.name).with_name("link.db")
        database.execute("SELECT 1")
        link.symlink_to(database.name)
        url = f"sqlite:///{link}"
    else:
        url = database.synchronous_url.replace("127.0.0.1", "localhost")
        assert url != database.synchronous_url
    own_engine(project, url)
    assert (await migrate(project, database)).exit_code == 0
    assert stamped(database) == ["r2"]


@backends("postgresql", "mariadb")
async def test_one_context_among_several_is_enough(project: Project, database: Database, other: Database) -> None:
    """Several databases are several contexts, not elsewhere, if one of them is the app's."""
    urls = database.synchronous_url, other.synchronous_url
    project.write(
        "alembic/env.py",
        "from alembic import context\n"
        "from sqlalchemy import create_engine\n"
        f"connections = [create_engine(url).connect() for url in {urls!r}]\n"
        "for connection in reversed(connections):\n"
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n"
        "        context.run_migrations()\n"
        "for connection in connections:\n"
        "    connection.close()\n",
    )
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, stamped(database), stamped(other)) == (0, ["r2"], ["r2"])
    assert told(second) == ["migrations_current", "migrations_current"]

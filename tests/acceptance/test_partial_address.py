"""Variables that give only a part of the database's address: env.py may give the rest, and nothing is guessed."""

import pytest
from sqlalchemy import make_url

from tests.acceptance.migrations import migrate_unaddressed, stamped
from tests.harness import Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

_ENV = """
import os

from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["TEAM_URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


@backends("postgresql", "mariadb")
@pytest.mark.parametrize("part", ["DATABASE_HOST", "DATABASE_USER"])
async def test_variables_of_the_app_that_are_half_an_address_disturb_nothing(
    project: Project, database: Database, part: str
) -> None:
    """Many projects have a DATABASE_HOST and a DATABASE_DB. One that env.py contradicts may be our mistake."""
    ini = project.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", database.url.replace("%", "%%")))
    url = make_url(database.url)
    own = str({"DATABASE_HOST": url.host, "DATABASE_USER": url.username}[part])
    refused = await migrate_unaddressed(project, **{part: "elsewhere"})
    assert (refused.exit_code, database.tables()) == (78, [])
    assert "env.py connects to another database" in refused.find("settings_invalid")[0]["message"]
    assert (await migrate_unaddressed(project, **{part: own})).exit_code == 0
    assert stamped(database) == ["r2"]


@backends("postgresql", "mariadb")
async def test_parts_that_do_not_say_which_database_it_is_leave_the_question_to_env_py(
    project: Project, database: Database
) -> None:
    """Drivers of two databases are installed here, and the port is unusual. Nothing is waited for on a guess."""
    url = make_url(database.url)
    parts = {"HOST": url.host, "PORT": url.port, "NAME": url.database, "USER": url.username, "PASSWORD": url.password}
    given = {f"DATABASE_{name}": str(value) for name, value in parts.items() if value}
    project.write("alembic/env.py", _ENV)
    refused = await migrate_unaddressed(project, **given)
    assert (refused.exit_code, database.tables()) == (78, [])
    assert refused.find("settings_invalid")[0]["variables"] == ["DATABASE_DRIVER"]
    assert not refused.find("database_retry_scheduled")
    assert (await migrate_unaddressed(project, **given, TEAM_URL=database.synchronous_url)).exit_code == 0
    assert stamped(database) == ["r2"]

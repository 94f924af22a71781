"""Foreign env.py files name the version table: another name, another schema, or a search path that leads there."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import (
    add_two,
    migrate,
    stamped,
    told,
)
from tests.acceptance.synchronous import INSISTS, synchronous
from tests.harness import Project, make_project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")


async def test_an_env_that_requires_a_connection_may_name_the_version_table_too(
    project: Project, database: Database
) -> None:
    """Then env.py is run once more, to see that the work is there: on a connection that is open."""
    project.write("alembic/env.py", INSISTS.format(options=", version_table='team_version'"))
    first, second = await migrate(project, database), await migrate(project, database)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert len(first.find("revision_applied")) == 2
    assert told(second) == ["migrations_current"]
    assert stamped(database, "team_version") == ["r2"]


@backends("sqlite", "postgresql")
async def test_a_version_table_of_another_name_is_found(project: Project, database: Database) -> None:
    """Only env.py knows its name; the second start sees that there is nothing to do, and takes no lock."""
    stock = (project.path / "alembic" / "env.py").read_text()
    named = stock.replace("connection=connection,", "connection=connection, version_table='team_version',")
    assert named != stock
    project.write("alembic/env.py", named)
    assert (await migrate(project, database)).exit_code == 0
    assert stamped(database, "team_version") == ["r2"]
    again = await migrate(project, database)
    assert again.exit_code == 0
    assert told(again) == ["migrations_current"]


async def test_a_version_table_of_another_name_is_found_by_a_synchronous_environment(
    tmp_path: Path, database: Database
) -> None:
    """Its heads are read, the upgrade runs, and the heads are read again: each time in a new greenlet."""
    project = make_project(tmp_path / "synchronous", "generic")
    add_two(project)
    stock = (project.path / "alembic" / "env.py").read_text()
    named = stock.replace("connection=connection,", "connection=connection, version_table='team_version',")
    project.write("alembic/env.py", named)
    first = await migrate(project, database)
    assert first.exit_code == 0
    assert not first.find("log"), "it is not even tried without a greenlet: a coroutine would be left"
    assert stamped(database, "team_version") == ["r2"]
    assert (await migrate(project, database)).find("migrations_current")


@backends("postgresql")
async def test_a_version_table_in_another_schema_is_found(project: Project, database: Database) -> None:
    """As several services in one database have it."""
    database.execute("CREATE SCHEMA team")
    settings = synchronous(project, database, options=", version_table_schema='team'")
    assert (await migrate(project, database, **settings)).exit_code == 0
    assert stamped(database, "team.alembic_version") == ["r2"]
    assert told(await migrate(project, database, **settings)) == ["migrations_current"]


@backends("postgresql")
async def test_a_search_path_leads_to_another_schema(project: Project, database: Database) -> None:
    """As in Alembic's cookbook for tenants; the tables are there, and the next start sees it."""
    database.execute("CREATE SCHEMA tenant")
    database.execute("CREATE TABLE public.alembic_version (version_num VARCHAR(32))")
    first = "connection.exec_driver_sql('SET search_path TO tenant'); connection.commit()"
    settings = synchronous(project, database, first=first)
    assert (await migrate(project, database, **settings)).exit_code == 0
    assert stamped(database, "tenant.alembic_version") == ["r2"]
    assert database.execute("SELECT name FROM tenant.plants") == [("rose",)]
    assert told(await migrate(project, database, **settings)) == ["migrations_current"]

"""Statements that must come first in a transaction, or not behind a savepoint: ours are not in the way."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.harness import make_project
from tests.integration.interrupted import HEADER, start
from tests.integration.resume_cases import DIE, PLANTS, SHRUBS, TREES, script
from tests.servers import Database, Server, backends

LEVEL = "INSERT INTO plants SELECT 1, current_setting('transaction_isolation')"


@backends("postgresql")
@pytest.mark.parametrize(
    "first",
    [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE, DEFERRABLE",
        "SET transaction_isolation = 'serializable'",
        "SET LOCAL transaction_isolation TO 'serializable'",
    ],
)
def test_a_revision_sets_its_isolation_level_on_postgresql(first: str, database: Database, tmp_path: Path) -> None:
    """PostgreSQL requires that it is the first statement: the orchestrator sends no query before it."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1")  # Alembic makes its version table in the first one's transaction
    project.add_revision("r2", script(("SET lock_timeout = '5s'", first, PLANTS, LEVEL)))
    again = start(project, database)
    assert (again.ended, again.reason) == ("finished", "")
    assert database.execute("SELECT name FROM plants") == [("serializable",)]


@backends("postgresql")
def test_a_snapshot_is_exported_from_a_revision(database: Database, tmp_path: Path) -> None:
    """PostgreSQL refuses that behind a savepoint; another session is to work with it, so ours is of no use."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", script((PLANTS, "SELECT pg_export_snapshot()", SHRUBS)))
    assert start(project, database).ended == "finished"


@backends("mariadb", "mysql")
@pytest.mark.parametrize(
    "first", ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET @@{}_isolation = 'SERIALIZABLE'"]
)
def test_the_next_transaction_is_set_up_on_mysql_also_when_a_revision_continues(
    first: str, database: Database, tmp_path: Path
) -> None:
    """In a transaction, such as one begun by our query, the server refuses it (1568)."""
    project = make_project(tmp_path / "project")
    first = first.format("tx" if database.backend == "mariadb" else "transaction")
    project.add_revision("r1", HEADER + script((first, TREES, DIE, SHRUBS)))
    assert start(project, database, dies=True).ended == "killed"
    assert start(project, database).ended == "finished"


@backends("postgresql")
@pytest.mark.parametrize("set_role", ["SET ROLE {}", "SET LOCAL ROLE {}"])
def test_a_revision_may_work_as_a_user_without_rights_on_the_journal(
    set_role: str, database: Database, server: Server, tmp_path: Path
) -> None:
    """The journal is begun before, and a long transaction is not written to it meanwhile."""
    name = f"{database.name}_limited"
    server.add_user(database, name, "s3cret")
    server.execute(f"GRANT {name} TO {make_url(database.url).username}")
    project = make_project(tmp_path / "project")
    project.add_revision("r1", script((PLANTS, f"GRANT ALL ON plants TO {name}")))
    rows = " for n in range(600): op.execute(f'INSERT INTO plants VALUES ({n}, 1)')"
    project.add_revision("r2", script((set_role.format(name), rows, "RESET ROLE")))
    again = start(project, database)
    assert (again.ended, again.reason) == ("finished", "")
    assert database.execute("SELECT count(*) FROM plants") == [(600,)]

"""The event of a failed revision: it has the exception and the statement, and no parameters."""

import pytest

from tests.acceptance.migrations import (
    CREATE,
    INSERT,
    migrate,
    stamped,
)
from tests.harness import Project
from tests.servers import Database, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

OAK = INSERT.format(2, "oak")
FAIL = "op.execute('INSERT INTO no_such_table VALUES (1)')"
BIND = """
insert = sa.text("INSERT INTO plants VALUES (:id, :name, :more)")
op.get_bind().execute(insert, {"id": 5, "name": "hush", "more": 1})
"""


async def test_an_exception_of_python_is_reported_with_its_traceback(project: Project, database: Database) -> None:
    """Where no statement failed, the line of the script is what helps."""
    project.add_revision("r3", f"{OAK}\nraise LookupError('no such plant')")
    result = await migrate(project, database)
    assert result.exit_code == 7
    (failure,) = result.find("migration_failed", revision="r3", statement_index=0, statement="", statements_done=1)
    assert (failure["error_type"], failure["error_message"]) == ("LookupError", "no such plant")
    assert "r3.py" in failure["exception"]
    assert database.execute("SELECT id FROM plants") == [(1,)]
    assert stamped(database) == ["r2"]


@backends("mariadb", "mysql")
@pytest.mark.parametrize("error", ["SystemExit", "BaseException"])
async def test_an_exception_of_python_after_ddl_leaves_a_half(project: Project, database: Database, error: str) -> None:
    """It is the state that counts, not who failed: not every library derives its errors from Exception."""
    project.add_revision("r3", f"{CREATE.format('trees')}\nraise {error}('enough')")
    result = await migrate(project, database)
    assert result.exit_code == 8
    assert result.find("migration_half_applied", revision="r3", error_type=error, statements_done=1)
    assert "trees" in database.tables()


@backends("sqlite")
async def test_a_full_disk_is_not_the_fault_of_the_revision(project: Project, database: Database) -> None:
    """The hint said: fix the revision."""
    project.add_revision("r3", "op.execute('PRAGMA max_page_count = 1')\n" + CREATE.format("trees"))
    result = await migrate(project, database)
    (failure,) = result.find("startup_failed")
    assert "disk is full" in failure["error_message"]
    assert "enlarge its storage" in failure["hint"]


async def test_no_parameter_gets_into_the_text(project: Project, database: Database) -> None:
    """It may be personal data; the SQL is shown without it."""
    project.add_revision("r3", BIND)
    result = await migrate(project, database)
    assert result.exit_code == 7
    (failure,) = result.find("migration_failed", revision="r3", statement_index=1)
    assert failure["statement"].startswith("INSERT INTO plants VALUES (")
    assert not [line for line in result.lines if "hush" in line]
    assert (result.noise, result.stderr) == ([], "")


@backends("sqlite")
async def test_a_long_statement_is_cut(project: Project, database: Database) -> None:
    """2,000 characters are enough to identify it."""
    project.add_revision("r3", FAIL.replace("1", "1, " * 3000 + "1"))
    result = await migrate(project, database)
    (failure,) = result.find("migration_failed", revision="r3")
    assert failure["statement"].startswith("INSERT INTO no_such_table VALUES (1, 1")
    assert len(failure["statement"]) == 2000


@backends("sqlite")
async def test_a_statement_that_the_revision_got_over_is_not_blamed(project: Project, database: Database) -> None:
    """A try around a DROP is common; a later failure is reported as itself."""
    project.add_revision(
        "r3",
        f"try:\n    op.execute('DROP TABLE no_such_table')\nexcept Exception:\n    pass\n{OAK}\n{OAK}",
    )
    result = await migrate(project, database)
    assert result.exit_code == 7
    assert result.find("migration_failed", revision="r3", statements_done=1, statement_index=2)

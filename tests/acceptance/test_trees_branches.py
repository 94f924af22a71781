"""Trees that are no straight line, and targets that are not the head."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, add_two, migrate, stamped, tables, told, untouched
from tests.harness import Output, Project, make_project
from tests.servers import Database, backends

pytestmark = backends("sqlite")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project without revisions."""
    return make_project(tmp_path / "project")


def _applied(result: Output) -> list[str]:
    return [event["revision"] for event in result.find("revision_applied")]


def _edit(project: Project, revision: str, old: str, new: str) -> None:
    script = project.path / "alembic" / "versions" / f"{revision}.py"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new))


def _fork(project: Project) -> None:
    project.add_revision("base1")
    project.add_revision("left", down_revision="base1")
    project.add_revision("right", down_revision="base1")


async def test_several_heads_are_refused_and_nothing_is_done(project: Project, database: Database) -> None:
    """Two branches merged in one week make them; both are named, and the database is not even asked."""
    _fork(project)
    result = await migrate(project, database)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type="several_heads")
    assert "left" in failure["error_message"]
    assert "right" in failure["error_message"]
    assert "alembic merge" in failure["hint"]
    assert not result.find("database_ready")
    assert untouched(database)


async def test_several_heads_may_be_meant(project: Project, database: Database) -> None:
    """ORCHESTRATOR_TARGET=heads allows that; the next start finds both."""
    _fork(project)
    result = await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    assert result.exit_code == 0
    assert _applied(result)[0] == "base1"
    assert set(_applied(result)) == {"base1", "left", "right"}
    assert result.find("migrations_completed", current_revision="left,right")
    assert stamped(database) == ["left", "right"]
    again = await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    assert told(again) == ["migrations_current"]


async def test_a_merge_joins_what_a_start_with_heads_had_forked(project: Project, database: Database) -> None:
    """Two rows become one; a merge revision has no statement but the stamps."""
    _fork(project)
    await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    project.add_revision("merged", down_revision=("left", "right"))
    result = await migrate(project, database)
    assert _applied(result) == ["merged"]
    assert stamped(database) == ["merged"]
    assert told(await migrate(project, database)) == ["migrations_current"]


async def test_what_a_revision_depends_on_is_applied_before_it(project: Project, database: Database) -> None:
    """Across branches; Alembic then stamps only the one that depends, and that counts as being at both heads."""
    project.add_revision("users", down_revision=None)
    project.add_revision("orders", down_revision=None)
    _edit(project, "orders", "depends_on = None", "depends_on = 'users'")
    result = await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    assert result.exit_code == 0
    assert _applied(result) == ["users", "orders"]
    again = await migrate(project, database, ORCHESTRATOR_TARGET="heads")
    assert told(again) == ["migrations_current"]


async def test_a_dependency_may_be_a_branch_label(project: Project, database: Database) -> None:
    """Only Alembic resolves it."""
    project.add_revision("users", down_revision=None)
    _edit(project, "users", "branch_labels = None", "branch_labels = ('people',)")
    project.add_revision("orders", down_revision=None)
    _edit(project, "orders", "depends_on = None", "depends_on = 'people'")
    result = await migrate(project, database, ORCHESTRATOR_TARGET="orders")
    assert result.exit_code == 0
    assert _applied(result) == ["users", "orders"]


@pytest.mark.parametrize("target", ["people@head", "people", "use"])
async def test_a_target_is_any_revision_that_alembic_takes(project: Project, database: Database, target: str) -> None:
    """A branch, or the beginning of an id: only what it needs is applied, and the next start has nothing to do."""
    project.add_revision("users", down_revision=None)
    _edit(project, "users", "branch_labels = None", "branch_labels = ['people']")
    project.add_revision("orders", down_revision=None)
    result = await migrate(project, database, ORCHESTRATOR_TARGET=target)
    assert result.exit_code == 0
    assert _applied(result) == ["users"]
    assert result.find("migrations_planned", head_revision="users", pending=["users"])
    assert told(await migrate(project, database, ORCHESTRATOR_TARGET=target)) == ["migrations_current"]


async def test_a_target_below_the_head_is_where_it_stops(project: Project, database: Database) -> None:
    """And a database that is further on already is left there: we never go back."""
    add_two(project)
    first = await migrate(project, database, ORCHESTRATOR_TARGET="r1")
    assert _applied(first) == ["r1"]
    assert stamped(database) == ["r1"]
    assert _applied(await migrate(project, database)) == ["r2"]
    last = await migrate(project, database, ORCHESTRATOR_TARGET="r1")
    assert last.exit_code == 0
    assert told(last) == ["migrations_current"]
    assert stamped(database) == ["r2"]


@pytest.mark.parametrize("target", ["nothing", "nothing@head", "r"])
async def test_an_unknown_target_is_refused(project: Project, database: Database, target: str) -> None:
    """As is one that stands for two revisions; the variable is named."""
    add_two(project)
    result = await migrate(project, database, ORCHESTRATOR_TARGET=target)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type="unknown_target")
    assert target.partition("@")[0] in failure["error_message"]
    assert "ORCHESTRATOR_TARGET" in failure["hint"]
    assert untouched(database)


async def test_revisions_may_live_in_several_places(project: Project, database: Database) -> None:
    """Alembic reads those, also at head."""
    project.add_revision("r1", CREATE.format("plants"))
    second = (project.path / "alembic" / "versions" / "r1.py").read_text()
    second = second.replace("'r1'", "'r2'").replace("= None\nbranch", "= 'r1'\nbranch").replace("plants", "trees")
    project.write("more/r2.py", second)
    ini = (project.path / "alembic.ini").read_text()
    places = "version_locations = %(here)s/alembic/versions:%(here)s/more"
    project.write("alembic.ini", ini.replace("prepend_sys_path = .\n", f"prepend_sys_path = .\n{places}\n"))
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert _applied(result) == ["r1", "r2"]
    assert tables(database) == ["plants", "trees"]
    assert told(await migrate(project, database)) == ["migrations_current"]

"""Scripts that were edited after they were applied: a database migrated from scratch gets another schema."""

import hashlib
from pathlib import Path

import pytest

from tests.acceptance.images import image
from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, migrate, told
from tests.acceptance.plain import alembic
from tests.acceptance.test_resuming import killed
from tests.harness import Project, Result
from tests.servers import Database, backends


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with two revisions."""
    return image(tmp_path, "v1", "r1 r2")


def _edit(project: Project, revision: str) -> tuple[str, str]:
    """Add a comment to a script, and return its hash before and after."""
    script = project.path / "alembic" / "versions" / f"{revision}.py"
    before = script.read_bytes()
    script.write_bytes(before + b"# a comment\n")
    return hashlib.sha256(before).hexdigest(), hashlib.sha256(script.read_bytes()).hexdigest()


def _changed(result: Result) -> list[str]:
    return [event["revision"] for event in result.find("checksum_changed", level="warning")]


async def test_an_edited_script_is_reported_at_head(project: Project, database: Database) -> None:
    """Once per start, with both hashes and the version that applied it; nothing besides changes."""
    await migrate(project, database, ORCHESTRATOR_VERSION="1.4.2")
    assert _changed(await migrate(project, database)) == []
    before, after = _edit(project, "r2")
    result = await migrate(project, database)
    (event,) = result.find("checksum_changed", revision="r2", applied_by="1.4.2", changed_count=1)
    assert (event["checksum_applied"], event["checksum_now"]) == (before, after)
    assert told(result) == ["migrations_current"]
    assert result.exit_code == 0


@backends("sqlite", "mariadb")
async def test_an_edited_script_is_reported_when_others_are_applied(project: Project, database: Database) -> None:
    """And when the database is ahead."""
    await migrate(project, database)
    _edit(project, "r1")
    newer = image(project.path.parent, "v2", "r1 r2 r3")
    _edit(newer, "r1")
    result = await migrate(newer, database)
    assert (_changed(result), result.exit_code) == (["r1"], 0)
    assert _changed(await migrate(project, database)) == ["r1"]


@backends("sqlite")
@pytest.mark.parametrize("line", ["recursive_version_locations = true", "sourceless = true"])
async def test_a_tree_that_alembic_reads_is_compared_too(project: Project, database: Database, line: str) -> None:
    """It is the same file."""
    ini = (project.path / "alembic.ini").read_text()
    project.write("alembic.ini", ini.replace("prepend_sys_path = .\n", f"prepend_sys_path = .\n{line}\n"))
    await migrate(project, database)
    assert _changed(await migrate(project, database)) == []
    _edit(project, "r2")
    assert _changed(await migrate(project, database)) == ["r2"]


@backends("sqlite")
async def test_a_version_table_of_its_own_is_not_a_hindrance(project: Project, database: Database) -> None:
    """The journal is read where env.py is run to look."""
    env = (project.path / "alembic/env.py").read_text()
    project.write("alembic/env.py", env.replace("connection=connection,", "connection=connection, version_table='v',"))
    await migrate(project, database)
    _edit(project, "r2")
    assert _changed(await migrate(project, database)) == ["r2"]


@backends("sqlite")
async def test_a_tree_that_was_reformatted_does_not_flood_the_log(tmp_path: Path, database: Database) -> None:
    """Twenty are named, and their number is reported."""
    project = image(tmp_path, "long", " ".join(f"s{number:02}" for number in range(25)))
    await migrate(project, database)
    for revision in project.revisions:
        _edit(project, revision)
    result = await migrate(project, database)
    assert _changed(result) == project.revisions[:20]
    assert {event["changed_count"] for event in result.find("checksum_changed")} == {25}


@backends("sqlite")
async def test_what_others_applied_or_took_back_is_not_compared(project: Project, database: Database) -> None:
    """The one has no hash; the other is applied in its current form."""
    await alembic(project, database, "upgrade", "r1")
    await migrate(project, database)
    await alembic(project, database, "downgrade", "r1")
    _edit(project, "r1")
    _edit(project, "r2")
    result = await migrate(project, database)
    assert (_changed(result), len(result.find("revision_applied"))) == ([], 1)
    assert _changed(await migrate(project, database)) == []


@backends("mariadb")
async def test_a_revision_that_was_mended_on_its_way_is_not_changed(tmp_path: Path, database: Database) -> None:
    """The script that finished it counts."""
    half = f"{CREATE.format('trees')}\n{WAIT_FOR_GO}"
    await killed(image(tmp_path, "v1", "r1", r1=half), database)
    mended = image(tmp_path, "v2", "r1", r1=f"{CREATE.format('trees')}\n{CREATE.format('ferns')}")
    assert (await migrate(mended, database)).find("revision_resumed")
    assert _changed(await migrate(mended, database)) == []

"""Unusable trees: exit 9, reported before any connection."""

from collections.abc import Callable

import pytest

from tests.acceptance.migrations import environment, migrate, stamped, tables, told, untouched
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

pytestmark = [backends("sqlite"), pytest.mark.usefixtures("two_revisions")]


def _gap(project: Project) -> None:
    project.add_revision("r4", down_revision="r3")


def _twice(project: Project) -> None:
    script = project.path / "alembic" / "versions" / "r2.py"
    script.with_name("r2_copy.py").write_text(script.read_text())


def _circle(project: Project) -> None:
    project.add_revision("r1", down_revision="r2")


def _no_base(project: Project) -> None:
    project.add_revision("self", down_revision="self")


def _syntax_error(project: Project) -> None:
    project.write("alembic/versions/r3.py", 'revision = "r3"\ndown_revision = "r2"\ndef upgrade(:\n')


def _binary(project: Project) -> None:
    (project.path / "alembic" / "versions" / "r3.py").write_bytes(b"revision = '\xff\x00'")


def _no_env(project: Project) -> None:
    (project.path / "alembic" / "env.py").unlink()


def _no_ini(project: Project) -> None:
    (project.path / "alembic.ini").unlink()


def _no_location(project: Project) -> None:
    project.write("alembic.ini", "[alembic]\n")


def _wrong_location(project: Project) -> None:
    project.write("alembic.ini", "[alembic]\nscript_location = elsewhere\n")


def _no_ini_syntax(project: Project) -> None:
    project.write("alembic.ini", "script_location = alembic\n")


@pytest.mark.parametrize(
    ("damage", "error_type", "words"),
    [
        (_gap, "broken_chain", ["r4", "r3"]),
        (_twice, "duplicate_revision", ["r2"]),
        (_circle, "broken_chain", ["r1", "r2", "circle"]),
        (_no_base, "broken_chain", ["self"]),
        (_syntax_error, "unreadable_script", ["r3.py"]),
        (_binary, "unreadable_script", ["r3.py"]),
        (_no_env, "unreadable_script", ["env.py"]),
        (_no_ini, "no_configuration", ["alembic.ini", "pyproject.toml"]),
        (_no_location, "no_configuration", ["script_location"]),
        (_wrong_location, "unreadable_script", ["elsewhere"]),
        (_no_ini_syntax, "no_configuration", ["section"]),
    ],
)
async def test_a_broken_tree_is_refused_before_the_database_is_touched(
    project: Project, database: Database, damage: Callable[[Project], None], error_type: str, words: list[str]
) -> None:
    """The image is at fault, and its maker wants to know which file; nothing was connected to."""
    damage(project)
    result = await migrate(project, database)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type=error_type)
    assert [word for word in words if word not in failure["error_message"]] == []
    assert result.find("startup_failed", exit_code=9, failed_state="waiting")
    assert not result.find("database_ready")
    assert untouched(database)
    assert (result.noise, result.stderr) == ([], "")


@pytest.mark.parametrize(
    "statement", ["raise LookupError('no vault')", "raise SystemExit(0)", "raise KeyboardInterrupt"]
)
async def test_a_script_that_cannot_be_run_is_found_out_before_the_first_is(
    project: Project, database: Database, statement: str
) -> None:
    """Alembic runs all scripts to load them: the good ones before the bad one must not be applied."""
    script = project.add_revision("r3")
    script.write_text(f"{script.read_text()}\n{statement}\n")
    result = await migrate(project, database)
    assert result.exit_code == 9
    (failure,) = result.find("migration_tree_invalid", error_type="unreadable_script")
    assert "exception" in failure
    assert not result.find("lock_acquired")
    assert database.tables() == []


async def test_a_start_at_head_does_not_run_the_scripts(project: Project, database: Database) -> None:
    """Their code and their exceptions cost nothing then."""
    await migrate(project, database)
    for revision in ("r1", "r2"):
        script = project.path / "alembic" / "versions" / f"{revision}.py"
        script.write_text(f"{script.read_text()}\nraise LookupError\n")
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert told(result) == ["migrations_current"]


async def test_a_server_with_a_broken_tree_never_serves(project: Project, database: Database) -> None:
    """Serving an app on a schema that it does not know is worse than not serving."""
    _gap(project)
    async with Orchestrator("serve", env=environment(database), cwd=project.path) as process:
        assert await process.exit_code() == 9
    assert not process.find("server_started")
    assert process.events[-1]["event"] == "startup_failed"


async def test_a_database_at_an_unknown_revision_is_left_alone(project: Project, database: Database) -> None:
    """A rolled-back image must not guess what a newer one has done."""
    await migrate(project, database)
    database.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    project.add_revision("r3", "op.execute('DROP TABLE plants')")
    result = await migrate(project, database)
    assert result.exit_code == 10
    (failure,) = result.find("database_ahead", lineage="unknown", current_revision="from_the_future")
    assert failure["head_revision"] == "r3"
    assert told(result) == ["database_ahead", "startup_failed"]
    assert stamped(database) == ["from_the_future"]
    assert tables(database) == ["plants"]

"""`orchestrator plan`: what the next migration would execute, and what that does to the tables; nothing is changed."""

import asyncio
import json
from typing import Any

import jsonschema
import pytest

from orchestrator.command_line.cli import main
from orchestrator.runtime.stop import Stop
from tests.acceptance.contexts import multidb
from tests.acceptance.migrations import CREATE, INSERT, migrate, stamped, untouched
from tests.harness import Project
from tests.servers import Database, backends

READS = "for row in op.get_bind().execute(sa.text('SELECT id FROM plants')):\n    op.execute(f'-- {row}')"


@pytest.fixture(autouse=True)
def at_the_project(project: Project, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the project's directory, with its database."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("DATABASE_URL", database.url)


def _plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["plan", *arguments], Stop()) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def _json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    answer = json.loads(_plan(capsys, "--json"))
    jsonschema.validate(answer, json.loads(_plan(capsys, "--schema")))
    databases: list[dict[str, Any]] = answer["databases"]
    return databases


def test_it_shows_what_is_pending_and_changes_nothing(
    project: Project, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """From an empty database, in the middle, and at head; a revision that reads cannot be shown completely."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", f"op.add_column('plants', sa.Column('tag', sa.String(9)))\n{READS}", description="Tag")
    (empty,) = _json(capsys)
    assert [each["revision"] for each in empty["pending"]] == ["r1", "r2"]
    assert untouched(database) if database.backend == "sqlite" else database.tables() == []
    asyncio.run(migrate(project, database, ORCHESTRATOR_TARGET="r1"))
    (behind,) = _json(capsys)
    (tagging,) = behind["pending"]
    added, *_ = tagging["statements"]
    assert (added["sql"], added["operation"]) == ("ALTER TABLE plants ADD COLUMN tag VARCHAR(9)", "add_column")
    assert added["table"]["exists"]
    assert not tagging["offline"]
    assert "reads the database" in tagging["problem"]
    assert stamped(database) == ["r1"]
    asyncio.run(migrate(project, database))
    assert "nothing is pending" in _plan(capsys)


@backends("mysql", "mariadb", "postgresql")
def test_it_shows_size_and_work(project: Project, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """An hour of blocked writes on a table of millions is what one wants to know before."""
    project.add_revision("r1", CREATE.format("plants"))
    for number in range(3):
        project.add_revision(f"i{number}", INSERT.format(number + 1, "rose"))
    asyncio.run(migrate(project, database))
    changed = "op.alter_column('plants', 'name', type_=sa.Text(), existing_type=sa.String(50))"
    project.add_revision("r2", f"{CREATE.format('pots')}\nop.create_index('i', 'pots', ['name'])\n{changed}")
    database.execute("ANALYZE plants" if database.backend == "postgresql" else "ANALYZE TABLE plants")
    (found,) = _json(capsys)
    *_, index, retyped = found["pending"][0]["statements"]
    assert (index["table"]["name"], index["table"]["exists"], index["work"]) == ("pots", False, None)
    assert (retyped["table"]["rows"], retyped["table"]["bytes"] > 0) == (3, True)
    expected = ("rewrite", "reads and writes") if database.backend == "postgresql" else ("copy", "writes")
    assert (retyped["work"]["algorithm"], retyped["work"]["blocks"]) == expected
    assert "every row is written again" in _plan(capsys)


def test_a_table_that_exists_already_is_named(
    project: Project, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made by `create_all` or by hand: the revision would fail. A table that the plan drops before is made anew."""
    for table in ("pots", "plants"):
        database.execute(f"CREATE TABLE {table} (id INTEGER)")
    project.add_revision("r1", f"op.drop_table('pots')\n{CREATE.format('pots')}\n{CREATE.format('plants')}")
    text = _plan(capsys)
    assert text.count("exists already") == text.count("plants exists already: this statement will fail") == 1


def test_its_sql_is_what_the_migration_does(
    project: Project, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody who must run it by hand gets the dialect of the server."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", INSERT.format(1, "rose"))
    script = "\n".join(line for line in _plan(capsys, "--sql").splitlines() if not line.startswith("--"))
    for statement in filter(str.strip, script.split(";")):
        database.execute(statement)
    assert database.execute("SELECT name FROM plants") == [("rose",)]


@backends("mysql")
def test_an_interrupted_revision_is_named(
    project: Project, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of its SQL is done already."""
    project.add_revision("r1", f"{CREATE.format('plants')}\nop.execute('ALTER TABLE nothing ADD x INT')")
    asyncio.run(migrate(project, database))
    (found,) = _json(capsys)
    assert [each.partition(",")[0] for each in found["notes"]] == ["r1 was interrupted"]


@backends("mysql")
def test_each_database_has_a_plan(
    project: Project,
    database: Database,
    other: Database,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`upgrade(engine_name)` of Alembic's template for several databases gets what env.py passes."""
    two = multidb(project.path.parent / "two", database, other)
    monkeypatch.chdir(two.path)
    found = {each["context"]: each["pending"][0]["statements"] for each in _json(capsys)}
    assert {name: each[0]["sql"].split()[2] for name, each in found.items()} == {"engine1": "one", "engine2": "two"}

"""The suite itself: its random choices can be repeated, and it detects what it looks for."""

from pathlib import Path

import pytest

from tests.faults import reference
from tests.faults.faults import EVERYWHERE
from tests.faults.generator import draw_plan, make_tree
from tests.faults.invariants import check_start
from tests.faults.scenario import Scenario
from tests.faults.snapshot import differences, snapshot
from tests.harness import Output, make_project
from tests.servers import Database


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_a_seed_repeats_the_whole_run(backend: str) -> None:
    """What failed once can be played again; the next seed is another one."""
    one, again, other = (str(Scenario.drawn(seed, backend)) for seed in ("7", "7", "8"))
    assert one == again != other


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.paired("seed")
def test_an_undisturbed_tree_reports_each_step_once(database: Database, tmp_path: Path, seed: int) -> None:
    """Whatever habits it is made of, on every database."""
    project, name = make_project(tmp_path / "project"), database.backend
    tree = make_tree(str(seed), name, draw_plan(str(seed), name))
    tree.write(project)
    *_, head = reference.upgrade(project, database).values()
    steps = sum("ledger" in mark for mark in tree.marks)
    assert sorted(row["step"] for row in head["ledger"]) == list(range(1, steps + 1))


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO plants SELECT * FROM plants",
        "UPDATE plants SET name = 'oak'",
        "ALTER TABLE plants ADD COLUMN n INTEGER",
        "CREATE INDEX ix ON plants (name)",
        "CREATE VIEW trees AS SELECT name FROM plants",
        "DROP TABLE plants",
    ],
)
@pytest.mark.paired("change")
def test_every_difference_is_seen(database: Database, change: str) -> None:
    """In rows and in definitions."""
    database.execute("CREATE TABLE plants (name VARCHAR(20))")
    database.execute("INSERT INTO plants VALUES ('rose')")
    before = snapshot(database)
    assert differences(before, snapshot(database)) == []
    database.execute(change)
    assert differences(before, snapshot(database))
    assert differences(snapshot(database), before)


def test_keys_that_the_database_gives_are_compared_by_rank(database: Database) -> None:
    """A rollback leaves a gap, which does not count as a difference; a child with another parent does."""
    database.execute("CREATE TABLE parents (id INTEGER, name VARCHAR(20))")
    database.execute("CREATE TABLE children (id INTEGER, parents_id INTEGER)")
    found = []
    for parents, children in (("(1, 'oak'), (2, 'elm')", "(1, 2)"), ("(1, 'oak'), (9, 'elm')", "(4, 9)")):
        for table, rows in (("parents", parents), ("children", children)):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            database.execute(f"INSERT INTO {table} VALUES {rows}")  # noqa: S608 - our own names
        found.append(snapshot(database))
    assert differences(*found) == []
    database.execute("UPDATE children SET parents_id = 1")
    assert differences(found[0], snapshot(database))


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", '{"event": "process_stopped"}', "1"])
def test_a_line_that_is_not_an_event_is_found(line: str) -> None:
    """Only events may be on stdout."""
    output = Output()
    output.hear(line)
    with pytest.raises(AssertionError):
        check_start(output, 0)

"""How far a reader has to follow a setting, and one statement of a revision, through the code."""

from pathlib import Path

from benchmarks.paths import length_of, setting, traced
from tests.harness import make_project
from tests.integration.interrupted import start
from tests.servers import Database, backends

MOST_FILES, MOST_MOVES = 13, 44
FOLLOWED = """
from benchmarks.paths import length_of, traced
for name in ("first", "second"):  # what is made at its first use does not count; the second one looks at the first
    op.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
with traced() as seen:
    op.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY)")
op.execute("CREATE TABLE length (files INTEGER, moves INTEGER)")
op.execute("INSERT INTO length VALUES (%d, %d)" % length_of(seen))
"""


@backends("mariadb")
def test_a_definition_passes_through_few_files(database: Database, tmp_path: Path) -> None:
    """A new contributor reads it in one sitting: it passed through 23 files, with 104 moves between them."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", FOLLOWED)
    again = start(project, database)
    assert (again.ended, again.reason) == ("finished", "")
    ((files, moves),) = database.execute("SELECT files, moves FROM length")
    assert 0 < files <= MOST_FILES
    assert 0 < moves <= MOST_MOVES


def test_a_setting_passes_through_few_files() -> None:
    """The address is parsed once and flows on as a value: it passed through 19 files, with 262 moves between them."""
    setting()  # imports do not count
    with traced() as seen:
        setting()
    files, moves = length_of(seen)
    assert 0 < files <= 17
    assert 0 < moves <= 75

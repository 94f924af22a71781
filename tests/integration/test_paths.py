"""How far a reader has to follow one statement of a revision through the code."""

from pathlib import Path

from tests.harness import make_project
from tests.integration.interrupted import start
from tests.servers import Database, backends

MOST_FILES, MOST_MOVES = 10, 30
FOLLOWED = """
from benchmarks.paths import length_of, traced
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

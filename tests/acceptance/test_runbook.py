"""The runbook's repair of a half applied revision, done as it is written there."""

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, NullPool

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go, migrate, stamped
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, Result, make_project, run
from tests.servers import Database, backends

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```sql\n-- (\w+)\n(.*?)```", RUNBOOK, re.DOTALL))
(SCRIPT,) = re.findall(r"```python\n(.*?)```", RUNBOOK, re.DOTALL)
(BEFORE, AFTER) = ("8c1d2e3f4a5b", "9d2e3f4a5b6c")

pytestmark = backends("mariadb", "mysql")


class Repair:
    """A session of a person who works through the runbook."""

    def __init__(self, connection: Connection, lock_name: str) -> None:
        self._connection, self._lock_name = connection, lock_name

    def do(self, block: str) -> list[list[tuple[Any, ...]]]:
        """Run the statements of a block, with the lock's true name; returns the rows of each."""
        statements = BLOCKS[block].replace("orchestrator:plants", self._lock_name).split(";\n")
        found = []
        for statement in filter(str.strip, statements):
            result = self._connection.exec_driver_sql(statement)
            found.append([tuple(row) for row in result] if result.returns_rows else [])
        return found


@contextlib.contextmanager
def _repair(database: Database, lock_name: str) -> Iterator[Repair]:
    engine = sqlalchemy.create_engine(database.synchronous_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield Repair(connection, lock_name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return the runbook's project, whose revision waits before its last statement."""
    project = make_project(tmp_path / "project")
    project.add_revision(BEFORE, CREATE.format("plants"))
    *statements, last = SCRIPT.partition("def upgrade():\n")[2].replace("    op.", "op.").strip().split("\n")
    upgrade = "\n".join(["import uuid", *statements, WAIT_FOR_GO, last])
    project.add_revision(AFTER, upgrade)
    return project


async def _half_applied(project: Project, database: Database) -> str:
    """Have it killed at the runbook's example, and refused; return the lock's name."""
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        await process.exit_code()
    go(project)
    result = await _refused(project, database)
    (acquired,) = result.find("lock_acquired")
    return str(acquired["lock_name"])


async def _refused(project: Project, database: Database) -> Result:
    result = await migrate(project, database)
    failed = failure(result, "migration_half_applied", 8)
    assert failed["error_type"] == "not_resumable"
    assert failed["error_message"].partition(":")[0] in RUNBOOK
    assert failed["left"][-1] in SCRIPT
    assert [each.split()[:3] for each in failed["applied"]] == [
        ["CREATE", "TABLE", "pots"],
        ["INSERT", "INTO", "pots"],
        ["CREATE", "TABLE", "shelves"],
    ]
    return result


@pytest.mark.parametrize("way", ["finish", "undo"])
@pytest.mark.paired("database")
async def test_a_repair_by_hand_is_done_as_it_is_written(database: Database, project: Project, way: str) -> None:
    """Under the lock, so that a start in between waits; then it continues by itself."""
    lock_name = await _half_applied(project, database)
    with _repair(database, lock_name) as repair:
        assert repair.do("lock") == [[(1,)]]
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("lock_waiting")
            heads, open_rows, statements, *there = repair.do("look")
            assert heads == [(BEFORE,)]
            assert [row[0] for row in open_rows] == [AFTER]
            assert [row[1] for row in statements][1:] == ["definition", "write", "definition"]
            assert [len(each) for each in there] == [1, 1, 0]
            repair.do(way)
            assert repair.do("unlock") == [[(1,)]]
            done = await process.event("migrations_completed")
            assert await process.exit_code() == 0
    assert done["applied_count"] == (0 if way == "finish" else 1)
    assert stamped(database) == [AFTER]
    assert database.execute("SELECT count(*) FROM pots") == [(1,)]
    assert database.execute("SELECT count(*) FROM orchestrator_journal WHERE finished_at IS NULL") == [(0,)]
    assert (await migrate(project, database)).find("migrations_current")


async def test_an_older_image_may_serve_what_was_finished_by_hand(
    database: Database, project: Project, tmp_path: Path
) -> None:
    """The stamp counts, although the journal's row is still open."""
    lock_name = await _half_applied(project, database)
    with _repair(database, lock_name) as repair:
        repair.do("finish")
    older = make_project(tmp_path / "older")
    older.add_revision(BEFORE, CREATE.format("plants"))
    result = await run("migrate", env=environment(database), cwd=older.path)
    assert result.exit_code == 0, result.story()
    assert result.find("database_ahead", lineage="proven")

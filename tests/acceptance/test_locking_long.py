"""A migration that takes longer than the budget of those who wait for it: its deployment must not be rolled back."""

import pytest

from tests.acceptance.migrations import CREATE, environment, go, locks, migrate, stamped
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project
from tests.servers import Database

IMPATIENT = {"ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "3", "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.5"}
LONG = {
    "postgresql": "op.execute('SELECT pg_sleep(6)')",
    "mysql": "op.execute('DO SLEEP(6)')",
    "mariadb": "op.execute('DO SLEEP(6)')",
    "sqlite": """op.get_bind().execute(sa.text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000000) SELECT count(*) FROM n"
))""",
}
MANY = """
for number in range(1, 61):
    op.execute(f"INSERT INTO plants VALUES ({number}, 'rose')")
    time.sleep(0.1)
"""
BUSY_UNTIL_GO = """
import pathlib, time
print("waiting for go")
while not pathlib.Path("go").exists():
    op.execute("SELECT 1")
    time.sleep(0.05)
"""


@pytest.mark.parametrize("how", ["long", "many"])
async def test_a_holder_that_gets_on_is_waited_for(project: Project, database: Database, how: str) -> None:
    """With one statement, or with many short ones that are never seen running."""
    work = LONG[database.backend] if how == "long" else MANY
    project.add_revision("r1", f"{BUSY_UNTIL_GO}\n{CREATE.format('plants')}\n{work}")
    patient, impatient = environment(database), environment(database, **IMPATIENT)
    async with Orchestrator("migrate", env=patient, cwd=project.path) as first:
        await first.event("log", message="waiting for go")
        async with Orchestrator("migrate", env=impatient, cwd=project.path) as second:
            await second.event("lock_waiting")
            go(project)
            assert await first.exit_code() == 0
            assert await second.exit_code() == 0, second.story()
    (acquired,) = second.find("lock_acquired")
    assert acquired["waited_seconds"] > float(IMPATIENT["ORCHESTRATOR_LOCK_TIMEOUT_SECONDS"])
    assert all(event["holder_progressing"] for event in second.find("lock_waiting"))
    assert stamped(database) == ["r1"]


async def test_an_idle_holder_is_given_up_and_said_to_be_idle(project: Project, database: Database) -> None:
    """It hangs in Python, or a person took the lock by hand and left."""
    project.add_revision("r1", CREATE.format("plants"))
    with locks(database) as lock:
        assert lock.try_acquire()
        result = await migrate(project, database, **{**IMPATIENT, "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "1.5"})
    failed = failure(result, "lock_timeout", exit_code=6)
    assert "has run no statement for" in failed["error_message"]
    assert failed["holder_progressing"] is False


async def test_the_absolute_limit_holds_for_a_holder_that_gets_on(project: Project, database: Database) -> None:
    """For those who would rather hear of it."""
    project.add_revision("r1", BUSY_UNTIL_GO)
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as first:
        await first.event("log", message="waiting for go")
        second = await migrate(project, database, ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS="1.5")
        go(project)
        assert await first.exit_code() == 0
    failed = failure(second, "lock_timeout", exit_code=6)
    assert "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS" in failed["error_message"]
    assert failed["holder_progressing"] is True

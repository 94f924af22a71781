"""With every driver that an env.py may use: progress, a kill in the middle of a revision, and the resume after it."""

import signal
import textwrap
from pathlib import Path

import pytest

from orchestrator.address.drivers import ASYNCHRONOUS
from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, environment, go, stamped
from tests.clients import transaction
from tests.harness import Orchestrator, Project, make_project, run
from tests.integration.drivers import url_for
from tests.servers import Database

SLOW = {
    "postgresql": "op.execute('SELECT pg_sleep(1.5)')",
    "mariadb": "op.execute('DO SLEEP(1.5)')",
    "sqlite": """op.get_bind().execute(sa.text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000000) SELECT count(*) FROM n"
))""",
}
BUSY = {"ORCHESTRATOR_HEARTBEAT_SECONDS": "0.3"}


@pytest.fixture
def project(driver: str, its_database: Database, tmp_path: Path) -> Project:
    """Return a project whose env.py uses the driver, and a revision that stops half way."""
    project = make_project(tmp_path / "project", "async" if driver in ASYNCHRONOUS else "generic")
    env = project.path / "alembic" / "env.py"
    url = url_for(driver, its_database.url).replace("%", "%%")
    begin = "config = context.config\n"
    assert begin in env.read_text()
    env.write_text(env.read_text().replace(begin, f"{begin}config.set_main_option('sqlalchemy.url', {url!r})\n"))
    project.add_revision("r1", f"{CREATE.format('plants')}\n{SLOW[its_database.backend]}")
    body = f"{CREATE.format('trees')}\n{WAIT_FOR_GO}\n{CREATE.format('herbs')}"
    if its_database.backend == "postgresql":  # as the template of advanced-alchemy has it: nothing is rolled back
        body = f"with op.get_context().autocommit_block():\n{textwrap.indent(body, '    ')}"
    project.add_revision("r2", body)
    project.add_revision("r3", INSERT.format(1, "rose"))
    return project


async def test_a_killed_revision_is_finished_by_the_next_start(project: Project, its_database: Database) -> None:
    """Nothing is done twice, and nothing is left out."""
    env = environment(its_database, **BUSY)
    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        await process.event("revision_progress", revision="r1")
        await process.event("log", message="waiting for go")
        process.signal(signal.SIGKILL)
        assert await process.exit_code() == -signal.SIGKILL
    go(project)
    result = await run("migrate", env=env, cwd=project.path)
    assert result.exit_code == 0, result.story()
    assert len(result.find("revision_resumed", revision="r2")) == (its_database.backend != "sqlite")
    assert [event["revision"] for event in result.find("revision_applied")] == ["r2", "r3"]
    assert {"plants", "trees", "herbs"} <= set(its_database.tables())
    assert its_database.execute("SELECT id, name FROM plants") == [(1, "rose")]
    assert stamped(its_database) == ["r3"]


async def test_a_held_table_is_waited_for(its_database: Database, project: Project) -> None:
    """Each driver has its own error for a lock that was not free, and its own word for autocommit."""
    if its_database.backend == "sqlite":
        pytest.skip("it has one lock for all tables, and both drivers are one")
    go(project)
    assert (await run("migrate", env=environment(its_database), cwd=project.path)).exit_code == 0
    project.add_revision("r4", f"{INSERT.format(2, 'oak')}\nop.add_column('plants', sa.Column('height', sa.Integer))")
    env = environment(its_database, ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="0.3")

    async with Orchestrator("migrate", env=env, cwd=project.path) as process:
        with transaction(its_database, "SELECT * FROM plants"):
            await process.event("revision_retry_scheduled", attempt=2)
        assert await process.exit_code() == 0, process.story()
    assert its_database.execute("SELECT count(*) FROM plants WHERE height IS NULL") == [(2,)]

"""Many replicas that start at once: one migrates, all serve, and nothing is done twice."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.migrations import environment, stamped
from tests.harness import Orchestrator, Project, make_project, together
from tests.servers import Database, backends
from tests.servers.ports import listen_somewhere

REPLICAS = 16
REVISIONS = ["r1", "r2", "r3", "r4"]
ROW = "op.execute(\"INSERT INTO applied VALUES ('{}')\")"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose revisions leave a row each time that they are applied."""
    project = make_project(tmp_path / "project")
    table = "op.create_table('applied', sa.Column('revision', sa.String(20)))"
    for revision in REVISIONS:
        insert = ROW.format(revision)
        project.add_revision(revision, f"{table}\n{insert}" if revision == "r1" else insert)
    return project


@contextlib.asynccontextmanager
async def _replicas(project: Project, database: Database) -> AsyncIterator[list[Orchestrator]]:
    """Start them all at once, and return them when each of them serves."""
    async with contextlib.AsyncExitStack() as stack:
        processes = [
            Orchestrator("serve", env=environment(database, PORT=port), cwd=project.path) for port in _different_ports()
        ]
        await together(*(stack.enter_async_context(process) for process in processes))
        await together(*(process.event("server_started", within=120) for process in processes))
        yield processes


def _different_ports() -> list[str]:
    """Return a port for each: of so many that are asked for one by one, two would now and then be the same."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listen_somewhere()) for _ in range(REPLICAS)]
        return [str(listener.getsockname()[1]) for listener in listeners]


@backends("sqlite", "mariadb", "postgresql")
async def test_every_revision_is_applied_once_and_every_replica_serves(project: Project, database: Database) -> None:
    """Without a lock one of them serves and the others die, or the last stamp is lost for good."""
    async with _replicas(project, database) as processes:
        codes = await together(*(process.stop(within=60) for process in processes))
    assert codes == [0] * REPLICAS
    assert sorted(database.execute("SELECT revision FROM applied")) == [(revision,) for revision in REVISIONS]
    assert stamped(database) == ["r4"]
    applied = [event["revision"] for process in processes for event in process.find("revision_applied")]
    assert sorted(applied) == REVISIONS
    counts = [event["applied_count"] for process in processes for event in process.find("migrations_completed")]
    assert sum(counts) == len(REVISIONS)
    took = [process for process in processes if process.find("lock_acquired")]
    assert [process for process in took if not process.find("lock_released")] == []
    assert [(process.noise, process.stderr) for process in processes] == [([], "")] * REPLICAS


@backends("postgresql")
async def test_at_head_no_replica_takes_the_lock(project: Project, database: Database) -> None:
    """So that a scale-out is as quick for the sixteenth replica as for the first."""
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as first:
        assert await first.exit_code() == 0
    async with _replicas(project, database) as processes:
        pass
    assert [len(process.find("migrations_current", current_revision="r4")) for process in processes] == [1] * REPLICAS
    assert not [process for process in processes if process.find("lock_acquired") or process.find("lock_waiting")]

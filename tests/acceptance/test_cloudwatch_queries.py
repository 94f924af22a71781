"""Each saved query, run on the lines of real starts, gives the rows that a person on call expects.

CloudWatch itself is not used: `tests/cloudwatch/insights_run.py` evaluates the commands as documented.
"""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from orchestrator.cloudwatch.queries import (
    FAILED_STARTS,
    LAST_STARTS,
    RETRIES,
    SLOWEST_REVISIONS,
    STARTS_BY_VERSION,
    WAITED_FOR,
    Query,
)
from tests.acceptance.migrations import add_two, environment, locks, migrate
from tests.clients import transaction
from tests.cloudwatch.insights_run import Row, Run, rows_of
from tests.harness import Orchestrator, Output, Project, make_project, run
from tests.servers import HOST, Database, Server, backends, free_port

FAIL = "op.execute('INSERT INTO no_such_table VALUES (1)')"


class Group:
    """A log group: a stream for each task."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.boots: list[str] = []

    def add(self, output: Output) -> None:
        """Add the lines of a start."""
        self.rows += rows_of(output.lines, f"shop/app/task-{len(self.boots)}")
        self.boots.append(output.events[0]["boot_id"])

    def ask(self, query: Query, minutes_later: float = 0) -> list[Row]:
        """Run a query so long after the last line."""
        last = max(row["@timestamp"] for row in self.rows)
        return Run(query.text, last / 1000 + minutes_later * 60).on(self.rows)


def _of(rows: list[Row], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(row.get(field) for field in fields) for row in rows]


async def _served(project: Project, env: Mapping[str, str]) -> Output:
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    return process


async def _killed_while_it_waits(project: Project, database: Database, env: Mapping[str, str]) -> Output:
    with locks(database) as lock:
        assert lock.try_acquire()
        async with Orchestrator(
            "migrate", env={**env, "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2"}, cwd=project.path
        ) as it:
            first = await it.event("lock_waiting")
            await it.event("lock_waiting", after=it.events.index(first) + 1)
            it.signal(signal.SIGKILL)
            await it.exit_code()
    return it


@backends("sqlite")
async def test_the_queries_answer_the_questions_of_a_person_on_call(tmp_path: Path, database: Database) -> None:
    """Two healthy replicas of one version; of the next version a wrong setting, a failed revision, and a killed one."""
    project = make_project(tmp_path / "project")
    add_two(project)
    group = Group()
    healthy = environment(database, ORCHESTRATOR_SERVICE="shop", ORCHESTRATOR_VERSION="v1")
    newer = healthy | {"ORCHESTRATOR_VERSION": "v2"}
    replicas = await asyncio.gather(_served(project, healthy), _served(project, healthy))
    for each in sorted(replicas, key=lambda output: str(output.events[0]["boot_id"])):
        group.add(each)
    group.add(await run("serve", env=newer | {"PORT": "none"}, cwd=project.path))
    project.add_revision("r3", FAIL)
    group.add(await run("migrate", env=newer, cwd=project.path))
    group.add(await _killed_while_it_waits(project, database, newer))

    fields = ("service", "version", "starts", "served", "failed", "killed")
    expected = [("shop", "v2", 3, 0, 2, 1), ("shop", "v1", 2, 2, 0, 0)]
    assert _of(group.ask(STARTS_BY_VERSION, minutes_later=5), *fields) == expected
    assert _of(group.ask(STARTS_BY_VERSION), *fields)[0] == ("shop", "v2", 3, 0, 2, 0), "it may still be going on"

    failed = group.ask(FAILED_STARTS)
    assert _of(failed, "exit_code", "boot_id") == [(7, group.boots[3]), (78, group.boots[2])]
    assert all(row["hint"] and row["error_message"] for row in failed)

    timeline = group.ask(LAST_STARTS)
    assert list(dict.fromkeys(row["boot_id"] for row in timeline)) == group.boots[::-1], "newest first"
    assert list(dict.fromkeys(row["task"] for row in timeline)) == [f"task-{n}" for n in range(4, -1, -1)]
    for boot in group.boots:
        times = [row["elapsed_seconds"] for row in timeline if row["boot_id"] == boot]
        assert times == sorted(times, reverse=True)
    assert [row["event"] for row in timeline if row["boot_id"] == group.boots[4]].count("lock_waiting") == 1

    slowest = group.ask(SLOWEST_REVISIONS)
    assert {(row["revision"], row["times"]) for row in slowest} == {("r1", 1), ("r2", 1)}
    assert slowest[0]["slowest_seconds"] >= slowest[1]["slowest_seconds"]

    waits = {row["boot_id"]: row for row in group.ask(WAITED_FOR)}
    assert len(waits) == len(group.ask(WAITED_FOR)), "one row for each that waited; a replica may be one"
    waited = waits[group.boots[4]]
    assert (waited["times"] >= 2, waited["lock_seconds"] > 0, bool(waited["wanted"])) == (True, True, True)
    assert group.ask(RETRIES) == []


@backends("postgresql", "mariadb")
async def test_a_blocker_is_one_row_for_any_duration(tmp_path: Path, database: Database, server: Server) -> None:
    """Its state and its seconds change from look to look; who it is does not."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer, primary_key=True))")
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r2", "op.add_column('plants', sa.Column('age', sa.Integer))")
    if database.backend == "mariadb":
        server.execute(f"GRANT PROCESS ON *.* TO {make_url(database.url).username}")
    settings = environment(database, ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS="1", ORCHESTRATOR_HEARTBEAT_SECONDS="0.3")
    group = Group()
    async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
        with transaction(database, "SELECT count(*) FROM plants") as holder:
            await process.event("revision_retry_scheduled", attempt=2)
        assert await process.exit_code() == 0
    group.add(process)
    (waited,) = group.ask(WAITED_FOR)
    assert f" {holder} of " in waited["waited_for"]
    assert (waited["wanted"], waited["times"] >= 3, waited["table_seconds"] > 0) == ("r2", True, True)
    (retried,) = group.ask(RETRIES)
    assert (retried["event"], retried["retries"] >= 2, retried["starts"]) == ("revision_retry_scheduled", True, 1)
    assert retried["cause"] == waited["waited_for"]


async def test_retries_of_the_database_are_one_row_for_each_cause(tmp_path: Path) -> None:
    """With how many starts met it."""
    url = f"postgresql+asyncpg://app:x@{HOST}:{free_port()}/app"
    group = Group()
    group.add(await run("wait", env={"DATABASE_URL": url, "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "2"}, cwd=tmp_path))
    (row,) = group.ask(RETRIES)
    assert (row["event"], row["cause"], row["starts"]) == ("database_retry_scheduled", "refused", 1)


@pytest.mark.parametrize(
    "query", [LAST_STARTS, FAILED_STARTS, SLOWEST_REVISIONS, WAITED_FOR, RETRIES, STARTS_BY_VERSION]
)
def test_a_query_ignores_foreign_lines(query: Query) -> None:
    """The app's own lines, and text."""
    rows = rows_of(['{"event": "startup_failed of the app"}', "Traceback (most recent call last):", "{}"], "shop/app/1")
    assert Run(query.text, 0).on(rows) == []

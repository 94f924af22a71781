"""The migration lock between processes: a waiting one names the holder, and the lock ends with the work, not before."""

import asyncio
import os
import re
import signal

import pytest

from tests.acceptance.migrations import (
    INSERT,
    WAIT_FOR_GO,
    environment,
    go,
    locks,
    migrate,
    stamped,
    told,
    transaction,
)
from tests.harness import PROMPT_SECONDS, Orchestrator, Project
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("two_revisions")

IMPATIENT = {"ORCHESTRATOR_HEARTBEAT_SECONDS": "0.2"}
PATIENT = {"ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "120"}


async def test_a_waiting_replica_names_the_holder_and_continues(project: Project, database: Database) -> None:
    """At once, then once a heartbeat; and it migrates as soon as it may."""
    with locks(database) as lock:
        assert lock.try_acquire()
        identity = lock.connection_id() or os.getpid()
        async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as process:
            first = await process.event("lock_waiting")
            second = await process.event("lock_waiting", after=process.events.index(first) + 1)
            lock.release()
            acquired = await process.event("lock_acquired")
            assert await process.exit_code() == 0
    assert first["lock_name"] == second["lock_name"] == acquired["lock_name"] == lock.name
    assert re.search(rf"\b{identity}\b", first["holder"])
    assert first["holder_seconds"] >= 0
    assert 0 < first["waited_seconds"] < second["waited_seconds"] <= acquired["waited_seconds"]
    assert stamped(database) == ["r2"]


async def test_the_wait_has_an_end(project: Project, database: Database) -> None:
    """A migration that hangs must not hold up every deployment after it in silence."""
    budget = {"ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "0.5"}
    with locks(database) as lock:
        assert lock.try_acquire()
        identity = lock.connection_id() or os.getpid()
        result = await migrate(project, database, **budget)
        assert result.exit_code == 6
        (failure,) = result.find("lock_timeout", lock_name=lock.name)
        assert re.search(rf"\b{identity}\b", failure["holder"])
        assert failure["waited_seconds"] >= 0.5
        assert told(result)[-1] == "startup_failed"
        assert stamped(database) == []
    assert (await migrate(project, database, **budget)).exit_code == 0


async def test_a_stop_ends_the_wait(project: Project, database: Database) -> None:
    """It has done nothing, so this is not a failure; and it does not wait for the shutdown budget."""
    with locks(database) as lock:
        assert lock.try_acquire()
        async with Orchestrator("serve", env=environment(database), cwd=project.path) as process:
            await process.event("lock_waiting")
            process.signal(signal.SIGTERM)
            assert await process.exit_code(within=PROMPT_SECONDS) == 0
        assert not process.find("lock_acquired")
        assert process.events[-1]["event"] == "process_stopped"


async def test_what_another_did_meanwhile_is_not_done_again(project: Project, database: Database) -> None:
    """Who waited looks again: what it planned is done."""
    project.add_revision("r3", WAIT_FOR_GO)
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as first:
        await first.event("log", message="waiting for go")
        async with Orchestrator("migrate", env=environment(database, **IMPATIENT), cwd=project.path) as second:
            await second.event("lock_waiting")
            go(project)
            assert await first.exit_code() == 0
            assert await second.exit_code() == 0
    assert second.find("migrations_planned")
    assert not second.find("revision_started")
    assert second.find("migrations_completed", applied_count=0, current_revision="r3")


@backends("postgresql", "mysql")
async def test_the_holder_is_known_by_its_boot(project: Project, database: Database) -> None:
    """Every line of the holder's log has its boot_id. MariaDB shows it only with performance_schema on."""
    project.add_revision("r3", WAIT_FOR_GO)
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as first:
        await first.event("log", message="waiting for go")
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as second:
            waiting = await second.event("lock_waiting")
    assert f"(orchestrator boot {first.events[0]['boot_id']})" in waiting["holder"]
    assert "gone" not in waiting["holder"]


@backends("mariadb", "postgresql", "mysql")
async def test_two_databases_on_one_server_do_not_share_a_lock(
    project: Project, database: Database, server: Server
) -> None:
    """The lock belongs to the server, so its name must identify the database."""
    other = server.create_database()
    try:
        with locks(other) as lock:
            assert lock.try_acquire()
            result = await migrate(project, database)
    finally:
        server.drop_database(other)
    assert result.exit_code == 0
    assert not result.find("lock_waiting")


@backends("sqlite")
async def test_the_lock_of_a_killed_process_is_free(project: Project, database: Database) -> None:
    """Its statements died with it; its file is not a lock, and its transaction is rolled back."""
    project.add_revision("r3", f"{INSERT.format(3, 'elm')}\n{WAIT_FOR_GO}")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as first:
        await first.event("log", message="waiting for go")
        first.signal(signal.SIGKILL)
        assert await first.exit_code() == -signal.SIGKILL
    go(project)
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert [event["revision"] for event in result.find("revision_applied")] == ["r3"]
    assert database.execute("SELECT id FROM plants") == [(1,), (3,)]


async def _wait_behind(process: Orchestrator, words: str) -> str:
    """Return who holds the lock, once it runs a statement with these words."""
    seen = 0
    while True:
        waiting = await process.event("lock_waiting", after=seen)
        if words in waiting["holder_statement"]:
            return str(waiting["holder"])
        seen = process.events.index(waiting) + 1


@backends("mariadb", "mysql")
async def test_the_statement_of_a_killed_process_keeps_the_lock(project: Project, database: Database) -> None:
    """MySQL continues it. A new holder of the lock would work next to it; so nothing is done twice."""
    await migrate(project, database)
    project.add_revision("r3", "op.execute(\"UPDATE plants SET name = CONCAT(name, '!')\")")
    settings = environment(database, **IMPATIENT, **PATIENT)
    async with (
        Orchestrator("migrate", env=settings, cwd=project.path) as first,
        Orchestrator("migrate", env=settings, cwd=project.path) as second,
    ):
        with transaction(database, "UPDATE plants SET name = name"):
            holder, waiter, name = await _one_behind_the_other(first, second)
            holder.signal(signal.SIGKILL)
            assert await holder.exit_code() == -signal.SIGKILL
            for _ in range(2):
                waiting = await waiter.event("lock_waiting", after=len(waiter.events))
                assert waiting["holder"] == f"{name}, whose client is gone"
                assert waiting["holder_statement"].startswith("UPDATE plants")
        assert await waiter.exit_code() == 0
    assert len(waiter.find("revision_applied", revision="r3")) == 1
    assert database.execute("SELECT name FROM plants") == [("rose!",)]


@backends("postgresql")
async def test_postgresql_ends_the_statement_of_a_killed_process(
    project: Project, database: Database, server: Server
) -> None:
    """It looks after its client twice a second, as we ask it to; the lock is free when the session is gone."""
    await migrate(project, database)
    project.add_revision("r3", "op.execute(\"UPDATE plants SET name = name || '!'\")")
    settings = environment(database, **IMPATIENT, **PATIENT)
    async with (
        Orchestrator("migrate", env=settings, cwd=project.path) as first,
        Orchestrator("migrate", env=settings, cwd=project.path) as second,
    ):
        with transaction(database, "UPDATE plants SET name = name"):
            holder, waiter, name = await _one_behind_the_other(first, second)
            holder.signal(signal.SIGKILL)
            await waiter.event("revision_started", revision="r3")
            (pid,) = re.findall(r"process (\d+) ", name)
            assert server.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", int(pid)) == []
        assert await waiter.exit_code() == 0
    assert len(waiter.find("revision_applied", revision="r3")) == 1
    assert database.execute("SELECT name FROM plants") == [("rose!",)]


async def _one_behind_the_other(first: Orchestrator, second: Orchestrator) -> tuple[Orchestrator, Orchestrator, str]:
    """Return the holder, the waiting process, and the holder's name in the database, once its UPDATE runs."""
    tasks = {asyncio.create_task(each.event("revision_started", revision="r3")): each for each in (first, second)}
    (done,), (pending,) = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    holder, waiter = tasks[done], tasks[pending]
    pending.cancel()
    await asyncio.gather(pending, return_exceptions=True)
    seen = 0
    while True:
        waiting = await waiter.event("lock_waiting", after=seen)
        if waiting["holder_statement"].startswith("UPDATE plants"):
            return holder, waiter, str(waiting["holder"])
        seen = waiter.events.index(waiting) + 1

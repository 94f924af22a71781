"""A lock that is lost in the middle of the work: nothing is begun before it is had again."""

import re
import textwrap

import pytest

from tests.acceptance.migrations import CREATE, INSERT, WAIT_FOR_GO, environment, go, locks, migrate, stamped, told
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project, Result, make_project
from tests.servers import Database, Server, backends

AT_ONCE = 30
"""Seconds, for a machine that is busy; a connection that is waited for in vain takes minutes."""

BETWEEN = f'''
def pause():
    """Wait for go when the first revision is committed, and the second has not begun."""
    class Slow(type(context.get_context())):
        @property
        def _migrations_fn(self):
            return self._steps

        @_migrations_fn.setter
        def _migrations_fn(self, steps):
            def slowly(heads, where):
                for step in steps(heads, where):
                    yield step
{textwrap.indent(WAIT_FOR_GO.strip(), " " * 20)}

            self._steps = slowly

    context.get_context().__class__ = Slow


'''
BEGINS = """
from sqlalchemy import create_engine
from alembic import context

{between}
with create_engine(context.config.get_main_option("sqlalchemy.url")).begin() as connection:
    context.configure(connection=connection)
    pause()
    context.run_migrations()
"""
RELEASES = {
    "postgresql": "SELECT pg_advisory_unlock_all()",
    "mysql": "DO RELEASE_ALL_LOCKS()",
    "mariadb": "DO RELEASE_LOCK(CONCAT('orchestrator:', DATABASE()))",
}
_ENDLESS = "SELECT 1 FROM {0} a, {0} b, {0} c, {0} d, {0} e WHERE a.id + b.id + c.id + d.id + e.id < 0 -- (600)"
ENDLESS = {
    "postgresql": "SELECT pg_sleep(600)",
    "mysql": _ENDLESS.format("information_schema.collations"),
    "mariadb": _ENDLESS.format("information_schema.collations"),
}
pytestmark = backends("mariadb", "postgresql", "mysql")


def _kill_holder(server: Server, database: Database) -> None:
    """End the migrating connection, as an administrator or a failover would."""
    with locks(database) as lock:
        (identity,) = re.findall(r"^(?:connection|process) (\d+)", lock.holder().name)
    server.execute("SELECT pg_terminate_backend(%s)" if server.backend == "postgresql" else "KILL %s", int(identity))


def _two_with_a_pause(project: Project) -> None:
    """Add two revisions, and have env.py wait between them."""
    env = project.path / "alembic" / "env.py"
    text = re.sub(
        r"(?m)^( *)with context\.begin_transaction", r"\1pause()\n\1with context.begin_transaction", env.read_text()
    )
    env.write_text(text.replace("\ndef ", f"{BETWEEN}\ndef ", 1))
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", CREATE.format("animals"))


async def _killed_between(project: Project, database: Database, server: Server) -> Result:
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        _kill_holder(server, database)
        go(project)
        code = await process.exit_code(within=AT_ONCE)
    return Result(process.lines, process.events, process.noise, process.stderr, exit_code=code)


@pytest.mark.parametrize("template", ["async", "generic"])
async def test_nothing_is_begun_after_the_connection_was_lost(
    template: str, database: Database, server: Server, project: Project
) -> None:
    """Committed work stays; the run continues from there when it has the lock again, and not before."""
    project = make_project(project.path.parent / template, template)
    _two_with_a_pause(project)
    result = await _killed_between(project, database, server)
    assert result.exit_code == 0, result.story()
    assert told(result) == [
        "migrations_planned",
        "lock_acquired",
        "revision_started",
        "revision_applied",
        "migration_interrupted",
        "migrations_planned",
        "lock_acquired",
        "revision_started",
        "revision_applied",
        "lock_released",
        "migrations_completed",
    ]
    assert stamped(database) == ["r2"]


async def test_with_the_connection_goes_a_transaction_around_all_revisions(
    project: Project, database: Database, server: Server
) -> None:
    """PostgreSQL rolls all of it back, and all of it runs again; where DDL cannot be, what is on record does not."""
    _two_with_a_pause(project)
    project.write("alembic/env.py", BEGINS.format(between=BETWEEN))
    result = await _killed_between(project, database, server)
    assert result.exit_code == 0, result.story()
    assert [event["revision"] for event in result.find("revision_applied")] == ["r1", "r2"]
    assert {"plants", "animals"} <= set(database.tables())
    assert stamped(database) == ["r2"]


async def test_nothing_is_begun_after_the_lock_was_released(project: Project, database: Database) -> None:
    """A revision that uses locks itself may release all of them; another replica may have begun by then."""
    project.add_revision("r1", f"{CREATE.format('plants')}\nop.execute({RELEASES[database.backend]!r})")
    project.add_revision("r2", CREATE.format("animals"))
    result = await migrate(project, database)
    assert failure(result, "migration_failed", exit_code=7)["error_type"] == "lock_lost"
    assert [event["revision"] for event in result.find("revision_started")] == ["r1"]
    assert stamped(database) == ["r1"]


async def test_a_lock_that_the_last_revision_released_is_not_a_failure(project: Project, database: Database) -> None:
    """There is nothing more to be done under it, and what was done is committed."""
    project.add_revision("r1", f"{CREATE.format('plants')}\nop.execute({RELEASES[database.backend]!r})")
    result = await migrate(project, database)
    assert result.exit_code == 0
    assert result.find("migrations_completed", current_revision="r1")


async def test_a_connection_lost_in_a_statement_is_reported_with_the_statement(
    project: Project, database: Database, server: Server
) -> None:
    """With the driver's own code; it had changed nothing, and is run again."""
    project.add_revision("r1", CREATE.format("plants"))
    project.add_revision("r2", f"{INSERT.format(1, 'rose')}\nop.execute({ENDLESS[database.backend]!r})")
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        with locks(database) as lock:
            while "(600)" not in lock.holder().statement:
                assert process.process.returncode is None
        _kill_holder(server, database)
        lost = await process.event("migration_interrupted", error_type="connection_lost", within=AT_ONCE)
        await process.event("revision_started", revision="r2", after=process.events.index(lost))
        assert await process.stop() == 12
    assert (lost["revision"], lost["statement"]) == ("r2", ENDLESS[database.backend])
    assert str(lost["error_code"]) in {"2006", "2013", "1927", "57P01", "08003"}
    assert stamped(database) == ["r1"]
    assert database.execute("SELECT * FROM plants") == []


async def test_a_connection_lost_while_waiting_is_made_again(
    project: Project, database: Database, server: Server
) -> None:
    """Nothing was done, and the wait for the lock begins again."""
    project.add_revision("r1", CREATE.format("plants"))
    with locks(database) as lock:
        assert lock.try_acquire()
        async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
            await process.event("lock_waiting")
            for identity in _others(server, database, lock.connection_id()):
                server.execute(
                    "SELECT pg_terminate_backend(%s)" if server.backend == "postgresql" else "KILL %s", identity
                )
            lost = await process.event("migration_interrupted", revision="", within=AT_ONCE)
            await process.event("lock_waiting", after=process.events.index(lost))
            lock.release()
            assert await process.exit_code() == 0
    assert stamped(database) == ["r1"]


def _others(server: Server, database: Database, but: int) -> list[int]:
    """Return the connections to a database, but for one."""
    columns = (
        "pid FROM pg_stat_activity WHERE datname"
        if server.backend == "postgresql"
        else "id FROM information_schema.processlist WHERE db"
    )
    found = server.execute(f"SELECT {columns} = %s", database.name)
    return [int(identity) for (identity,) in found if identity != but]

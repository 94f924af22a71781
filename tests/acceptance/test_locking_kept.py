"""The lock is kept until the run has ended, for any use of connections; and nothing is changed without it."""

import pytest

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go, locks, migrate, stamped
from tests.acceptance.outcome import failure
from tests.harness import Orchestrator, Project
from tests.servers import Database, backends

ENV = """
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine({url!r}, poolclass=sa.pool.{pool})
with engine.connect() as connection:
    {before}
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    {after}
"""
SECOND = f"""
op.get_bind().commit()
with op.get_bind().engine.connect() as other:
    other.execute(sa.text("SELECT 1"))
{WAIT_FOR_GO}
"""
RELEASES = {
    "postgresql": "op.execute('SELECT pg_advisory_unlock_all()')",
    "mysql": "op.execute('DO RELEASE_ALL_LOCKS()')",
    "mariadb": "op.execute('SELECT RELEASE_LOCK(CONCAT(\\'orchestrator:\\', DATABASE()))')",
    "sqlite": "import pathlib; pathlib.Path(op.get_bind().engine.url.database + '.migrate.lock').unlink()",
}


def _env(database: Database, pool: str = "NullPool", before: str = "pass", after: str = "pass") -> str:
    """Return an env.py with a synchronous driver."""
    return ENV.format(url=database.synchronous_url, pool=pool, before=before, after=after)


async def _migrated_under_the_lock(project: Project, database: Database) -> Orchestrator:
    """Run `migrate`; while a revision or env.py waits for `go`, no other process can take the lock."""
    async with Orchestrator("migrate", env=environment(database), cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        with locks(database) as lock:
            assert not lock.try_acquire()
        go(project)
        assert await process.exit_code() == 0
    return process


@backends("mariadb", "postgresql")
@pytest.mark.parametrize("pool", ["QueuePool", "StaticPool"])
async def test_another_connection_that_goes_back_does_not_release_it(
    project: Project, database: Database, pool: str
) -> None:
    """Two replicas would run the same revision at once."""
    begun = "connection.execute(sa.text('SELECT 1'))"
    project.write("alembic/env.py", _env(database, pool, before=begun))
    project.add_revision("r1", f"{CREATE.format('plants')}\n{SECOND}")
    process = await _migrated_under_the_lock(project, database)
    assert process.find("lock_released")
    assert stamped(database) == ["r1"]


async def test_what_env_py_does_after_the_migrations_is_under_the_lock(project: Project, database: Database) -> None:
    """Grants and seeds, on the same connection: a replica that came in between would do them twice."""
    project.write("alembic/env.py", _env(database, after=WAIT_FOR_GO.strip().replace("\n", "\n    ")))
    project.add_revision("r1", CREATE.format("plants"))
    await _migrated_under_the_lock(project, database)
    with locks(database) as lock:
        assert lock.try_acquire()


async def test_a_connection_that_env_py_keeps_does_not_keep_the_lock(project: Project, database: Database) -> None:
    """The process continues to serve, and the next deployment must not wait for it."""
    text = _env(database)
    text = text.replace(
        "with engine.connect() as connection:", "context.kept = connection = engine.connect()\nif True:"
    )
    project.write("alembic/env.py", text)
    project.add_revision("r1", CREATE.format("plants"))
    async with Orchestrator("serve", env=environment(database), cwd=project.path) as process:
        await process.event("server_started")
        with locks(database) as lock:
            assert lock.try_acquire()
    assert process.find("lock_released")


async def test_a_statement_is_not_run_without_the_lock(project: Project, database: Database) -> None:
    """In the middle of a revision: another replica may have begun it as well."""
    project.add_revision("r1", f"{CREATE.format('plants')}\n{RELEASES[database.backend]}\n{CREATE.format('animals')}")
    result = await migrate(project, database)
    stays = database.backend in {"mariadb", "mysql"}
    name, code = ("migration_half_applied", 8) if stays else ("migration_failed", 7)
    failed = failure(result, name, exit_code=code)
    assert (failed["error_type"], failed["revision"]) == ("lock_lost", "r1")
    assert "animals" not in database.tables()
    assert ("plants" in database.tables()) is stays
    assert stamped(database) == []


@backends("mariadb", "sqlite")
async def test_two_connections_of_one_run_share_it(project: Project, database: Database) -> None:
    """Two version tables in one database, both connections open: the run must not wait for itself."""
    text = _env(database)
    body = text.partition("with engine.connect() as connection:\n")[2]
    text = text.replace(
        "with engine.connect() as connection:", "with engine.connect() as first, engine.connect() as second:"
    )
    text = text.replace(body, "    for connection, table in ((first, 'one'), (second, 'two')):\n")
    text += "".join(
        f"    {line}\n"
        for line in body.replace("connection=connection", "connection=connection, version_table=table").splitlines()
    )
    project.write("alembic/env.py", text)
    project.add_revision("r1", "op.execute('CREATE TABLE IF NOT EXISTS plants (id INTEGER)')")
    result = await migrate(project, database, ORCHESTRATOR_LOCK_TIMEOUT_SECONDS="5")
    assert not result.find("lock_timeout"), result.story()
    assert (stamped(database, "one"), stamped(database, "two")) == (["r1"], ["r1"])

"""A proxy that accepts a connection and forgets it, while the database answers others."""

from tests.acceptance.migrations import CREATE, WAIT_FOR_GO, environment, go, stamped, until
from tests.acceptance.waits import ROOM
from tests.harness import Orchestrator, Project
from tests.servers import Database, Server, backends
from tests.servers.proxy import Mode, Proxy


@backends("mariadb", "postgresql")
async def test_a_login_of_env_that_is_never_answered_is_tried_again(
    project: Project, database: Database, server: Server
) -> None:
    """The drivers wait for the greeting without a limit, and the server is not at fault: it answers us."""
    project.add_revision("r1", CREATE.format("plants"))
    env = project.path / "alembic" / "env.py"
    env.write_text(f"{WAIT_FOR_GO}\n{env.read_text()}")
    async with Proxy(server.application_url.port or 0) as proxy:
        url = database.url.replace(f":{server.application_url.port}/", f":{proxy.port}/")
        settings = environment(database, **ROOM) | {"DATABASE_URL": url}
        async with Orchestrator("migrate", env=settings, cwd=project.path) as process:
            await process.event("log", message="waiting for go")
            await proxy.set(Mode.SILENT)
            before = proxy.accepted
            go(project)
            await until(lambda: proxy.accepted > before)
            await proxy.set(Mode.PASS)
            assert await process.exit_code(within=40) == 0
    assert process.find("migration_interrupted")
    assert stamped(database) == ["r1"]

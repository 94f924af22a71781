"""An app that talks: its lifespan, how it is served once, and what of its words is in the log."""

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Orchestrator, Output, Project

LIFESPAN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await starting()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await answering()
    await send({"type": "http.response.body", "body": b"hello"})

async def starting(): pass
async def answering(): pass
"""


async def served(project: Project, app: str, env: dict[str, str] | None = None) -> Output:
    """Serve this application, ask it once, stop it, and return what was written."""
    project.write("app/main.py", LIFESPAN + app)
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        async with process.client() as client:
            await client.get("/")
        assert await process.stop() == 0, process.story()
    assert_well_formed(process)
    return process


def words(output: Output, logger: str) -> list[str]:
    """Return the messages of the records of a logger."""
    return [event["message"] for event in output.find("log", logger=logger)]

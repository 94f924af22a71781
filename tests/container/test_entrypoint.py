"""An image whose entrypoint is `orchestrator run --`: its CMD is the program, as behind a script with `exec "$@"`."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.container.container import READ_ONLY, RESTRICTED, Container
from tests.container.engine import Engine
from tests.harness import make_project

SQLITE = {"DATABASE_URL": "sqlite+aiosqlite:////tmp/app.db"}
LINES = """FROM {base}
COPY . /srv
ENTRYPOINT ["orchestrator", "run", "--"]
CMD ["uvicorn", "app.main:app", "--fd", "3"]
"""
ROLES = """case "$ROLE" in
web) exec uvicorn app.main:app --port "$PORT" --host 127.0.0.1;;
*) echo no such role; exit 9;;
esac"""
"""A script with roles, as CMD."""


@pytest.fixture(scope="module")
def image(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build it."""
    project = make_project(tmp_path_factory.mktemp("entrypoint"))
    project.add_revision("r1")
    project.write("Dockerfile", LINES.format(base=base))
    image = engine.build(project.path)
    yield image
    engine.remove(image)


async def _answer(container: Container) -> str:
    """Return what the app answers, as soon as it does."""
    async with container.client() as client, asyncio.timeout(30):
        while True:
            try:
                response = await client.get("/")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response.text


@pytest.mark.parametrize("command", [(), ("sh", "-c", ROLES)], ids=["CMD", "a role"])
async def test_it_migrates_becomes_the_command_and_ends_on_sigterm(
    engine: Engine, image: str, command: tuple[str, ...]
) -> None:
    """As process 1, without a further setting."""
    env = {**SQLITE, "ROLE": "web"}
    async with Container(engine, image, *command, env=env, options=(*RESTRICTED, *READ_ONLY)) as container:
        assert await _answer(container) == "hello"
        assert container.find("migrations_completed")
        assert await container.stop() in {0, 143}


async def test_the_exit_code_of_the_command_is_the_one_of_the_container(engine: Engine, image: str) -> None:
    """A role that does not exist must not look like success."""
    arguments = ("sh", "-c", ROLES)
    async with Container(engine, image, *arguments, env=SQLITE, options=(*RESTRICTED, *READ_ONLY)) as container:
        assert await container.exit_code() == 9
    assert json.loads(container.lines[-2])["event"] == "command_started"
    assert container.lines[-1] == "no such role"

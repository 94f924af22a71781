"""The base image with a foreign project."""

from pathlib import Path

import pytest

from tests.acceptance.migrations import stamped
from tests.acceptance.outcome import assert_well_formed
from tests.container.container import Container
from tests.container.engine import Engine
from tests.harness import make_project
from tests.servers import Database, backends

# As docs/image.md has it.
PREPARED = """\
FROM {base}
COPY . /srv
USER 0
RUN chmod -R u=rwX,go=rX . && orchestrator freeze && python -m compileall -q --invalidation-mode unchecked-hash .
USER 10001:10001
"""
APP = '''
from fastapi import FastAPI

app = FastAPI()

@app.get("/hello")
async def hello() -> str:
    """Say hello."""
    return "hello"
'''


@backends("mariadb")
async def test_two_lines_serve_a_foreign_project(engine: Engine, service: str, database: Database) -> None:
    """An application and a tree that know nothing of us."""
    async with Container(engine, service, env={"DATABASE_URL": database.url}) as container:
        await container.event("migrations_completed", applied_count=3)
        await container.event("server_started")
        async with container.client() as client:
            assert (await client.get("/")).text == "hello"
        assert await container.stop() == 0
    assert stamped(database) == ["r3"]
    assert_well_formed(container)
    assert container.stderr == ""


@backends("mariadb")
@pytest.mark.parametrize("template", ["generic", "pyproject_async"])
async def test_a_prepared_project_has_its_manifest(
    engine: Engine, base: str, database: Database, tmp_path: Path, template: str
) -> None:
    """With the line that freezes, a start at head does not report a missing manifest, and loads no script."""
    project = make_project(tmp_path / "project", template)
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer, primary_key=True))")
    project.write("app/main.py", APP)
    project.write("Dockerfile", PREPARED.format(base=base))
    project.path.joinpath("app/main.py").chmod(0o600)  # of a builder with a umask of his own
    image = engine.build(project.path)
    try:
        env = {"DATABASE_URL": database.url}
        async with Container(engine, image, "migrate", env=env) as container:
            assert await container.exit_code() == 0
        async with Container(engine, image, env=env) as container:
            await container.event("migrations_current")
            await container.event("server_started")
            async with container.client() as client:
                assert (await client.get("/hello")).json() == "hello"
            assert await container.stop() == 0
    finally:
        engine.remove(image)
    assert not [event for event in container.events if event["level"] == "warning"], container.story()

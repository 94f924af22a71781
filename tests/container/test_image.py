"""The image's metadata and content."""

import json
from typing import Any

import pytest

from tests.container.container import Container
from tests.container.engine import Engine
from tests.servers import Database, backends

# Python's loader asks for this only when it finds no bytecode.
_TELL_WHAT_IS_COMPILED = """
import sys
from importlib.machinery import SourceFileLoader

compile_source = SourceFileLoader.source_to_code

def tell(self, data, path, **options):
    sys.stderr.write(f"compiled: {path}\\n")
    return compile_source(self, data, path, **options)

SourceFileLoader.source_to_code = tell
"""


async def _config(engine: Engine, image: str) -> dict[str, Any]:
    (told,) = json.loads(await engine.call("image", "inspect", image))
    config: dict[str, Any] = told["Config"]
    return config | {"Healthcheck": told.get("Healthcheck") or config["Healthcheck"]}  # podman, docker


@pytest.mark.smoke
async def test_it_begins_without_a_shell_and_ends_on_sigterm(engine: Engine, plants: str) -> None:
    """The exec forms: a shell would be process 1, and keep the signal to itself."""
    config = await _config(engine, plants)
    assert config["Entrypoint"] == ["orchestrator"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "orchestrator", "probe"]


@pytest.mark.smoke
async def test_it_runs_as_a_number(engine: Engine, plants: str) -> None:
    """Kubernetes proves by it that the user is not root; a name would need the image's own files."""
    user, _, group = (await _config(engine, plants))["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


async def test_it_listens_on_all_addresses_and_has_no_embedded_database(engine: Engine, plants: str) -> None:
    """A forgotten DATABASE_URL must not become plants that vanish with the container."""
    environment = dict(pair.split("=", 1) for pair in (await _config(engine, plants))["Env"])
    assert environment["ORCHESTRATOR_HOST"] == "0.0.0.0"
    assert environment["ORCHESTRATOR_EMBEDDED_DATABASE"] == "forbid"
    assert environment["ORCHESTRATOR_VERSION"]


async def test_it_names_its_origin(engine: Engine, plants: str) -> None:
    """In the words of the OCI's image specification."""
    labels = (await _config(engine, plants))["Labels"]
    for name in ("title", "description", "licenses", "version", "revision", "created"):
        assert labels[f"org.opencontainers.image.{name}"], name


async def test_nothing_but_the_service_is_in_it(engine: Engine, plants: str) -> None:
    """Tests, locks, logs of the developer and the file with the passwords stay outside."""
    files = await engine.call("run", "--rm", "--entrypoint=python", plants, "-c", "import os; print(os.listdir())")
    expected = {"alembic", "alembic.ini", "app", "logging.yaml"}
    assert set(json.loads(files.replace("'", '"'))) == expected


@backends("mariadb")
@pytest.mark.parametrize("revisions", ["pending", "at head"])
async def test_a_start_compiles_nothing(
    engine: Engine, plants: str, database: Database, tmp_path_factory: pytest.TempPathFactory, revisions: str
) -> None:
    """Not the standard library, not the migrations: on a read-only file system it would do so each time."""
    customizing = tmp_path_factory.mktemp("customizing")
    (customizing / "sitecustomize.py").write_text(_TELL_WHAT_IS_COMPILED)
    customizing.chmod(0o755)
    env = {"DATABASE_URL": database.url}
    if revisions == "at head":
        async with Container(engine, plants, "migrate", env=env) as container:
            assert await container.exit_code() == 0, container.story()
    told = env | {"PYTHONPATH": "/customizing"}
    options = ("--volume", f"{customizing}:/customizing:ro", "--read-only", "--tmpfs", "/tmp")  # noqa: S108 - its own
    async with Container(engine, plants, env=told, options=options) as container:
        await container.event("server_started")
        assert await container.stop() == 0
    assert container.stderr == ""

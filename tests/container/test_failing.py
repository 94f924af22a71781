"""A container that cannot start: exit code and events as in the contract, nothing in a form that no filter reads."""

import pytest

from tests.acceptance.outcome import failure
from tests.container.container import Container
from tests.container.engine import Engine
from tests.harness import Result
from tests.servers import HOST, Database, backends, free_port

FAULTS = {
    "a typo": {"DATABASE_URL": "mysql+asyncmy://app:s3cret@db/app", "ORCHESTRATOR_WAIT_TIMEOUT": "5"},
    "a port that is none": {"DATABASE_URL": "mysql+asyncmy://app:s3cret@db:99999/app"},
}


async def _run(engine: Engine, image: str, env: dict[str, str]) -> Result:
    async with Container(engine, image, env=env) as container:
        code = await container.exit_code()
    return Result(container.lines, container.events, container.noise, container.stderr, exit_code=code)


@pytest.mark.parametrize("env", FAULTS.values(), ids=FAULTS)
@pytest.mark.smoke
async def test_wrong_settings(engine: Engine, plants: str, env: dict[str, str]) -> None:
    """Each is named before anything is waited for, and the password is not shown."""
    result = await _run(engine, plants, env)
    assert failure(result, "settings_invalid", 78)["variables"]
    assert "s3cret" not in result.story()


@pytest.mark.smoke
async def test_a_database_that_does_not_answer(engine: Engine, plants: str) -> None:
    """The budget ends, not the patience of ECS."""
    env = {"DATABASE_URL": f"mysql+asyncmy://app:s3cret@{HOST}:{free_port()}/app"}
    result = await _run(engine, plants, env | {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "1"})
    failure(result, "database_unreachable", 4)


@backends("mariadb")
async def test_a_database_that_refuses(engine: Engine, plants: str, database: Database) -> None:
    """A user without an entry in the image's list of users gets as far as any."""
    env = {"DATABASE_URL": database.url.replace("s3cret", "wrong")}
    failure(await _run(engine, plants, env), "database_refused", 5)

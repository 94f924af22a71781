"""The images: built once for all tests, removed afterwards."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.migrations import CREATE, INSERT
from tests.container import engine as engines
from tests.container.engine import NOT_TESTED, ROOT, Engine
from tests.harness import Project, make_project

TWO_LINES = "FROM {base}\nCOPY . /srv\n"
WAIT_AT_THE_GATE = """
import pathlib, time
if pathlib.Path("/gate").exists():
    print("waiting at the gate")
    while not pathlib.Path("/gate/open").exists():
        time.sleep(0.01)
"""
BUILD_SECONDS = 900  # the engine may have to be installed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the first test the time that the images need; without an engine, replace all tests by one message."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in ours:
        item.add_marker(pytest.mark.timeout(BUILD_SECONDS))
    if ours and not engines.find():
        ours[0].add_marker(pytest.mark.skip(NOT_TESTED))
        items[:] = [item for item in items if item not in ours[1:]]
        config.hook.pytest_deselected(items=ours[1:])


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return this machine's container engine."""
    engine = engines.find()
    assert engine
    return engine


@pytest.fixture(scope="session")
def plants(engine: Engine) -> Iterator[str]:
    """Build the image of the service in this repository."""
    with _built(engine, ROOT) as image:
        yield image


@pytest.fixture(scope="session")
def base(engine: Engine) -> Iterator[str]:
    """Build the image that others begin with."""
    with _built(engine, ROOT, "--target=base") as image:
        yield image


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a foreign project; its second revision waits at a gate, if it is given one."""
    project = make_project(tmp_path_factory.mktemp("others"))
    project.add_revision("r1", f"{CREATE.format('plants')}\n{INSERT.format(1, 'rose')}")
    trees = CREATE.format("trees")
    project.add_revision("r2", f"{INSERT.format(2, 'oak')}\n{trees}\n{WAIT_AT_THE_GATE}\n{INSERT.format(3, 'elm')}")
    project.add_revision("r3")
    return project


@pytest.fixture(scope="session")
def service(engine: Engine, base: str, others: Project) -> Iterator[str]:
    """Build an image of a foreign project, with the two lines that this takes."""
    others.write("Dockerfile", TWO_LINES.format(base=base))
    with _built(engine, others.path) as image:
        yield image


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return a directory to be mounted as the gate, which `(gate / "open").touch()` opens."""
    gate = tmp_path / "gate"
    gate.mkdir()
    return gate


@contextlib.contextmanager
def _built(engine: Engine, context: Path, *options: str) -> Iterator[str]:
    image = engine.build(context, *options)
    yield image
    engine.remove(image)

"""What all tests share: databases, and an environment that knows nothing of the product."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Project, make_project
from tests.servers import BACKENDS, NOT_TESTED, Database, Server, Servers

_PRODUCT = ("ORCHESTRATOR_", "DATABASE_", "MIGRATION_", "ECS_")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and see that no event loop is made by asking for one.

    For synchronous tests too looptime asks for the loop; one that is then made is never closed.
    """
    asyncio.set_event_loop(None)
    config.addinivalue_line("markers", "backends(*names): the databases a test is for; without it, all")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `database` one value a backend that the test is for and that can be had."""
    if "database" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        wanted = marker.args if marker else BACKENDS
        names = [name for name in BACKENDS if name in wanted]
        metafunc.parametrize("database", names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests for a backend that cannot be had; the summary says so aloud."""
    out = [item for item in items if _has_no_backend(item)]
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=out)


def _has_no_backend(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("backends")
    return marker is not None and not set(marker.args) & set(BACKENDS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested."""
    if NOT_TESTED:
        terminalreporter.write_line(NOT_TESTED, yellow=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what configures the product, so that a test finds only what it sets."""
    for name in os.environ:
        if name.startswith(_PRODUCT) or name in ("PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Return the shared servers, by backend: `servers["mariadb"]`."""
    with Servers() as servers:
        yield servers


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Create an empty database, on each backend in turn (see `backends`)."""
    if request.param == "sqlite":
        yield Database(f"sqlite+aiosqlite:///{tmp_path / 'app.db'}", "sqlite")
        return
    server: Server = request.getfixturevalue("servers")[request.param]
    database = server.create_database()
    yield database
    server.drop_database(database)


@pytest.fixture
def server(database: Database, servers: Servers) -> Server:
    """Return the shared server of `database`, to look at it as its administrator."""
    return servers[database.backend]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with Alembic's asynchronous template, without revisions."""
    return make_project(tmp_path / "project")

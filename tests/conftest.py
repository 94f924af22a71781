"""What all tests share: databases, and an environment that knows nothing of the product."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from orchestrator.log.context import CONTEXT
from orchestrator.log.route import ROUTE
from tests.harness import Project, make_project, pairing
from tests.harness.costs import Costs
from tests.harness.surroundings import make_plain
from tests.integration.drivers import driver, its_database  # noqa: F401  # fixtures
from tests.servers import BACKENDS, NOT_TESTED, Database, Server, Servers

_BUDGETS = {  # seconds that a directory's tests may take together, in eight processes on two cores: half more than now
    "tests/acceptance": 3200,
    "tests/app": 110,
    "tests/container": 60,
    "tests/faults": 380,
    "tests/harness": 20,
    "tests/integration": 420,
    "tests/servers": 70,
    "tests/unit": 420,
}

_BEGAN = pytest.StashKey[float]()

# Two cores, shared with real databases: a slow example must not fail. Where CI is set, hypothesis has other defaults:
# `make soak` would draw the same examples every night.
_PATIENT: Any = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True}
hypothesis.settings.register_profile("test", derandomize=True, max_examples=40, database=None, **_PATIENT)
hypothesis.settings.register_profile("soak", derandomize=False, max_examples=300, **_PATIENT)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of CI and of `make soak`."""
    parser.addoption("--budgets", action="store_true", help="fail if a directory's tests take longer than they may")
    tiers = "every claim once (the default), what is random or long, with many examples, or all"
    parser.addoption(
        "--for-seconds", type=float, help="from the first test on; skip what would begin later: `make soak`"
    )
    parser.addoption("--tier", choices=["claims", "soak", "all"], default="claims", help=tiers)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known and the surroundings plain, and see that no event loop is made by asking for one.

    For synchronous tests too looptime asks for the loop; one that is then made is never closed.
    """
    make_plain()
    asyncio.set_event_loop(None)
    # Debug mode refuses calls from a wrong thread; noting where each call came from would take a third of the CPU time.
    asyncio.BaseEventLoop.get_debug = lambda _: False  # type: ignore[method-assign, assignment]
    # It also warns of each callback that takes 0.1 s, which on two busy cores means nothing.
    logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith("Executing "))
    config.addinivalue_line("markers", "backends(*names): the databases a test is for; without it, all")
    config.addinivalue_line("markers", "smoke: of the container's tests, those that .ci/run runs")
    config.addinivalue_line("markers", "soak: random or long, for `make soak`")
    config.addinivalue_line("markers", "paired(name): this parameter is paired with the others, not crossed")
    config.pluginmanager.register(Costs(_BUDGETS, strict=config.getoption("--budgets")))
    hypothesis.settings.load_profile("soak" if config.getoption("--tier") == "soak" else "test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `database` one value per available backend of the test."""
    if "database" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        wanted = marker.args if marker else BACKENDS
        names = [name for name in BACKENDS if name in wanted]
        metafunc.parametrize("database", names, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what lives until the end: that is half the CPU time of collecting the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)  # Hypothesis has marked its tests by then
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of the other tier and of missing backends; the summary reports it."""
    tier = config.getoption("--tier")
    out = {item for item in items if _has_no_backend(item) or not _belongs_to(tier, item)} | pairing.left_out(items)
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=[*out])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin nothing when the time of `make soak` is up."""
    seconds = item.config.getoption("--for-seconds")
    if seconds and time.monotonic() > item.config.stash.setdefault(_BEGAN, time.monotonic()) + seconds:
        pytest.skip("time is up")


def _has_no_backend(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("backends")
    return marker is not None and not set(marker.args) & set(BACKENDS)


def _belongs_to(tier: str, item: pytest.Item) -> bool:
    """What draws its examples belongs to both tiers: to `soak` with many of them."""
    marked = item.get_closest_marker("soak") is not None
    draws = item.get_closest_marker("hypothesis") is not None
    return {"claims": not marked, "soak": marked or draws, "all": True}[tier]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested."""
    if NOT_TESTED:
        terminalreporter.write_line(NOT_TESTED, yellow=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what configures the tests: an unknown variable of the product's is a fault. See also `make_plain`."""
    for name in os.environ:
        if name.startswith("ORCHESTRATOR_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Put logging back as it was: a command that a test calls in this process configures it for the whole process."""
    kept = [(each, dict(vars(each))) for each in (ROUTE, CONTEXT, *_loggers())]
    handlers = {each: list(each.handlers) for each in _loggers()}
    module = {name: getattr(logging, name) for name in ("raiseExceptions", "lastResort", "_logRecordFactory")}
    disabled = logging.root.manager.disable
    yield
    for each, attributes in kept:
        vars(each).update(attributes)
    for logger, before in handlers.items():
        logger.handlers[:] = before
    vars(logging).update(module)
    for logger in _loggers() - handlers.keys():
        logger.disabled = False
    logging.disable(disabled)


def _loggers() -> set[logging.Logger]:
    made = logging.root.manager.loggerDict.values()
    return {logging.root, *(each for each in made if isinstance(each, logging.Logger))}


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
def other(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Create a second empty database on the same server."""
    if database.backend == "sqlite":
        yield Database(database.url.replace("app.db", "other.db"), "sqlite")
        return
    server: Server = request.getfixturevalue("servers")[database.backend]
    other = server.create_database()
    yield other
    server.drop_database(other)


@pytest.fixture
def server(database: Database, servers: Servers) -> Server:
    """Return the shared server of `database`, to look at it as its administrator."""
    return servers[database.backend]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with Alembic's asynchronous template, without revisions."""
    return make_project(tmp_path / "project")

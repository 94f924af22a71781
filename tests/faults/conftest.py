"""Plays a scenario, and reports at the end what was played: a table of fault, database, runs and outcomes."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import reference
from tests.faults.arena import Arena
from tests.faults.dice import dice
from tests.faults.report import Report
from tests.faults.run import Run
from tests.faults.scenario import Outcome, Scenario
from tests.harness import make_project
from tests.servers import Database, MariaDB, PostgreSQL, Server, Servers
from tests.servers.private import PrivateServer
from tests.servers.proxy import Proxy

Play = Callable[[Scenario], Awaitable[Outcome]]

_PRIVATE: dict[str, Callable[[], PrivateServer]] = {
    "mariadb": lambda: MariaDB("--max-connections=20"),
    "postgresql": lambda: PostgreSQL("--max-connections=20", "--deadlock-timeout=100ms"),
}
_REPORT = pytest.StashKey[Report]()


@pytest.fixture
def play(servers: Servers, tmp_path: Path, pytestconfig: pytest.Config) -> Play:
    """Return a function that plays a scenario on a private server (except MySQL) and records its outcome."""
    report = pytestconfig.stash.setdefault(_REPORT, Report())

    async def play(scenario: Scenario) -> Outcome:
        project = make_project(tmp_path / "project")
        scenario.tree.write(project)
        async with contextlib.AsyncExitStack() as stack:
            server: Server | None = None
            if kind := _PRIVATE.get(scenario.backend):
                server = stack.enter_context(kind())
            elif scenario.backend == "mysql":
                server = servers["mysql"]
            expected = reference.upgrade(project, stack.enter_context(_database(server, tmp_path / "reference")))
            database = stack.enter_context(_database(server, tmp_path / "app"))
            arena = Arena(database, project, dice("faults", scenario.seed), server)
            if server:
                arena.proxy = await stack.enter_async_context(Proxy(server.application_url.port or 0))
            outcome = await Run(scenario, arena, expected).play()
        report.take_down(outcome)
        return outcome

    return play


@contextlib.contextmanager
def _database(server: Server | None, path: Path) -> Iterator[Database]:
    if not server:
        yield Database(f"sqlite+aiosqlite:///{path}.db", "sqlite")
        return
    database = server.create_database()
    yield database
    server.drop_database(database)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was played."""
    if report := config.stash.get(_REPORT, None):
        terminalreporter.section("faults")
        terminalreporter.write_line(str(report))

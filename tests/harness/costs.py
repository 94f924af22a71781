"""The cost of the tests: time and processes, by file and by directory, so that a slower suite is noticed."""

import resource
import sys
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness import prepared

_SLOWEST = 10
_BEFORE = pytest.StashKey["Cost"]()


@dataclass(frozen=True)
class Cost:
    """What some tests cost.

    Attributes:
        tests: How many they are.
        seconds: How long they took, one after the other, with what they waited for.
        cpu_seconds: How long they computed, with the processes that they started and waited for.
        starts: How many processes they started.
    """

    tests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    starts: int = 0

    @staticmethod
    def total(costs: Iterable["Cost"]) -> "Cost":
        """Add up."""
        rows = [(cost.tests, cost.seconds, cost.cpu_seconds, cost.starts) for cost in costs]
        tests, seconds, cpu_seconds, starts = (sum(column) for column in zip(*rows, strict=True))
        return Cost(int(tests), seconds, cpu_seconds, int(starts))

    def __str__(self) -> str:
        return f"{self.seconds:7.1f} s {self.cpu_seconds:7.1f} s CPU {self.starts:5} processes {self.tests:5} tests"


class Costs:
    """A plug-in that adds up the cost of tests in all workers, and prints it.

    Args:
        budgets: The seconds that the tests of each directory may take together.
        strict: Whether a run over a budget fails.
    """

    def __init__(self, budgets: Mapping[str, float], *, strict: bool) -> None:
        self._budgets, self._strict = budgets, strict
        self._starts = 0
        self._by_file: defaultdict[str, list[Cost]] = defaultdict(list)
        sys.addaudithook(self._count_starts)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Take the readings before a test."""
        item.stash[_BEFORE] = self._so_far()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Add the cost of a test to its last report, which finds its way out of a worker."""
        if call.when == "teardown":
            before, now = item.stash[_BEFORE], self._so_far()
            cost = (now.cpu_seconds - before.cpu_seconds, now.starts - before.starts)
            item.user_properties.append(("cost", cost))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one of the three reports of a test."""
        properties: dict[str, Any] = dict(report.user_properties)
        last = report.when == "teardown"
        cpu_seconds, starts = properties["cost"] if last else (0.0, 0)
        file = report.nodeid.partition("::")[0]
        self._by_file[file].append(Cost(int(last), report.duration, cpu_seconds, starts))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail a run that is over a budget, if no test failed."""
        if self._strict and self._exceeded() and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the slowest files, and each directory with its budget."""
        files = {file: Cost.total(costs) for file, costs in self._by_file.items()}
        if not files:
            return
        terminalreporter.section("time: slowest files, then directories")
        for file in sorted(files, key=lambda file: -files[file].seconds)[:_SLOWEST]:
            terminalreporter.write_line(f"{files[file]} {file}")
        for directory, cost in self._by_directory().items():
            terminalreporter.write_line(f"{cost} {directory}: budget {self._budgets.get(directory, 0):.0f} s")
        for sentence in self._exceeded():
            terminalreporter.write_line(sentence, red=self._strict, yellow=not self._strict)

    def _by_directory(self) -> dict[str, Cost]:
        grouped: defaultdict[str, list[Cost]] = defaultdict(list)
        for file, costs in sorted(self._by_file.items()):
            grouped[file.rpartition("/")[0]] += costs
        return {directory: Cost.total(costs) for directory, costs in grouped.items()}

    def _exceeded(self) -> list[str]:
        return [
            f"{directory} took {cost.seconds:.0f} s; its budget is {budget:.0f} s (tests/conftest.py)"
            for directory, cost in self._by_directory().items()
            if cost.seconds > (budget := self._budgets.get(directory, 0))
        ]

    def _so_far(self) -> Cost:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu_seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(prepared.spent)
        return Cost(cpu_seconds=cpu_seconds, starts=self._starts + len(prepared.spent))

    def _count_starts(self, event: str, _: object) -> None:
        self._starts += event == "subprocess.Popen"

"""The costs of tests are added up over all workers, and a directory over its budget fails the run."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.harness.costs import Costs


def _ran(costs: Costs, test: str, seconds: float, starts: int = 0) -> None:
    """Report a test as pytest does, in three phases, of which the last one has the properties."""
    for when in ("setup", "call", "teardown"):
        properties = [("cost", (seconds / 2, starts))] if when == "teardown" else []
        report = SimpleNamespace(nodeid=test, when=when, duration=seconds / 3, user_properties=properties)
        costs.pytest_runtest_logreport(cast("Any", report))


def _ended(costs: Costs, code: pytest.ExitCode) -> tuple[str, pytest.ExitCode]:
    """Return what is printed at the end of a run, and its exit code."""
    session, lines = SimpleNamespace(exitstatus=code), list[str]()
    costs.pytest_sessionfinish(cast("Any", session), code)
    reporter = SimpleNamespace(section=lines.append, write_line=lambda line, **_: lines.append(line))
    costs.pytest_terminal_summary(cast("Any", reporter))
    return "\n".join(lines), session.exitstatus


@pytest.mark.parametrize(
    ("strict", "before", "after"),
    [
        (True, pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED),
        (False, pytest.ExitCode.OK, pytest.ExitCode.OK),
        (True, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERRUPTED),
    ],
)
def test_a_directory_over_its_budget_fails_the_run(
    *, strict: bool, before: pytest.ExitCode, after: pytest.ExitCode
) -> None:
    """With --budgets alone, and never in the place of another failure."""
    costs = Costs({"tests/a": 10, "tests/b": 10}, strict=strict)
    _ran(costs, "tests/a/test_x.py::test_1", 6)
    _ran(costs, "tests/a/test_x.py::test_2", 6)
    _ran(costs, "tests/b/test_y.py::test_1", 9)
    printed, code = _ended(costs, before)
    assert code is after
    assert "tests/a took 12 s; its budget is 10 s" in printed
    assert "tests/b took" not in printed


def test_the_ten_slowest_files_are_printed() -> None:
    """The slowest first, with all that its tests cost."""
    costs = Costs({"tests/a": 1000}, strict=True)
    for number in range(12):
        _ran(costs, f"tests/a/test_{number:02}.py::test_1", number, starts=number)
        _ran(costs, f"tests/a/test_{number:02}.py::test_2", number, starts=number)
    printed, code = _ended(costs, pytest.ExitCode.OK)
    files = [line for line in printed.splitlines() if line.endswith(".py")]
    assert [line.split("test_")[-1] for line in files] == [f"{number:02}.py" for number in range(11, 1, -1)]
    assert files[0].split() == ["22.0", "s", "11.0", "s", "CPU", "22", "processes", "2", "tests", "tests/a/test_11.py"]
    assert code is pytest.ExitCode.OK


def test_a_directory_without_a_budget_is_over_it() -> None:
    """So that a new one gets its own."""
    costs = Costs({}, strict=True)
    _ran(costs, "tests/new/test_x.py::test_1", 3)
    assert _ended(costs, pytest.ExitCode.OK)[1] is pytest.ExitCode.TESTS_FAILED

"""What CloudWatch would publish for the lines of a run, compared with all that is expected of it."""

import json
import math
from collections.abc import Mapping
from typing import Any

from orchestrator.cloudwatch.metrics import METRICS, Metric
from orchestrator.cloudwatch.patterns import Pattern
from orchestrator.cloudwatch.queries import FAILED_STARTS, STARTS_BY_VERSION
from tests.cloudwatch.insights_run import Run, rows_of
from tests.harness import Output

START = {"Starts", "TimeStarting"}
SERVED = START | {"TimeToServing"}
MIGRATED = {"MigrationDuration", "RevisionsApplied", "RevisionDuration"}
FAILED = START | {"StartupFailed", "DeploymentFailed"}


# What each run publishes.
EXPECTED: dict[str, set[str]] = {
    "first start": SERVED | MIGRATED,
    "at head": SERVED,
    "ahead, tolerated": SERVED | {"DatabaseAheadTolerated"},
    "lock waited for": START | MIGRATED | {"LockWait"},
    "statement tried again": START | MIGRATED | {"RevisionRetries"},
    "settings": FAILED | {"SettingsInvalid"},
    "app": FAILED | {"AppFailed"},
    "tree": FAILED | {"MigrationTreeInvalid"},
    "port": FAILED | {"BindFailed"},
    "unreachable": FAILED | {"DatabaseRetries", "DatabaseUnreachable"},
    "refused": FAILED | {"DatabaseRefused"},
    "lock": START | {"StartupFailed", "LockWait", "LockTimeout"},
    "revision": FAILED | {"MigrationFailed"},
    "half applied": FAILED | {"MigrationHalfApplied"},
    "ahead": FAILED | {"DatabaseAhead"},
    "stopped": START | {"MigrationStopped"},
    "bug": FAILED | {"Bugs"},
    "hook": FAILED | {"HookFailed"},
    "dependency": FAILED | {"DependencyUnreachable"},
}


def published(output: Output) -> dict[str, list[float]]:
    """The values of each metric that CloudWatch would publish for these lines, after a look at their dimensions."""
    found: dict[str, list[float]] = {}
    for metric in METRICS:
        pattern = Pattern.compile(metric.pattern)
        matched = [json.loads(line) for line in output.lines if pattern.matches_line(line.encode())]
        if matched:
            found[metric.name] = [value(metric, event) for event in matched]
    return found


def value(metric: Metric, event: Mapping[str, Any]) -> float:
    """Its value on a line; a metric needs a number, and each of its dimensions a text."""
    for dimension in metric.dimensions:
        assert event[dimension], event
        assert isinstance(event[dimension], str), event
    value = event[metric.value.removeprefix("$.")] if metric.value.startswith("$.") else float(metric.value)
    assert isinstance(value, int | float), event
    assert math.isfinite(value), event
    assert value >= 0, event
    return float(value)


def judge(output: Output, name: str) -> dict[str, list[float]]:
    """Return what a run publishes, which is all that is expected of it; each failure counts once."""
    found = published(output)
    assert set(found) == EXPECTED[name], output.story()
    counts = {metric: values for metric, values in found.items() if metric in EXPECTED[name] - SERVED - MIGRATED}
    once = {metric for metric, values in counts.items() if values == [1.0]}
    assert once >= counts.keys() - {"LockWait", "DatabaseRetries", "RevisionRetries"}, output.story()
    ask(output, {"StartupFailed", "MigrationStopped"} & EXPECTED[name] != set(), "TimeToServing" in EXPECTED[name])
    return found


def ask(output: Output, failed: bool, served: bool) -> None:  # noqa: FBT001
    """The saved queries agree with the metrics: whether the start failed, its cure, and whether it served."""
    rows = rows_of(output.lines, "shop/app/1")
    (start,) = Run(STARTS_BY_VERSION.text, rows[-1]["@timestamp"] / 1000 + 300).on(rows)
    assert (start["starts"], start["served"], start["failed"], start["killed"]) == (1, served, failed, 0)
    failures = Run(FAILED_STARTS.text, 0).on(rows)
    assert [row["exit_code"] for row in failures] == [output.events[-1]["exit_code"]] * failed
    assert all(row["hint"] and row["error_type"] and row["failed_state"] for row in failures)

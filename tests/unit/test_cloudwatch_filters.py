"""The metric filters of `orchestrator cloudwatch`: what they watch is what the events have."""

import json
import re
import subprocess
import sys

import pytest

from orchestrator.cloudwatch.metrics import METRICS, WATCHED, Metric
from orchestrator.cloudwatch.patterns import Pattern
from orchestrator.cloudwatch.template import template
from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from tests.unit.observability import FAILURES, SCHEMA, Node


def test_a_log_group_takes_them_all() -> None:
    """100 filters, of which 5 with regular expressions; we need none of these."""
    assert len(METRICS) <= 100
    assert sum(Pattern.compile(metric.pattern).regexes for metric in METRICS) == 0


def test_filters_are_made_one_after_the_other() -> None:
    """Two changes of a log group at once are refused: OperationAbortedException."""
    filters = [metric.logical_id for metric in METRICS]
    after = {name: template()["Resources"][name].get("DependsOn") for name in filters}
    assert after == dict(zip(filters, [None, *filters], strict=False))


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.__name__)
def test_every_failure_has_its_filter_and_the_milder_form_another(kind: type[Failure]) -> None:
    """So that a rollback that works does not count as a start that failed."""
    line = {"event": kind.name, "outcome": kind.outcome, "error_type": "x", "exit_code": 7, "state": "failed"}
    taken = [metric.name for metric in METRICS if Pattern.compile(metric.pattern).matches(line)]
    expected = {kind.__name__} | ({"Starts", "LockWait", "DeploymentFailed"} & set(taken))
    assert set(taken) == expected


def test_a_new_failure_gets_its_filter_by_itself() -> None:
    """One class in the catalogue is all that it takes; its series is in the dashboard too."""
    program = """
from orchestrator import errors
from orchestrator.events.event import catalogued

@catalogued
class DiskFull(errors.Failure):
    "No room is left."
    exits_with, sentence, cure = 13, "The disk is full: {error_message}", "Make room."

from orchestrator.cloudwatch.template import render
print(render("json"))
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    resources = json.loads(printed)["Resources"]
    pattern = resources["DiskFullFilter"]["Properties"]["FilterPattern"]
    assert Pattern.compile(pattern).matches({"event": "disk_full", "outcome": "failure"})
    assert '"DiskFull"' in resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert "13 disk_full" in resources["StartupFailedAlarm"]["Properties"]["AlarmDescription"]["Fn::Sub"]


def _events_of(metric: Metric) -> list[Node]:
    """The schemas of the events that a pattern names; of all, where it goes by the state."""
    names = re.findall(r'\$\.event = "(\w+)"', metric.pattern)
    by_state = "$.state" in metric.pattern
    return [SCHEMA[name] for name in (SCHEMA if by_state else names)]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_filter_uses_only_fields_of_every_such_line(metric: Metric) -> None:
    """A field that is missing on some is a value that is missing, or a comparison that is false."""
    value = {metric.value.removeprefix("$.")} if metric.value.startswith("$.") else set()
    used = {*Pattern.compile(metric.pattern).fields, *metric.dimensions, *value}
    for event in _events_of(metric):
        assert used <= set(event["required"]), event["properties"]["event"]
        assert all(event["properties"][name]["type"] in ("number", "integer") for name in value)
        assert all(event["properties"][name]["type"] == "string" for name in metric.dimensions)
        assert metric.unit == ("Seconds" if value else "Count")
        assert all(event["properties"][name].get("x-unit") == "seconds" for name in value)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_default_is_for_what_an_alarm_watches(metric: Metric) -> None:
    """And never beside dimensions; of a duration it would be a lie."""
    assert metric.default is None or not metric.dimensions
    assert metric.default is None or metric.value == "1"
    if metric.name in {kind.__name__ for kind in WATCHED}:
        assert metric.default == 0
    assert metric.meaning


def test_no_metric_has_the_name_of_an_embedded_one() -> None:
    """With ORCHESTRATOR_METRICS=emf both are published, and nothing may be counted twice."""
    embedded = {name for kind in CATALOGUE.values() for name in SCHEMA[kind.name]["properties"]}
    assert not embedded & {metric.name for metric in METRICS}

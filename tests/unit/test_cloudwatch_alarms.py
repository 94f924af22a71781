"""The alarms and the dashboard of `orchestrator cloudwatch`: what pages, what it says, and what is shown."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from orchestrator.cloudwatch.alarms import ALARMS, DEPLOYMENT, PAGING
from orchestrator.cloudwatch.metrics import DEPLOYMENT_FAILED, METRICS, STOPPED, WATCHED, failure
from orchestrator.cloudwatch.parameters import PARAMETERS
from orchestrator.cloudwatch.patterns import Pattern
from orchestrator.cloudwatch.template import template
from orchestrator.errors import Failure, StartupFailed
from tests.unit.observability import FAILURES, Node, resources

FAILURES_WATCHED = [kind for kind in FAILURES if kind in WATCHED]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_can_come_and_go(alarm: Any) -> None:
    """It watches a metric that is published without dimensions, at once, and silence is good."""
    properties = alarm.resource()["Properties"]
    assert alarm.metric in METRICS
    assert alarm.metric.dimensions == ()
    assert "Dimensions" not in properties
    assert properties["TreatMissingData"] == "notBreaching"
    assert (properties["Period"], properties["DatapointsToAlarm"]) == (60, 1)
    by_count = (properties["Statistic"], properties["ComparisonOperator"])
    if alarm.metric.unit == "Count":
        assert by_count == ("Sum", "GreaterThanOrEqualToThreshold")
        assert alarm.metric.default == 0
    else:
        assert by_count == ("Maximum", "GreaterThanThreshold")


def test_each_watched_failure_has_an_alarm() -> None:
    """A default without an alarm would only cost."""
    assert {failure(kind) for kind in WATCHED} == {alarm.metric for alarm in PAGING if alarm.metric.unit == "Count"}


def test_a_start_that_was_stopped_is_not_an_alarm() -> None:
    """The next one continues; a deployment that replaces a migrating task must not be undone for it."""
    taken = Pattern.compile(failure(StartupFailed).pattern)
    codes = {kind.exits_with for kind in FAILURES}
    line = {"event": "startup_failed", "outcome": "failure"}
    assert codes - {code for code in codes if taken.matches({**line, "exit_code": code})} == {12}


@pytest.mark.parametrize("kind", FAILURES_WATCHED, ids=lambda kind: kind.name)
def test_an_alarm_says_what_to_do(kind: type[Failure]) -> None:
    """The notification is read at night, on a telephone."""
    (alarm,) = (each for each in PAGING if each.metric == failure(kind))
    assert len(alarm.description) + PARAMETERS["Runbook"]["MaxLength"] <= 1024
    assert alarm.description.endswith(f"Runbook: ${{Runbook}}#{kind.name}")
    if kind.name == "startup_failed":
        codes = {each.exits_with for each in FAILURES if each not in STOPPED}
        assert all(f"{code} " in alarm.description for code in codes)
    else:
        assert kind.cure in alarm.description
        assert f"Exit code {kind.exits_with}." in alarm.description


def test_a_migration_that_continues_elsewhere_ends_no_deployment() -> None:
    """The task that waited for it pages; a rollback would stop the healthy one that holds the lock."""
    taken = Pattern.compile(DEPLOYMENT_FAILED.pattern)
    codes = {kind.exits_with for kind in FAILURES}
    line = {"event": "startup_failed", "outcome": "failure"}
    assert codes - {code for code in codes if taken.matches({**line, "exit_code": code})} == {6, 12}
    assert DEPLOYMENT.metric == DEPLOYMENT_FAILED
    assert template()["Outputs"]["DeploymentAlarmName"]["Value"] == {"Ref": DEPLOYMENT.logical_id}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_those_that_page_also_say_when_it_is_over(alarm: Any) -> None:
    """The alarm of the deployment notifies no topic: the one on failed starts does."""
    told = {each for each in ("AlarmActions", "OKActions") if each in alarm.resource()["Properties"]}
    assert told == ({"AlarmActions", "OKActions"} if alarm in PAGING else set())


def _widgets() -> list[Node]:
    (properties,) = resources("CloudWatch::Dashboard").values()
    found: list[Node] = json.loads(properties["DashboardBody"]["Fn::Sub"])["widgets"]
    return found


def test_a_dashboard_shows_published_metrics() -> None:
    """Every metric, and none that no filter makes."""
    graphs = [each["properties"] for each in _widgets() if each["type"] == "metric"]
    series = [line for graph in graphs for line in graph["metrics"]]
    shown = {line[1] for line in series if isinstance(line[0], str)}
    shown |= {name for line in series for name in re.findall(r'MetricName="(\w+)"', str(line[0]))}
    assert shown == {metric.name for metric in METRICS}
    assert all(line[0] == "${MetricNamespace}/${AWS::StackName}" for line in series if isinstance(line[0], str))


def test_widgets_do_not_lie_on_each_other() -> None:
    """The grid has 24 columns."""
    cells = Counter(
        (x, y)
        for each in _widgets()
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    )
    assert set(cells.values()) == {1}
    assert max(x for x, _ in cells) == 23


def test_all_alarms_are_shown() -> None:
    """That of the deployment first."""
    (alarms,) = (each["properties"]["alarms"] for each in _widgets() if each["type"] == "alarm")
    names = list(resources("CloudWatch::Alarm"))
    assert alarms == [f"${{{name}.Arn}}" for name in names]

"""The CloudFormation of `orchestrator cloudwatch`: it deploys, and what it watches is what the events have."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cloudwatch.alarms import ALARMS, DEPLOYMENT, PAGING
from orchestrator.cloudwatch.intrinsics import literal
from orchestrator.cloudwatch.metrics import DEPLOYMENT_FAILED, METRICS, STOPPED, WATCHED, Metric, failure
from orchestrator.cloudwatch.parameters import PARAMETERS
from orchestrator.cloudwatch.patterns import Pattern
from orchestrator.cloudwatch.template import render, template
from orchestrator.documentation.schema import forms, line_schema
from orchestrator.errors import Failure, StartupFailed
from orchestrator.events import CATALOGUE
from tests.cloudwatch.linting import RULES, findings

Node = dict[str, Any]

INLINE_BYTES = 51_200  # what `aws cloudformation deploy` sends without a bucket
FAILURES = [form for kind in CATALOGUE.values() for form in forms(kind) if issubclass(form, Failure)]
FAILURES_WATCHED = [kind for kind in FAILURES if kind in WATCHED]
SCHEMA = line_schema()["$defs"]


def _resources(kind: str) -> dict[str, Node]:
    found: dict[str, Node] = template()["Resources"]
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == f"AWS::{kind}"}


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_cfn_lint_finds_nothing(form: Any) -> None:
    """With our own rules: patterns parse, default value and dimensions exclude each other, ranges hold."""
    assert findings(render(form)) == []


def test_the_command_prints_what_cfn_lint_takes(tmp_path: Path) -> None:
    """As a person does it, and with the rules from their directory."""
    command = [sys.executable, "-m", "orchestrator", "cloudwatch"]
    file = tmp_path / "cloudwatch.yaml"
    file.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    linter = str(Path(sys.executable).with_name("cfn-lint"))
    linted = subprocess.run([linter, "--append-rules", RULES, "--", file], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_both_formats_say_the_same() -> None:
    """And neither uses what CloudFormation does not take: YAML's aliases, and dates for texts."""
    assert yaml.safe_load(render("yaml")) == json.loads(render("json")) == template()
    assert not re.search(r"[&*]id\d", render("yaml"))


def test_it_can_be_sent_without_a_bucket() -> None:
    """A larger one needs `--s3-bucket`."""
    assert len(render("yaml").encode()) < INLINE_BYTES


def test_it_deploys_as_it_is() -> None:
    """Each parameter has a default that its own rules allow."""
    for name, parameter in PARAMETERS.items():
        default = parameter["Default"]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(default)), name
        assert default in parameter.get("AllowedValues", [default]), name
        assert parameter["Description"], name


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("LogGroupName", ["/ecs/app", "a.b-c_d#e"], ["", "a b", "a'b", 'a"b', "a${b}"]),
        ("MetricNamespace", ["Orchestrator", "Team/Shop"], ["", "AWS/ECS", "a b", "a:b", 'a"b']),
        (
            "NotificationTopicArn",
            ["", "arn:aws:sns:eu-west-1:111122223333:on-call", "arn:aws-cn:sns:cn-north-1:111122223333:x.fifo"],
            ["on-call", "arn:aws:sqs:eu-west-1:111122223333:on-call"],
        ),
    ],
)
def test_a_parameter_takes_what_aws_takes(parameter: str, good: list[str], bad: list[str]) -> None:
    """A quotation mark would break the dashboard's JSON, and a mistake is cheaper before the deployment than in it."""
    pattern = PARAMETERS[parameter]["AllowedPattern"]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []


def test_nothing_of_one_name_replaced_another() -> None:
    """The parts of the template are put together by their names."""
    names = [metric.logical_id for metric in METRICS]
    assert len(set(names)) == len(names) == len(_resources("Logs::MetricFilter"))
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({alarm.name for alarm in ALARMS}) == len(ALARMS) == len(_resources("CloudWatch::Alarm"))


def test_the_lines_outlive_the_stack_but_not_a_creation_that_failed() -> None:
    """A group that stays behind would be in the way of the next try."""
    group = template()["Resources"]["LogGroup"]
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert group["Condition"] == "CreatesLogGroup"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "RetentionDays"}


def test_a_text_is_not_taken_for_a_variable() -> None:
    """A cure or a query may have a dollar and a brace."""
    assert literal("a ${b} $c {d}") == "a ${!b} $c {d}"


# ---------------------------------------------------------------- metric filters


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


# ---------------------------------------------------------------- alarms


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


def test_names_are_of_one_stack_only() -> None:
    """Two services in an account must not share an alarm, a metric or a dashboard."""
    resources = template()["Resources"].values()
    named = [
        each["Properties"][key]
        for each in resources
        for key in ("AlarmName", "DashboardName", "Name", "Namespace")
        if key in each["Properties"]
    ]
    named += [
        each["Properties"]["MetricTransformations"][0]["MetricNamespace"]
        for each in resources
        if each["Type"] == "AWS::Logs::MetricFilter"
    ]
    assert len(named) > len(METRICS) + len(ALARMS)
    assert all("${AWS::StackName}" in name["Fn::Sub"] for name in named)


# ---------------------------------------------------------------- the dashboard


def _widgets() -> list[Node]:
    (properties,) = _resources("CloudWatch::Dashboard").values()
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
    names = list(_resources("CloudWatch::Alarm"))
    assert alarms == [f"${{{name}.Arn}}" for name in names]

"""The CloudFormation of `orchestrator cloudwatch`: it deploys, and its names are of one stack only."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cloudwatch.alarms import ALARMS
from orchestrator.cloudwatch.intrinsics import literal
from orchestrator.cloudwatch.metrics import METRICS
from orchestrator.cloudwatch.parameters import PARAMETERS
from orchestrator.cloudwatch.template import render, template
from tests.cloudwatch.linting import RULES, findings
from tests.unit.observability import resources

INLINE_BYTES = 51_200  # what `aws cloudformation deploy` sends without a bucket


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
    assert len(set(names)) == len(names) == len(resources("Logs::MetricFilter"))
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({alarm.name for alarm in ALARMS}) == len(ALARMS) == len(resources("CloudWatch::Alarm"))


def test_the_lines_outlive_the_stack_but_not_a_creation_that_failed() -> None:
    """A group that stays behind would be in the way of the next try."""
    group = template()["Resources"]["LogGroup"]
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert group["Condition"] == "CreatesLogGroup"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "RetentionDays"}


def test_a_text_is_not_taken_for_a_variable() -> None:
    """A cure or a query may have a dollar and a brace."""
    assert literal("a ${b} $c {d}") == "a ${!b} $c {d}"


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

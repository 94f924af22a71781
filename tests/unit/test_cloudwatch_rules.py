"""Our rules for cfn-lint find what AWS would refuse, wherever it stands, and leave alone what AWS takes."""

import json
import textwrap
from typing import Any

import pytest

from tests.cloudwatch.linting import findings

HEAD = """
Parameters:
  Flag: {Type: String, Default: a}
  Number: {Type: Number, Default: 301, MinValue: 1}
  Choice: {Type: String, Default: blocking, AllowedValues: [blocking, nonblocking]}
  Word: {Type: String, Default: failed}
Conditions:
  Chosen: {"Fn::Equals": [{Ref: Flag}, a]}
Resources:
  Group: {Type: "AWS::Logs::LogGroup", DeletionPolicy: Delete, UpdateReplacePolicy: Delete}
  Used:
    Type: AWS::Logs::LogStream
    Properties:
      LogGroupName: {Ref: Group}
      LogStreamName: {"Fn::If": ["Chosen", {"Fn::Sub": "${Flag}-${Number}-${Choice}-${Word}"}, b]}
"""
FILTER = """
  {name}:
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: {{Ref: Group}}
      FilterPattern: {pattern}
      MetricTransformations:
      - {transformation}
"""
CONTAINER = """
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      ContainerDefinitions:
      - Name: app
        Image: app
"""
DASHBOARD = """
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: {body}
"""
COUNT = {"MetricName": "Starts", "MetricNamespace": "Orchestrator", "MetricValue": "1"}
DIMENSIONS = [{"Key": "error_type", "Value": "$.error_type"}]
JSON = '{ $.event = "startup_failed" }'


def _filter(pattern: Any = JSON, name: str = "Filter", **transformation: Any) -> str:
    dumped = json.dumps(COUNT | transformation)
    return FILTER.format(name=name, pattern=json.dumps(pattern), transformation=dumped)


def _container(**properties: Any) -> str:
    return CONTAINER + textwrap.indent(
        "\n".join(f"{key}: {json.dumps(properties[key])}" for key in properties), " " * 8
    )


def _check(**properties: Any) -> str:
    return _container(HealthCheck={"Command": ["CMD", "orchestrator", "probe"], **properties})


def _log(**options: Any) -> str:
    needed = {"awslogs-group": {"Ref": "Group"}, "awslogs-region": "eu-west-1"}
    return _container(LogConfiguration={"LogDriver": "awslogs", "Options": needed | options})


def _board(body: Any) -> str:
    return DASHBOARD.format(body=json.dumps(body))


def _widget(**properties: Any) -> str:
    return json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "x"}, **properties}]})


BAD: dict[str, tuple[str, str, str]] = {
    "a pattern that does not parse": (_filter("{ $.event = }"), "E9102", "is no filter pattern"),
    "a pattern that does not end": (_filter("{ $.event = 1"), "E9102", "is no filter pattern"),
    "a pattern behind a blank": (_filter(" { $.event = 1 }"), "E9102", "is no filter pattern"),
    "a pattern of another language": (_filter("{ event == 'x' }"), "E9102", "is no filter pattern"),
    "a pattern that a parameter completes": (
        _filter({"Fn::Sub": "{ $.event = ${Word} ${Word} }"}),
        "E9102",
        "is no filter pattern",
    ),
    "a pattern of one branch": (_filter({"Fn::If": ["Chosen", JSON, "{ $ }"]}), "E9102", "is no filter pattern"),
    "default and dimensions": (_filter(DefaultValue=0, Dimensions=DIMENSIONS), "E9101", "should not be included"),
    "default and dimensions in one branch": (
        _filter(DefaultValue={"Fn::If": ["Chosen", 0, {"Ref": "AWS::NoValue"}]}, Dimensions=DIMENSIONS),
        "E9101",
        "should not be included",
    ),
    "dimensions of words": (_filter("ERROR", Dimensions=DIMENSIONS), "E9103", "can have dimensions"),
    "a constant dimension": (_filter(Dimensions=[{"Key": "a", "Value": "b"}]), "E9101", "'b' does not match"),
    "a word for a value": (_filter(MetricValue="duration"), "E9101", "'duration' does not match"),
    "a colon in a name": (_filter(MetricName="a:b"), "E9101", "'a:b' does not match"),
    "a dollar in a name": (_filter(MetricName="$a"), "E9101", "'$a' does not match"),
    "the namespace of AWS": (_filter(MetricNamespace="AWS/ECS"), "E9101", "'AWS/ECS' does not match"),
    "a blank in a namespace": (_filter(MetricNamespace={"Fn::Sub": "a ${Word}"}), "W1031", "does not match"),
    "a hundred and one filters": (
        "".join(_filter(name=f"Filter{number}") for number in range(101)),
        "E9103",
        "101 metric filters",
    ),
    "six regular expressions": (
        "".join(_filter("{ $.event = %a% }", name=f"Filter{number}") for number in range(6)),
        "E9103",
        "6 patterns with regular expressions",
    ),
    "a start period": (_check(StartPeriod=301), "E9101", "301 is greater than the maximum of 300"),
    "a start period of a parameter": (_check(StartPeriod={"Ref": "Number"}), "W1030", "maximum of 300"),
    "an interval": (_check(Interval=4), "E9101", "4 is less than the minimum of 5"),
    "an interval of one branch": (_check(Interval={"Fn::If": ["Chosen", 4, 5]}), "E9101", "4 is less than"),
    "a long interval": (_check(Interval=301), "E9101", "301 is greater than"),
    "a timeout": (_check(Timeout=1), "E9101", "1 is less than the minimum of 2"),
    "a long timeout": (_check(Timeout=61), "E9101", "61 is greater than"),
    "no retry": (_check(Retries=0), "E9101", "0 is less than the minimum of 1"),
    "many retries": (_check(Retries=11), "E9101", "11 is greater than"),
    "a stop timeout": (_container(StopTimeout=121), "E9101", "121 is greater than the maximum of 120"),
    "a start timeout": (_container(StartTimeout=121), "E9101", "121 is greater than"),
    "a restart period": (
        _container(RestartPolicy={"Enabled": True, "RestartAttemptPeriod": 59}),
        "E9101",
        "59 is less than the minimum of 60",
    ),
    "a log mode": (_log(mode="nonblocking"), "E9101", "'nonblocking' is not one of"),
    "a log mode that may be chosen": (_log(mode={"Ref": "Choice"}), "W1030", "is not one of"),
    "a buffer size": (_log(**{"max-buffer-size": "25 MB"}), "E9101", "'25 MB' does not match"),
    "two ways to join lines": (
        _log(**{"awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "^a"}),
        "E9101",
        "should not be included",
    ),
    "no JSON": (_board("{"), "E9104", "is not JSON"),
    "no JSON when it is filled in": (_board({"Fn::Sub": '{"widgets": [${AWS::Region}]}'}), "E9104", "is not JSON"),
    "no JSON in a list": (_board({"Fn::Sub": ["{${a}", {"a": "b"}]}), "E9104", "is not JSON"),
    "no widgets": (_board('{"start": "-PT1H"}'), "E9104", "no list of widgets"),
    "no object": (_board("[]"), "E9104", "no list of widgets"),
    "no widget": (_board('{"widgets": [1]}'), "E9104", "a widget is no object"),
    "no properties": (_board('{"widgets": [{"type": "text"}]}'), "E9104", "a widget is no object"),
    "outside the grid": (_board(_widget(x=20, width=6)), "E9104", "grid of 24 columns"),
}
GOOD = {
    "a count with a default": _filter(DefaultValue=0),
    "a count with dimensions": _filter(Dimensions=DIMENSIONS),
    "either, by a condition": _filter(
        DefaultValue={"Fn::If": ["Chosen", 0, {"Ref": "AWS::NoValue"}]},
        Dimensions={"Fn::If": ["Chosen", {"Ref": "AWS::NoValue"}, DIMENSIONS]},
    ),
    "a value of a field": _filter(MetricValue="$.duration_seconds", Unit="Seconds"),
    "a fraction": _filter(MetricValue="0.5"),
    "words": _filter("ERROR -timeout"),
    "columns with dimensions": _filter("[time, level]", Dimensions=[{"Key": "level", "Value": "$level"}]),
    "nothing, which is everything": _filter(""),
    "a pattern with a parameter": _filter({"Fn::Sub": '{ $.event = "${Word}" }'}),
    "five regular expressions, of six filters": _filter()
    + "".join(_filter("{ $.event = %a% && $.state = %b% }", name=f"Filter{number}") for number in range(5)),
    "the longest health check": _check(StartPeriod=300, Interval=300, Timeout=60, Retries=10),
    "the shortest health check": _check(StartPeriod=0, Interval=5, Timeout=2, Retries=1),
    "the longest stop timeout": _container(StopTimeout=120, StartTimeout=120),
    "a log that never blocks": _log(mode="non-blocking", **{"max-buffer-size": "25m"}),
    "a dashboard": _board({"Fn::Sub": _widget(x=0, width=24).replace("x", "${AWS::Region} ${!literal}", 1)}),
    "an empty dashboard": _board('{"widgets": []}'),
}


@pytest.mark.parametrize("name", BAD)
def test_what_aws_refuses_is_found(name: str) -> None:
    """By its own rule, and nothing besides is found; values of parameters are cfn-lint's W103x."""
    template, rule, words = BAD[name]
    found = [each for each in findings(HEAD + template) if not each.startswith(("E3031", "W1020"))]
    assert {each.partition(":")[0] for each in found} == {rule}, found
    assert any(words in each for each in found), found


@pytest.mark.parametrize("name", GOOD)
def test_what_aws_takes_passes(name: str) -> None:
    """A rule that cries wolf is switched off."""
    assert findings(HEAD + GOOD[name]) == []


def test_the_frame_of_these_templates_is_clean() -> None:
    """All findings are about the addition."""
    assert findings(HEAD) == []

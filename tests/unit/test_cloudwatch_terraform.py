"""`orchestrator cloudwatch --format terraform` makes what CloudFormation makes, with the arguments of the provider.

It was not applied to an account. Names and types are compared with the provider's published schema; the expressions are
computed by terraform where it is installed, and give what CloudFormation's functions give.
"""

import json
import re
from typing import Any

import pytest

from orchestrator.cloudwatch.expressions import escaped, snake
from orchestrator.cloudwatch.template import template
from orchestrator.cloudwatch.terraform import module, render
from tests.cloudwatch.terraform import INSTALLED, Node, evaluated, faults, references, replaced
from tests.unit.cloudformation import Stack

MADE = module()
PARAMETERS = {
    "NotificationEmail": "on-call@example.com",
    "ServiceName": "shop",
    "ClusterName": "main",
    "Runbook": "https://example.com/runbook.md",
}
WORDS = {
    "aws_region.current.id": "eu-west-1",
    "aws_caller_identity.current.account_id": "111122223333",
    "aws_partition.current.partition": "aws",
}


def test_it_is_json_of_one_module() -> None:
    """And what the command prints."""
    assert json.loads(render()) == MADE
    assert set(MADE["variable"]) == {snake(name) for name in template()["Parameters"]} | {"name"}
    assert set(MADE["output"]) == {snake(name) for name in template()["Outputs"]}


@pytest.mark.parametrize("kind", sorted(MADE["resource"]))
def test_the_provider_knows_every_argument(kind: str) -> None:
    """By name and type; none that it requires is missing."""
    assert [fault for each in MADE["resource"][kind].values() for fault in faults(kind, each)] == []


def test_a_wrong_argument_is_seen() -> None:
    """A check that cannot fail checks nothing."""
    alarm = MADE["resource"]["aws_cloudwatch_metric_alarm"]["lock_timeout_alarm"]
    without = {name: value for name, value in alarm.items() if name != "comparison_operator"}
    assert list(faults("aws_cloudwatch_metric_alarm", without)) == [
        "aws_cloudwatch_metric_alarm: comparison_operator is missing"
    ]
    assert list(faults("aws_cloudwatch_metric_alarm", alarm | {"okactions": [], "period": "60"})) == [
        "aws_cloudwatch_metric_alarm: okactions is unknown",
        "aws_cloudwatch_metric_alarm: period is no number: '60'",
    ]


def test_no_reference_is_broken() -> None:
    """Variables, locals, data and resources."""
    text = render()
    assert set(re.findall(r"\bvar\.(\w+)", text)) <= set(MADE["variable"])
    assert set(re.findall(r"\blocal\.(\w+)", text)) <= set(MADE["locals"])
    there = {f"{kind}.{name}" for kind, named in (MADE["resource"] | MADE["data"]).items() for name in named}
    found = references([MADE["resource"], MADE["output"]])
    assert found
    assert {each.rpartition(".")[0] for each in found} <= there
    filters = MADE["resource"]["aws_cloudwatch_log_metric_filter"]
    after = {each["depends_on"][0] for each in filters.values() if "depends_on" in each}
    assert after < {f"aws_cloudwatch_log_metric_filter.{name}" for name in filters}


def test_a_text_is_not_a_template() -> None:
    """A query or a cure may have a dollar and a brace."""
    assert escaped("a ${b} %{c} $d") == "a $${b} %%{c} $d"


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Return every argument as terraform computes it."""
    if not INSTALLED:
        pytest.skip("terraform is not installed")
    words = {each: WORDS.get(each, f"<{each}>") for each in references([MADE["resource"], MADE["output"]])}
    made = {
        kind: {
            name: {key: replaced(value) for key, value in each.items() if key != "depends_on"}
            for name, each in named.items()
        }
        for kind, named in MADE["resource"].items()
    }
    outputs = {name: {"value": replaced(each["value"])} for name, each in MADE["output"].items()}
    config = {
        "variable": MADE["variable"],
        "locals": MADE["locals"] | {"words": words, "made": made},
        "output": outputs | {"made": {"value": "${jsonencode(local.made)}"}},
    }
    given = {snake(name): value for name, value in PARAMETERS.items()}
    found = evaluated(tmp_path_factory.mktemp("terraform"), config, name="shop-starts", **given)
    return found | {"made": json.loads(found["made"])}


def _cloudformation(kind: str) -> dict[str, Any]:
    source = template()
    stack = Stack(source, PARAMETERS)
    there = {name: each for name, each in stack.resources.items() if source["Resources"][name]["Type"] == kind}
    return {snake(name): each for name, each in there.items()}


def test_its_values_are_those_of_cloudformation(computed: Node) -> None:
    """Patterns, alarms, queries, rules and the dashboard, each text and number."""
    made = computed["made"]
    for name, each in _cloudformation("AWS::Logs::MetricFilter").items():
        (told,) = each["MetricTransformations"]
        of = made["aws_cloudwatch_log_metric_filter"][name]
        assert of["pattern"] == each["FilterPattern"]
        transformation = of["metric_transformation"]
        assert (transformation["name"], transformation["value"]) == (told["MetricName"], told["MetricValue"])
        assert transformation.get("default_value") == (str(told["DefaultValue"]) if "DefaultValue" in told else None)
    for name, each in _cloudformation("AWS::CloudWatch::Alarm").items():
        of = made["aws_cloudwatch_metric_alarm"][name]
        assert of["alarm_description"] == each["AlarmDescription"]
        assert (of["threshold"], of["metric_name"]) == (each["Threshold"], each["MetricName"])
        assert ("alarm_actions" in of, "ok_actions" in of) == ("AlarmActions" in each, "OKActions" in each)
    for name, each in _cloudformation("AWS::Logs::QueryDefinition").items():
        assert made["aws_cloudwatch_query_definition"][name]["query_string"] == each["QueryString"]
    for name, each in _cloudformation("AWS::Events::Rule").items():
        assert json.loads(made["aws_cloudwatch_event_rule"][name]["event_pattern"]) == each["EventPattern"]
        transformer = each["Targets"][0]["InputTransformer"]
        of = made["aws_cloudwatch_event_target"][name]["input_transformer"]
        assert (of["input_paths"], of["input_template"]) == (
            transformer["InputPathsMap"],
            transformer["InputTemplate"],
        )
    dashboard = json.loads(made["aws_cloudwatch_dashboard"]["dashboard"]["dashboard_body"])
    (expected,) = _cloudformation("AWS::CloudWatch::Dashboard").values()
    assert len(dashboard["widgets"]) == len(json.loads(expected["DashboardBody"])["widgets"])
    assert computed["metric_namespace"] == "Orchestrator/shop-starts"


def test_an_optional_resource_is_there_or_not(computed: Node) -> None:
    """As its condition says."""
    made = computed["made"]
    assert made["aws_sns_topic"]["topic"]["count"] == 1
    assert made["aws_cloudwatch_event_rule"]["task_stopped_rule"]["count"] == 1
    assert made["aws_cloudwatch_log_group"]["log_group"]["count"] == 1

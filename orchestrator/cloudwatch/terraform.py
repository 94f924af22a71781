"""`orchestrator cloudwatch --format terraform`: the resources of the CloudFormation template as Terraform's JSON.

The output is one module. Its variables are the parameters, and `name` replaces the name of the stack. Arguments
are those of the AWS provider, https://registry.terraform.io/providers/hashicorp/aws/latest/docs.
"""

import json
from collections.abc import Callable

from orchestrator.cloudwatch.expressions import Expressions, snake
from orchestrator.cloudwatch.intrinsics import Node
from orchestrator.cloudwatch.template import template

_TYPES = {
    "AWS::Logs::LogGroup": "aws_cloudwatch_log_group",
    "AWS::Logs::MetricFilter": "aws_cloudwatch_log_metric_filter",
    "AWS::Logs::QueryDefinition": "aws_cloudwatch_query_definition",
    "AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm",
    "AWS::CloudWatch::Dashboard": "aws_cloudwatch_dashboard",
    "AWS::Events::Rule": "aws_cloudwatch_event_rule",
    "AWS::SNS::Topic": "aws_sns_topic",
    "AWS::SNS::TopicPolicy": "aws_sns_topic_policy",
}
_LOOKAHEAD = "(?!AWS/)"  # Terraform's RE2 has no lookahead


def render() -> str:
    """Return the module as text."""
    return json.dumps(module(), indent=2, ensure_ascii=False) + "\n"


def module() -> Node:
    """Return the module."""
    source = template()
    resources = source["Resources"]
    references = {name: f"{_TYPES[each['Type']]}.{snake(name)}" for name, each in resources.items()}
    to = Expressions(references, frozenset(name for name, each in resources.items() if "Condition" in each))
    made: dict[str, Node] = {}
    for name, each in resources.items():
        for kind, label, arguments in _resources(name, each, to):
            made.setdefault(kind, {})[label] = arguments
    return {
        "//": "Made by `orchestrator cloudwatch --format terraform`: do not edit.",
        "terraform": {"required_version": ">= 1.5", "required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "variable": {"name": _NAME} | {snake(name): _variable(name, it) for name, it in source["Parameters"].items()},
        "locals": {snake(name): f"${{{to.expression(each)}}}" for name, each in source["Conditions"].items()},
        "data": {each: {"current": {}} for each in ("aws_region", "aws_caller_identity", "aws_partition")},
        "resource": made,
        "output": {
            snake(name): {"description": each["Description"], "value": to.value(each["Value"])}
            for name, each in source["Outputs"].items()
        },
    }


_NAME = {"type": "string", "description": "Begins the names of alarms, queries and dashboard; of one service only"}


def _variable(name: str, parameter: Node) -> Node:
    values = parameter.get("AllowedValues")
    is_flag = values == ["true", "false"]
    kind = "bool" if is_flag else {"Number": "number"}.get(parameter["Type"], "string")
    default = parameter["Default"] == "true" if is_flag else parameter["Default"]
    made: Node = {"type": kind, "description": parameter["Description"], "default": default}
    reference = f"var.{snake(name)}"
    if pattern := parameter.get("AllowedPattern"):
        text = json.dumps(f"^(?:{pattern.replace(_LOOKAHEAD, '')})$")
        made["validation"] = _validation(f"can(regex({text}, {reference}))", f"It must match {pattern}.")
    elif values and not is_flag:
        told = f"It must be one of {', '.join(map(str, values))}."
        made["validation"] = _validation(f"contains({json.dumps(values)}, {reference})", told)
    return made


def _validation(condition: str, message: str) -> Node:
    return {"condition": f"${{{condition}}}", "error_message": message}


def _resources(name: str, resource: Node, to: Expressions) -> list[tuple[str, str, Node]]:
    """Return type, label and arguments of the one or two Terraform resources for a resource of the template."""
    kind, label = _TYPES[resource["Type"]], snake(name)
    count = {"count": f"${{local.{snake(resource['Condition'])} ? 1 : 0}}"} if "Condition" in resource else {}
    after: Node = {"depends_on": [f"{kind}.{snake(resource['DependsOn'])}"]} if "DependsOn" in resource else {}
    properties = resource["Properties"]
    made: list[tuple[str, str, Node]] = [(kind, label, count | _ARGUMENTS[kind](name, properties, to) | after)]
    if kind == "aws_cloudwatch_event_rule":
        made.append(("aws_cloudwatch_event_target", label, count | _target(name, properties, to)))
    if kind == "aws_sns_topic":
        made.append(("aws_sns_topic_subscription", label, count | _subscription(name, properties, to)))
    return made


def _log_group(_name: str, properties: Node, to: Expressions) -> Node:
    return {
        "name": to.value(properties["LogGroupName"]),
        "retention_in_days": to.value(properties["RetentionInDays"]),
        "kms_key_id": to.value(properties["KmsKeyId"]),
        "skip_destroy": True,
    }


def _metric_filter(_name: str, properties: Node, to: Expressions) -> Node:
    (transformation,) = properties["MetricTransformations"]
    told = {
        "name": transformation["MetricName"],
        "namespace": to.value(transformation["MetricNamespace"]),
        "value": to.value(transformation["MetricValue"]),
        "unit": transformation["Unit"],
    }
    if "DefaultValue" in transformation:
        told["default_value"] = str(transformation["DefaultValue"])
    if "Dimensions" in transformation:
        told["dimensions"] = {each["Key"]: each["Value"] for each in transformation["Dimensions"]}
    return {
        "name": f"${{var.name}}-{transformation['MetricName']}",
        "log_group_name": to.value(properties["LogGroupName"]),
        "pattern": to.value(properties["FilterPattern"]),
        "metric_transformation": told,
    }


def _alarm(_name: str, properties: Node, to: Expressions) -> Node:
    renamed = {"OKActions": "ok_actions", "TreatMissingData": "treat_missing_data"}
    return {renamed.get(key, snake(key)): to.value(value) for key, value in properties.items()}


def _query(_name: str, properties: Node, to: Expressions) -> Node:
    return {snake(key): to.value(value) for key, value in properties.items()}


def _dashboard(_name: str, properties: Node, to: Expressions) -> Node:
    return {snake(key): to.value(value) for key, value in properties.items()}


def _rule(name: str, properties: Node, to: Expressions) -> Node:
    return {
        "name": f"${{var.name}}-{snake(name).replace('_', '-')}",
        "description": to.value(properties["Description"]),
        "event_pattern": f"${{jsonencode({to.expression(properties['EventPattern'])})}}",
    }


def _target(name: str, properties: Node, to: Expressions) -> Node:
    (target,) = properties["Targets"]
    transformer = target["InputTransformer"]
    return {
        "rule": f"${{aws_cloudwatch_event_rule.{snake(name)}[0].name}}",
        "target_id": target["Id"],
        "arn": to.value(target["Arn"]),
        "input_transformer": {
            "input_paths": transformer["InputPathsMap"],
            "input_template": to.value(transformer["InputTemplate"]),
        },
    }


def _topic(_name: str, _properties: Node, _to: Expressions) -> Node:
    return {"name": "${var.name}"}


def _subscription(_name: str, properties: Node, to: Expressions) -> Node:
    (subscription,) = properties["Subscription"]
    return {
        "topic_arn": "${aws_sns_topic.topic[0].arn}",
        "protocol": subscription["Protocol"],
        "endpoint": to.value(subscription["Endpoint"]),
    }


def _topic_policy(_name: str, properties: Node, to: Expressions) -> Node:
    return {
        "arn": to.value(properties["Topics"][0]),
        "policy": f"${{jsonencode({to.expression(properties['PolicyDocument'])})}}",
    }


_ARGUMENTS: dict[str, Callable[[str, Node, Expressions], Node]] = {
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_log_metric_filter": _metric_filter,
    "aws_cloudwatch_query_definition": _query,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_cloudwatch_dashboard": _dashboard,
    "aws_cloudwatch_event_rule": _rule,
    "aws_sns_topic": _topic,
    "aws_sns_topic_policy": _topic_policy,
}

"""`orchestrator cloudwatch`: builds the CloudFormation template from its parts.

One stack watches one log group, which belongs to one service. It deploys as it is: each parameter has a default.
"""

import json
from itertools import pairwise
from typing import Literal

import yaml

from orchestrator.cloudwatch.alarms import ALARMS, DEPLOYMENT, STARTUP_FAILED
from orchestrator.cloudwatch.dashboard import dashboard
from orchestrator.cloudwatch.intrinsics import Node, ref, sub
from orchestrator.cloudwatch.metrics import LOG_GROUP, METRICS, NAMESPACE
from orchestrator.cloudwatch.notices import NOTICES
from orchestrator.cloudwatch.parameters import CONDITIONS, PARAMETERS
from orchestrator.cloudwatch.queries import QUERIES

# Keep the log group when the stack is deleted; but if the creation failed, remove it, so that the next try can succeed.
LOG_GROUP_RESOURCE: Node = {
    "Type": "AWS::Logs::LogGroup",
    "Condition": "CreatesLogGroup",
    "DeletionPolicy": "RetainExceptOnCreate",
    "UpdateReplacePolicy": "Retain",
    "Properties": {
        "LogGroupName": ref("LogGroupName"),
        "RetentionInDays": ref("RetentionDays"),
        "KmsKeyId": {"Fn::If": ["EncryptsLogGroup", ref("LogKmsKeyArn"), ref("AWS::NoValue")]},
    },
}


def template() -> Node:
    """Return the template."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What CloudWatch makes of a service's starts. Made by `orchestrator cloudwatch`: do not edit.",
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": _resources(),
        "Outputs": _outputs(),
    }


def render(form: Literal["yaml", "json"]) -> str:
    """Return the template as text."""
    if form == "json":
        return json.dumps(template(), indent=2) + "\n"
    return yaml.dump(template(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _resources() -> Node:
    return {
        "LogGroup": LOG_GROUP_RESOURCE,
        **_filters(),
        **{alarm.logical_id: alarm.resource() for alarm in ALARMS},
        **NOTICES,
        **{query.logical_id: query.resource() for query in QUERIES},
        "Dashboard": dashboard(),
    }


def _filters() -> Node:
    """Return the filters, each depending on the previous one.

    A log group takes one change at a time (terraform-provider-aws issue 7605).
    """
    filters = {metric.logical_id: metric.resource() for metric in METRICS}
    for before, after in pairwise(filters):
        filters[after]["DependsOn"] = before
    return filters


def _outputs() -> Node:
    values = {
        "LogGroupName": ("awslogs-group of the task definition", LOG_GROUP),
        "DeploymentAlarmName": ("For DeploymentAlarms of the ECS service", ref(DEPLOYMENT.logical_id)),
        "StartupFailedAlarmName": ("The alarm on failed starts by itself", ref(STARTUP_FAILED.logical_id)),
        "MetricNamespace": ("Where the metrics are", NAMESPACE),
    }
    return {
        name: {"Description": told, "Value": value, "Export": {"Name": sub(f"${{AWS::StackName}}-{name}")}}
        for name, (told, value) in values.items()
    }


class _Dumper(yaml.SafeDumper):
    """YAML for people: long texts as blocks, and without aliases, which CloudFormation does not accept."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

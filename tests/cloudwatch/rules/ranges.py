"""Ranges and forms that AWS refuses at deployment, and the schemas of cfn-lint 1.58 let through.

Sources: the CloudFormation reference of AWS::ECS::TaskDefinition (ContainerDefinition, HealthCheck, RestartPolicy,
LogConfiguration) and of AWS::Logs::MetricFilter (MetricTransformation, Dimension).
"""

from collections.abc import Iterator
from typing import Any

from cfnlint.jsonschema import ValidationError, Validator
from cfnlint.rules.jsonschema.CfnLintJsonSchema import CfnLintJsonSchema

Schema = dict[str, Any]

_SELECTOR = r"\$\.?[^\s$]+"
_NUMBER = r"-?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"


def _between(least: int, most: int) -> Schema:
    return {"minimum": least, "maximum": most}


def _text(pattern: str) -> Schema:
    return {"pattern": f"^{pattern}$"}


_CONTAINER: Schema = {
    "StartTimeout": _between(2, 120),
    "StopTimeout": _between(0, 120),
    "HealthCheck": {
        "properties": {
            "StartPeriod": _between(0, 300),
            "Interval": _between(5, 300),
            "Timeout": _between(2, 60),
            "Retries": _between(1, 10),
        }
    },
    "RestartPolicy": {
        "properties": {"RestartAttemptPeriod": _between(60, 1800), "IgnoredExitCodes": {"maxItems": 50}},
    },
    "LogConfiguration": {
        "properties": {
            "Options": {
                "properties": {
                    "mode": {"enum": ["blocking", "non-blocking"]},
                    "max-buffer-size": {"pattern": r"^\d+[bkmg]?b?$"},
                },
                "dependentExcluded": {"awslogs-datetime-format": ["awslogs-multiline-pattern"]},
            }
        }
    },
}
_TRANSFORMATION: Schema = {
    "MetricName": _text("[^:*$]+"),
    "MetricNamespace": _text(r"(?!AWS/)[0-9a-zA-Z.\-_/#]+"),
    "MetricValue": _text(f"({_NUMBER}|{_SELECTOR})"),
    "Dimensions": {"maxItems": 3, "items": {"properties": {"Value": _text(_SELECTOR)}}},
}
SCHEMAS: dict[str, Schema] = {
    "Resources/AWS::ECS::TaskDefinition/Properties/ContainerDefinitions/*": {"properties": _CONTAINER},
    "Resources/AWS::Logs::MetricFilter/Properties/MetricTransformations/*": {
        "properties": _TRANSFORMATION,
        "dependentExcluded": {"Dimensions": ["DefaultValue"]},
    },
}
"""What holds at a path of a template; cfn-lint fills in parameters and functions (and calls such a finding W1030)."""


class Ranges(CfnLintJsonSchema):  # type: ignore[misc]  # cfn-lint publishes no types
    """A value that AWS would refuse."""

    id = "E9101"
    shortdesc = "Ranges and forms that AWS refuses at deployment"
    description = "Health checks, stop timeouts, log options and metric transformations, beyond the resource schemas"
    source_url = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
    tags = ["resources", "ecs", "logs"]  # noqa: RUF012  # cfn-lint's own form

    def __init__(self) -> None:
        super().__init__(keywords=list(SCHEMAS), all_matches=True)

    def validate(self, validator: Validator, keywords: Any, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        """Judge what stands at the path `keywords`."""
        del schema
        plain = validator.evolve(function_filter=validator.function_filter.evolve(add_cfn_lint_keyword=False))
        judge = self.extend_validator(plain, SCHEMAS[keywords], validator.context.evolve())
        yield from self._iter_errors(judge, instance)

"""Filters of log groups: the pattern parses, and a group has at most as many as CloudWatch Logs allows.

Limits: "CloudWatch Logs quotas" and "Filter pattern syntax" in the CloudWatch Logs user guide.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from cfnlint.jsonschema import ValidationError, Validator
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.rules.jsonschema.CfnLintKeyword import CfnLintKeyword
from cfnlint.template import Template

from orchestrator.cloudwatch.patterns import Pattern, PatternError

FILTERS_A_GROUP = 100
REGEX_PATTERNS_A_GROUP = 5


def is_json(pattern: object) -> bool:
    """Tell a JSON pattern from one of terms or of columns."""
    return isinstance(pattern, str) and pattern.lstrip().startswith("{")


class FilterPattern(CfnLintKeyword):  # type: ignore[misc]  # cfn-lint publishes no types
    """A pattern that CloudWatch Logs would refuse."""

    id = "E9102"
    shortdesc = "A JSON filter pattern has to parse"
    description = "Neither CloudFormation nor cfn-lint looks into FilterPattern"
    source_url = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"
    tags = ["resources", "logs"]  # noqa: RUF012  # cfn-lint's own form

    def __init__(self) -> None:
        super().__init__([f"Resources/AWS::Logs::{kind}Filter/Properties" for kind in ("Metric", "Subscription")])

    def validate(self, validator: Validator, _keywords: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        """Compile the pattern, or each that its functions may give."""
        for pattern, _, error in validator.resolve_value(instance.get("FilterPattern")):
            if not error and isinstance(pattern, str) and (fault := _fault(pattern)):
                yield ValidationError(f"{pattern!r} is no filter pattern: {fault}", path=["FilterPattern"], rule=self)


def _fault(pattern: str) -> str:
    try:
        if is_json(pattern):
            Pattern.compile(pattern)
    except PatternError as error:
        return str(error)
    return ""


class FiltersOfALogGroup(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint publishes no types
    """More than one log group takes, or dimensions on a pattern that has none."""

    id = "E9103"
    shortdesc = "Limits on the metric filters of a log group"
    description = (
        "At most 100 metric filters, 5 of them with regular expressions; dimensions only of JSON and column patterns"
    )
    source_url = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
    tags = ["resources", "logs"]  # noqa: RUF012  # cfn-lint's own form

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Count, group by group; a name that is computed counts as one group where it is computed alike."""
        groups: dict[str, list[tuple[list[str], Any]]] = defaultdict(list)
        found = []
        for name, resource in cfn.get_resources(["AWS::Logs::MetricFilter"]).items():
            path, properties = ["Resources", name, "Properties"], resource.get("Properties", {})
            groups[json.dumps(properties.get("LogGroupName"), default=str)].append((path, properties))
            if _has_dimensions(properties) and not _has_columns(properties.get("FilterPattern")):
                found.append(RuleMatch(path, "Only JSON and column patterns can have dimensions"))
        return found + [match for filters in groups.values() for match in _too_many(filters)]


def _too_many(filters: list[tuple[list[str], Any]]) -> Iterator[RuleMatch]:
    path, _ = filters[-1]
    if len(filters) > FILTERS_A_GROUP:
        yield RuleMatch(path, f"{len(filters)} metric filters on one log group are more than {FILTERS_A_GROUP}")
    count = sum(_has_regex(properties.get("FilterPattern")) for _, properties in filters)
    if count > REGEX_PATTERNS_A_GROUP:
        message = f"{count} patterns with regular expressions on one log group are more than {REGEX_PATTERNS_A_GROUP}"
        yield RuleMatch(path, message)


def _has_regex(pattern: Any) -> bool:
    try:
        return is_json(pattern) and Pattern.compile(pattern).regexes > 0
    except PatternError:
        return False  # the other rule reports it


def _has_dimensions(properties: Any) -> bool:
    transformations = properties.get("MetricTransformations", [])
    return isinstance(transformations, list) and any(
        isinstance(each, dict) and "Dimensions" in each for each in transformations
    )


def _has_columns(pattern: Any) -> bool:
    return not isinstance(pattern, str) or pattern.lstrip().startswith(("{", "["))

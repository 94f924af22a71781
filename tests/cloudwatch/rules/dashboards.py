"""Dashboards: the body is a text to CloudFormation, and only at deployment turns out to be no JSON."""

import json
import re
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

_VARIABLE = re.compile(r"\$\{[^!}][^}]*\}")


def filled_in(body: Any) -> str | None:
    """The text of a body, with something harmless for each variable; None when it is computed otherwise."""
    if isinstance(body, dict) and set(body) == {"Fn::Sub"}:
        template = body["Fn::Sub"][0] if isinstance(body["Fn::Sub"], list) else body["Fn::Sub"]
        return _VARIABLE.sub("x", str(template)).replace("${!", "${")
    return str(body) if isinstance(body, str) else None


class DashboardBody(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint publishes no types
    """A dashboard that CloudWatch would refuse."""

    id = "E9104"
    shortdesc = "A dashboard's body has to be JSON with widgets inside the grid"
    description = "CloudFormation takes any text for DashboardBody"
    source_url = (
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"
    )
    tags = ["resources", "cloudwatch"]  # noqa: RUF012  # cfn-lint's own form

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Parse each body."""
        found = []
        for name, resource in cfn.get_resources(["AWS::CloudWatch::Dashboard"]).items():
            text = filled_in(resource.get("Properties", {}).get("DashboardBody"))
            if text is not None and (fault := _fault(text)):
                found.append(RuleMatch(["Resources", name, "Properties", "DashboardBody"], fault))
        return found


def _fault(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError as error:
        return f"DashboardBody is not JSON: {error}"
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list):
        return "DashboardBody has no list of widgets"
    outside = [each for each in widgets if not _is_in_grid(each)]
    return f"a widget is no object with type and properties in a grid of 24 columns: {outside[0]}" if outside else ""


def _is_in_grid(widget: Any) -> bool:
    if not isinstance(widget, dict) or not isinstance(widget.get("properties"), dict) or "type" not in widget:
        return False
    x, width = widget.get("x", 0), widget.get("width", 6)
    return isinstance(x, int) and isinstance(width, int) and x >= 0 and 1 <= width <= 24 - x

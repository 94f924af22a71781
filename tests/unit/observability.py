"""What the tests of the CloudFormation of `orchestrator cloudwatch` know of it."""

from typing import Any

from orchestrator.cloudwatch.template import template
from orchestrator.documentation.schema import forms, line_schema
from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE

Node = dict[str, Any]
FAILURES = [form for kind in CATALOGUE.values() for form in forms(kind) if issubclass(form, Failure)]
SCHEMA = line_schema()["$defs"]


def resources(kind: str) -> dict[str, Node]:
    """Return the properties of the template's resources of this kind, by name."""
    found: dict[str, Node] = template()["Resources"]
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == f"AWS::{kind}"}

"""CloudFormation's functions, written as Terraform's expressions.

In Terraform's JSON syntax each string is a template: https://developer.hashicorp.com/terraform/language/syntax/json. A
condition is a local value, a parameter a variable, and the name of the stack the variable `name`.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.cloudwatch.intrinsics import Node

_PSEUDO = {
    "AWS::StackName": "var.name",
    "AWS::Region": "data.aws_region.current.id",
    "AWS::AccountId": "data.aws_caller_identity.current.account_id",
    "AWS::Partition": "data.aws_partition.current.partition",
    "AWS::NoValue": "null",
}
_REFERENCE = re.compile(r"\$\{(!?)([^}]+)\}")


def snake(name: str) -> str:
    """Return `log_group_name` for `LogGroupName`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Expressions:
    """Translates the values of one template.

    Args:
        resources: Terraform's reference to each resource, by its logical id: `aws_sns_topic.topic`.
        optional: The logical ids of resources that a condition may leave out. Each is a list of one or no element.
    """

    def __init__(self, resources: Mapping[str, str], optional: frozenset[str]) -> None:
        self._resources, self._optional = resources, optional

    def value(self, node: Any) -> Any:
        """Return the node as JSON; a computed value becomes a template."""
        if isinstance(node, str):
            return escaped(node)
        if isinstance(node, list):
            return [self.value(each) for each in node]
        if not isinstance(node, dict):
            return node
        if _is_function(node):
            return self._template(node)
        return {key: self.value(each) for key, each in node.items()}

    def expression(self, node: Any) -> str:
        """Return the node as one expression."""
        if isinstance(node, dict) and _is_function(node):
            ((name, argument),) = node.items()
            return _FUNCTIONS[name](self, argument)
        if isinstance(node, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {self.expression(each)}" for key, each in node.items()) + "}"
        if isinstance(node, list):
            return "[" + ", ".join(map(self.expression, node)) + "]"
        return json.dumps(escaped(node) if isinstance(node, str) else node, ensure_ascii=False)

    def reference(self, name: str) -> str:
        """Return the expression for a `Ref` or a `${...}`."""
        logical_id, _, attribute = name.partition(".")
        if name in _PSEUDO:
            return _PSEUDO[name]
        if logical_id not in self._resources:
            return f"var.{snake(name)}"
        index = "[0]" if logical_id in self._optional else ""
        return f"{self._resources[logical_id]}{index}.{attribute.lower() or _IDENTITY[self._kind(logical_id)]}"

    def _kind(self, logical_id: str) -> str:
        return self._resources[logical_id].partition(".")[0]

    def _template(self, node: Node) -> str:
        if "Fn::Sub" in node:
            return self._filled(node["Fn::Sub"])
        return f"${{{self.expression(node)}}}"

    def _filled(self, text: str) -> str:
        parts, end = [], 0
        for found in _REFERENCE.finditer(text):
            parts.append(escaped(text[end : found.start()]))
            parts.append(f"$${{{found[2]}}}" if found[1] else f"${{{self.reference(found[2])}}}")
            end = found.end()
        return "".join([*parts, escaped(text[end:])])

    def _quoted(self, text: str) -> str:
        return json.dumps(self._filled(text), ensure_ascii=False)

    def _chosen(self, argument: list[Any]) -> str:
        condition, first, second = argument
        return f"(local.{snake(condition)} ? {self.expression(first)} : {self.expression(second)})"

    def _equal(self, argument: list[Any]) -> str:
        first, second = map(self.expression, argument)
        return f"(tostring({first}) == {second})"

    def _joined(self, argument: list[Any], operator: str) -> str:
        return f"({operator.join(map(self.expression, argument))})"


_FUNCTIONS: dict[str, Callable[[Expressions, Any], str]] = {
    "Ref": Expressions.reference,
    "Condition": lambda _, name: f"local.{snake(name)}",
    "Fn::Sub": Expressions._quoted,  # noqa: SLF001
    "Fn::If": Expressions._chosen,  # noqa: SLF001
    "Fn::Equals": Expressions._equal,  # noqa: SLF001
    "Fn::Not": lambda self, argument: f"!{self.expression(argument[0])}",
    "Fn::And": lambda self, argument: self._joined(argument, " && "),
    "Fn::Or": lambda self, argument: self._joined(argument, " || "),
}
_IDENTITY = {"aws_cloudwatch_log_group": "name", "aws_cloudwatch_metric_alarm": "alarm_name", "aws_sns_topic": "arn"}


def escaped(text: str) -> str:
    """Return the text escaped for a template, which then contains it unchanged."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _is_function(node: Node) -> bool:
    return len(node) == 1 and next(iter(node)) in _FUNCTIONS

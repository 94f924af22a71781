"""CloudFormation's intrinsic functions, as data."""

from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]
"""A mapping of a template."""


def ref(name: str) -> Node:
    """Return the value of a parameter, or the name of a resource."""
    return {"Ref": name}


TOPIC: Node = {"Fn::If": ["CreatesTopic", {"Ref": "Topic"}, {"Ref": "NotificationTopicArn"}]}
"""The SNS topic that is told; only where the condition Notifies holds."""


def sub(text: str) -> Node:
    """Return `text` with its `${...}` replaced."""
    return {"Fn::Sub": text}


def literal(text: str) -> str:
    """Return `text` escaped for `sub`, so that nothing in it is replaced."""
    return text.replace("${", "${!")

"""CloudFormation's functions, as data."""

from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]
"""A mapping of a template."""


def ref(name: str) -> Node:
    """The value of a parameter, or the name of a resource."""
    return {"Ref": name}


TOPIC: Node = {"Fn::If": ["CreatesTopic", {"Ref": "Topic"}, {"Ref": "NotificationTopicArn"}]}
"""The SNS topic that is told; only where the condition Notifies holds."""


def sub(text: str) -> Node:
    """`text` with its `${...}` filled in."""
    return {"Fn::Sub": text}


def literal(text: str) -> str:
    """`text` as it has to stand in a `sub`, so that nothing of it is filled in."""
    return text.replace("${", "${!")

"""The effect of a role's policies: action, resource and condition, as IAM evaluates them without a deny."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.cloudformation import Stack

Statement = dict[str, Any]


def statements(stack: Stack, role: str) -> list[Statement]:
    """All statements of a role."""
    return [each for policy in stack.resources[role]["Policies"] for each in policy["PolicyDocument"]["Statement"]]


def actions(found: list[Statement]) -> set[str]:
    """Every action that is allowed on something."""
    return {action for each in found for action in listed(each["Action"])}


def allows(found: list[Statement], action: str, resource: str = "*", context: Mapping[str, str] | None = None) -> bool:
    """Whether one of the statements allows the action on the resource, in the context of the request.

    A request that names no resource is for `*`, which only a statement for `*` allows.
    """
    return any(_allows(each, action, resource, context or {}) for each in found)


def _allows(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    if statement["Effect"] != "Allow" or action not in listed(statement["Action"]):
        return False
    if not any(fnmatch.fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"])):
        return False
    return all(context.get(key) in values for key, values in _conditions(statement))


def _conditions(statement: Statement) -> Iterator[tuple[str, list[str]]]:
    for operator, tests in statement.get("Condition", {}).items():
        assert operator in {"StringEquals", "ArnEquals"}, operator
        for key, values in tests.items():
            yield key, listed(values)


def without(found: list[Statement], action: str) -> list[Statement]:
    """The statements without an action."""
    return [{**each, "Action": [name for name in listed(each["Action"]) if name != action]} for each in found]


def listed(value: Any) -> list[Any]:
    """The value, or the values."""
    return value if isinstance(value, list) else [value]

"""Decides which events a pattern of EventBridge matches, and applies an input transformer.

It knows the operators that we use; an unknown one is an error. Sources: the pages "Creating event patterns",
"Comparison operators" and "Input transformation" of the EventBridge user guide. The fields of a pattern under an array
of objects must match in the same object, as in aws/event-ruler, which EventBridge runs. If EventBridge did not require
that, it would match more, never less.
"""

import re
from collections.abc import Mapping
from typing import Any

_MISSING = object()


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether the pattern matches the event."""
    if isinstance(event, list):
        absent = [name for name, wanted in pattern.items() if wanted == [{"exists": False}]]
        rest = {name: wanted for name, wanted in pattern.items() if name not in absent}
        if any(name in each for each in event for name in absent):
            return False
        return not rest or any(matches(rest, each) for each in event)
    return all(_holds(name, wanted, event) for name, wanted in pattern.items())


def _holds(name: str, wanted: Any, event: Any) -> bool:
    if name == "$or":
        return any(matches(each, event) for each in wanted)
    value = event.get(name, _MISSING) if isinstance(event, dict) else _MISSING
    if isinstance(wanted, dict):
        return matches(wanted, {} if value is _MISSING else value)
    values = value if isinstance(value, list) else [value]
    return any(_equal(each, found) for each in wanted for found in values)


def _equal(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return type(value) is type(wanted) and bool(value == wanted)
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return bool((value is not _MISSING) == operand)
    if operator == "anything-but":
        return value is not _MISSING and value not in (operand if isinstance(operand, list) else [operand])
    raise AssertionError(f"{operator} is not known here")


def transformed(transformer: Mapping[str, Any], event: Any) -> list[str]:
    """The lines that a target gets; a path that leads nowhere gives nothing."""
    values = {name: _found(path, event) for name, path in transformer["InputPathsMap"].items()}
    lines = transformer["InputTemplate"].splitlines()
    assert all(line.startswith('"') and line.endswith('"') and '"' not in line[1:-1] for line in lines), lines
    return [re.sub(r"<([\w-]+)>", lambda name: str(values[name[1]]), line[1:-1]) for line in lines]


def _found(path: str, event: Any) -> Any:
    found = [event]
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+|\*)\]", path.removeprefix("$")):
        if index == "*":
            found = [each for value in found for each in value]
        elif index:
            found = [value[int(index)] for value in found]
        else:
            found = [value[name] for value in found if name in value]
    return found if "*" in path else next(iter(found), "")

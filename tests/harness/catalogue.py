"""Every line of every run is one that the catalogue knows: the JSON Schema that users get judges it."""

import functools
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from orchestrator.documentation.schema import FOREIGN, line_schema


def violations(event: dict[str, Any]) -> list[str]:
    """Return what in a line violates the schema: an unknown event, an extra or missing field, a wrong type.

    A line that was cut for its size is marked as cut, and may lack the omitted parts.
    """
    name = str(event.get("event"))
    if name not in _definitions():
        name = FOREIGN  # an app that writes JSON has its own events
    return [
        f"{name}: {error.json_path}: {error.message}"
        for error in _validator(name).iter_errors(event)
        if not ("truncated" in event and error.validator == "required")
    ]


@functools.cache
def _definitions() -> dict[str, Any]:
    return dict(line_schema()["$defs"])


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    """The root schema refers to one definition an event; to look it up by name is five times as fast."""
    return Draft202012Validator(_definitions()[name], format_checker=FormatChecker())

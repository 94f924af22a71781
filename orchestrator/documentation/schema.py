"""The catalogue as a JSON Schema (draft 2020-12) of the lines of stdout, for programs that read them.

Each event has one complete definition, so `#/$defs/startup_failed` alone validates such a line.
"""

import logging
from collections.abc import Iterable
from dataclasses import fields
from typing import NamedTuple, get_type_hints

import orchestrator.errors  # noqa: F401  # its events stand in the catalogue once it is imported
from orchestrator.documentation.json_types import Schema, schema_of
from orchestrator.events import CATALOGUE, Event
from orchestrator.runtime.lifecycle import State

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOREIGN = "log"
"""What any other logger says is an event of this name, or of one of its own; it may have further fields."""

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_LEVELS = ["debug", "info", "warning", "error", "critical"]
_OUTCOMES = ["success", "failure", "unknown"]


class Common(NamedTuple):
    """A field that every line has, or that lines of any event may have."""

    name: str
    schema: Schema
    help: str
    unit: str = ""
    everywhere: bool = True


COMMON = (
    Common("timestamp", {"type": "string", "format": "date-time"}, "RFC 3339, UTC, milliseconds"),
    Common("level", {"type": "string", "enum": _LEVELS}, "`debug`, `info`, `warning`, `error` or `critical`"),
    Common(
        "event",
        _TEXT,
        f"one of the names below; `{FOREIGN}` for what any other logger says, unless it writes JSON with an `event`",
    ),
    Common("message", _TEXT, "a sentence"),
    Common(
        "state",
        {"type": "string", "enum": [state.value for state in State]},
        "`waiting`, `migrating`, `serving`, `draining`, `stopped` or `failed`, when it happened",
    ),
    Common("outcome", {"type": "string", "enum": _OUTCOMES}, "`success`, `failure` or `unknown`"),
    Common("service", _TEXT, "ORCHESTRATOR_SERVICE"),
    Common("version", _TEXT, "ORCHESTRATOR_VERSION"),
    Common("logger", _TEXT, "who says it; `orchestrator` for the events below"),
    Common("schema", {"const": 1}, "the version of this format"),
    Common("boot_id", _TEXT, "the same for all lines of one process"),
    Common("elapsed_seconds", {"type": "number", "minimum": 0}, "since the process began", "seconds"),
    Common("task_id", _TEXT, "in ECS: the last part of the task's ARN", everywhere=False),
    Common("cluster", _TEXT, "in ECS: the cluster's name", everywhere=False),
    Common("task_family", _TEXT, "in ECS: the task definition's family", everywhere=False),
    Common("task_revision", _TEXT, "in ECS: the task definition's revision", everywhere=False),
    Common("exception", _TEXT, "the traceback, where reading it helps", everywhere=False),
    Common(
        "truncated",
        _TEXTS,
        "the fields that were cut or left out, where the line would have been too long",
        everywhere=False,
    ),
)


def line_schema() -> Schema:
    """Return the JSON Schema of a line."""
    definitions = {FOREIGN: _foreign()} | {name: _definition(kind) for name, kind in CATALOGUE.items()}
    return {
        "$schema": DIALECT,
        "title": "A line of the orchestrator's log",
        "type": "object",
        "required": ["event"],
        "properties": {"event": _TEXT},
        "allOf": [
            *(
                {"if": {"properties": {"event": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}}
                for name in CATALOGUE
            ),
            {"if": {"properties": {"event": {"enum": list(CATALOGUE)}}}, "else": {"$ref": f"#/$defs/{FOREIGN}"}},
        ],
        "$defs": definitions,
    }


def forms(kind: type[Event]) -> list[type[Event]]:
    """Return an event and its variants, which share its name and fields."""
    return [kind, *kind.__subclasses__()]


def level(kind: type[Event]) -> str:
    """Return the level as lines spell it."""
    return logging.getLevelName(kind.level).lower()


def _foreign() -> Schema:
    schema = _object("What a library or the app says.", _common())
    properties = schema["properties"] | {"event": _TEXT | {"not": {"enum": list(CATALOGUE)}}}
    # The logger `orchestrator` writes no other events than those of the catalogue.
    ours = {"properties": {"logger": {"const": "orchestrator"}}}
    return schema | {"properties": properties, "if": ours, "then": {"properties": {"event": {"const": FOREIGN}}}}


def _definition(kind: type[Event]) -> Schema:
    types = get_type_hints(kind)
    common = _common()
    own = {
        each.name: _property(schema_of(types[each.name]), each.metadata["help"], each.metadata["unit"])
        for each in fields(kind)
        if each.name not in common
    }
    fixed: dict[str, Schema] = {
        "event": {"const": kind.name},
        "level": {"enum": _distinct(level(each) for each in forms(kind))},
        "outcome": {"enum": _distinct(each.outcome for each in forms(kind))},
    }
    schema = _object(meaning(kind), common | fixed | _metrics(kind) | own, required=own)
    return schema | {"additionalProperties": False}


def _common() -> dict[str, Schema]:
    return {each.name: _property(each.schema, each.help, each.unit) for each in COMMON}


def _metrics(kind: type[Event]) -> dict[str, Schema]:
    """Return the members that ORCHESTRATOR_METRICS=emf adds to a line."""
    names = [each.metadata["metric"] for each in fields(kind) if each.metadata["metric"]]
    if not names:
        return {}
    metric = _property({"type": "number"}, "the metric of that name", "seconds")
    environment = _property({"type": "string"}, "ORCHESTRATOR_ENVIRONMENT, if it is set", "")
    directive = {"type": "object", "description": "CloudWatch's embedded metrics"}
    return dict.fromkeys(names, metric) | {"_aws": directive, "environment": environment}


def _object(description: str, properties: dict[str, Schema], required: Iterable[str] = ()) -> Schema:
    everywhere = [each.name for each in COMMON if each.everywhere]
    return {
        "description": description,
        "type": "object",
        "required": _distinct([*everywhere, *required]),
        "properties": properties,
    }


def _property(schema: Schema, description: str, unit: str) -> Schema:
    return schema | {"description": description} | ({"x-unit": unit} if unit else {})


def meaning(kind: type[Event]) -> str:
    """Return the meaning of an event, in one or two sentences."""
    return " ".join((kind.__doc__ or "").split())


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))

"""Answers of the commands as data: dataclasses with documented fields, as JSON and as its JSON Schema."""

import dataclasses
import json
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from orchestrator.documentation.json_types import Schema, schema_of
from orchestrator.documentation.schema import DIALECT

T = TypeVar("T")


def meaning(text: str, **options: Any) -> Any:
    """Return a field with its meaning; options are those of `dataclasses.field`."""
    return dataclasses.field(metadata={"help": text}, **options)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(meaning,))
def answer(kind: type[T]) -> type[T]:
    """Make a class a part of an answer."""
    return dataclasses.dataclass(frozen=True, kw_only=True)(kind)


def as_json(given: Any) -> str:
    """Return an answer as JSON."""
    return json.dumps(dataclasses.asdict(given), indent=2, ensure_ascii=False) + "\n"


def schema(kind: type, title: str) -> str:
    """Return the JSON Schema of `as_json` for this kind of answer."""
    found: dict[str, Any] = {}
    reference = _reference(kind, found)
    return json.dumps({"$schema": DIALECT, "title": title, **reference, "$defs": found}, indent=2) + "\n"


def _reference(kind: Any, found: dict[str, Any]) -> Schema:
    """Return a reference to the schema of a dataclass, which goes into `found`."""
    name = kind.__name__
    if name not in found:
        found[name] = {}
        found[name] = _object(kind, found)
    return {"$ref": f"#/$defs/{name}"}


def _object(kind: Any, found: dict[str, Any]) -> Schema:
    types, properties = get_type_hints(kind), {}
    for each in dataclasses.fields(kind):
        told = {"description": each.metadata["help"]} if "help" in each.metadata else {}
        properties[each.name] = schema_of(types[each.name], lambda part: _reference(part, found)) | told
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }

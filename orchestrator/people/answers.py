"""Answers of the commands as data: dataclasses with documented fields, as JSON and as its JSON Schema."""

import dataclasses
import json
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from orchestrator.documentation.schema import DIALECT

T = TypeVar("T")
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


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
    reference = _schema(kind, found)
    return json.dumps({"$schema": DIALECT, "title": title, **reference, "$defs": found}, indent=2) + "\n"


def _schema(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; those of dataclasses go into `found`."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if dataclasses.is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]  # it is a class
        if name not in found:
            found[name] = {}
            found[name] = _object(kind, found)
        return {"$ref": f"#/$defs/{name}"}
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return {"enum": [*arguments]}
    if get_origin(kind) is UnionType:
        return {"anyOf": [_schema(each, found) for each in arguments]}
    assert get_origin(kind) is Sequence, kind  # noqa: S101  # a mistake in our own code
    return {"type": "array", "items": _schema(arguments[0], found)}


def _object(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    types, properties = get_type_hints(kind), {}
    for each in dataclasses.fields(kind):
        told = {"description": each.metadata["help"]} if "help" in each.metadata else {}
        properties[each.name] = _schema(types[each.name], found) | told
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }

"""The JSON Schema of Python's types: of an event's fields, and of the answers of the commands."""

from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

Schema = dict[str, Any]

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def unknown(kind: Any) -> Schema:
    """Raise TypeError: a field has a type that this module does not know."""
    raise TypeError(f"no JSON Schema is known for {kind}")


def schema_of(kind: Any, other: Callable[[Any], Schema] = unknown) -> Schema:
    """Return the schema of a type; `other` returns that of a class."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is UnionType:
        plain = [_PLAIN[each] for each in arguments if each in _PLAIN]
        whole = len(plain) == len(arguments)
        return {"type": plain} if whole else {"anyOf": [schema_of(each, other) for each in arguments]}
    if origin in {list, Sequence}:
        return {"type": "array", "items": schema_of(arguments[0], other)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], other)}
    return other(kind)

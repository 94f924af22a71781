"""Reads a log line as an event: a JSON object, and nothing besides.

orjson reads it, because it is fast. The standard library reads again what orjson cannot read although it is JSON (half
a surrogate pair, a number beyond a double), or not exactly (integers of more than 64 bits become floats).
"""

import json
from typing import Any, NoReturn

import orjson

_LARGEST = 2.0**63  # orjson turns a larger integer into a float


class Real(float):
    """A float that was written as one: with a decimal point or an exponent."""


class Inexact(Exception):  # noqa: N818  # a question, not an error
    """This float may have been an integer: read the line again, exactly."""


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line; None if the line is not a JSON object."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return parse_exactly(line) if line.lstrip().startswith(b"{") else None
    return event if isinstance(event, dict) else None


def parse_exactly(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line, with floats as Real and exact integers; None if Python cannot parse it."""
    try:
        event = json.loads(line.decode(), parse_float=Real, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def trusted(event: dict[str, Any]) -> Any:
    """Return the event with Real for its floats, as its parser has classified them."""
    return json.loads(json.dumps(event), parse_float=Real, parse_constant=Real)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def exact(number: float) -> float:
    """Return the number.

    Raises:
        Inexact: It may have been another number.
    """
    if type(number) is float and not -_LARGEST < number < _LARGEST:
        raise Inexact
    return number

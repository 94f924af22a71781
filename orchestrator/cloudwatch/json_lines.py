"""A line of a log as the event that it is, if it is one: a JSON object and nothing else.

orjson reads it, fast; what orjson cannot read though it is JSON (half a surrogate pair, a number beyond a double), or
not exactly (whole numbers of more than 64 bits become floats), the standard library reads again.
"""

import json
from typing import Any, NoReturn

import orjson

_LARGEST = 2.0**63  # orjson makes a float of a whole number beyond it


class Real(float):
    """A float that was written as one: with a decimal point or an exponent."""


class Inexact(Exception):  # noqa: N818  # a question, not an error
    """This float may have been a whole number: read the line again, exactly."""


def parse(line: bytes) -> dict[str, Any] | None:
    """Read a line; None if it is no event."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return parse_exactly(line) if line.lstrip().startswith(b"{") else None
    return event if isinstance(event, dict) else None


def parse_exactly(line: bytes) -> dict[str, Any] | None:
    """Read a line; its floats are Real, its whole numbers whole. Nesting beyond Python's limit is no event."""
    try:
        event = json.loads(line.decode(), parse_float=Real, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def trusted(event: dict[str, Any]) -> Any:
    """Give the event back with Real for its floats: whoever parsed it has decided what is one."""
    return json.loads(json.dumps(event), parse_float=Real, parse_constant=Real)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def exact(number: float) -> float:
    """Give the number back.

    Raises:
        Inexact: It may be another one.
    """
    if type(number) is float and not -_LARGEST < number < _LARGEST:
        raise Inexact
    return number

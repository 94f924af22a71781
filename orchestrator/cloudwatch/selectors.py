"""Selectors: `$.users[0].id`, `$.['cluster.name']`, `$.actions[*]`, `$.*`; and the values that they find."""

import enum
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

Test = Callable[[Any], bool]
Find = Callable[[Any], Any]


class Absent(enum.Enum):
    """The result of a selector that finds nothing; null counts as something."""

    ABSENT = enum.auto()


ABSENT: Final = Absent.ABSENT

_STEP = re.compile(r"\.?\['(?P<key>[^']+)'\]|\[(?P<index>[0-9]+)\]|\.(?P<name>[A-Za-z0-9_-]+)|(?P<any>\.\*|\[\*\])")


def wildcards(selector: str) -> list[int]:
    """Return the positions of the selector's wildcards."""
    return [step.start() for step in _STEP.finditer(selector) if step["any"]]


def root_field(selector: str) -> str | None:
    """Return the top-level field that the selector reads; None if it may be any."""
    first = next(_STEP.finditer(selector))
    return first["key"] or first["name"]


def any_value(selector: str, test: Test) -> Test:
    """Return the test whether a selected value passes `test`; with a wildcard, one of the values must.

    If nothing is selected, `test` gets ABSENT.
    """
    steps = list(_STEP.finditer(selector))
    at = next((number for number, step in enumerate(steps) if step["any"]), None)
    if at is None:
        find = _path(steps)
        return lambda event: test(find(event))
    before, kind, after = _path(steps[:at]), list if steps[at]["any"] == "[*]" else dict, _path(steps[at + 1 :])
    return lambda event: any(test(after(child)) for child in _children(before(event), kind))


def _children(value: Any, kind: type) -> Iterable[Any]:
    children: Iterable[Any] = value.values() if isinstance(value, dict) else value
    return children if isinstance(value, kind) else ()


def _path(steps: list[re.Match[str]]) -> Find:
    finds = [_element(int(step["index"])) if step["index"] else _field(step["key"] or step["name"]) for step in steps]
    if len(finds) == 1:
        return finds[0]

    def find(value: Any) -> Any:
        for each in finds:
            value = each(value)
        return value

    return find


def _field(name: str) -> Find:
    return lambda value: value.get(name, ABSENT) if isinstance(value, dict) else ABSENT


def _element(index: int) -> Find:
    return lambda value: value[index] if isinstance(value, list) and index < len(value) else ABSENT

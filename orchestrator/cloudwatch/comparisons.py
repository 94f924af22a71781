"""The comparisons of a condition.

Only strings and numbers compare: null, true, false, arrays, objects and missing values satisfy no comparison, `!=`
included. An unquoted number compares with a number by value, and with a string by its text; all other operands
compare with a number's text. Sources: docs/filter.md.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from orchestrator.cloudwatch.invalid import Invalid
from orchestrator.cloudwatch.json_lines import Real, exact
from orchestrator.cloudwatch.regexes import compile_regex
from orchestrator.cloudwatch.selectors import Test
from orchestrator.cloudwatch.syntax import Condition, Operand

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NUMBERS = frozenset({int, float, Real})  # without bool, which is an int in Python
_COMPARABLE = _NUMBERS | {str}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: dict[str, Test] = {
    "IS NULL": lambda value: value is None,
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
}


def compile_test(condition: Condition) -> Test:
    """Return the test for a value.

    Raises:
        Invalid: The operand is wrong.
    """
    if condition.operand is None:
        return _WORDS[condition.operator]
    if condition.operator in _ORDERS:
        return _ordered(_ORDERS[condition.operator], condition.operand)
    equal = _equal(condition.operand)
    if condition.operator == "=":
        return equal
    return lambda value: type(value) in _COMPARABLE and not equal(value)


def _ordered(order: Callable[[Any, Any], bool], operand: Operand) -> Test:
    limit = _number(operand)
    if limit is None:
        raise Invalid(operand.position, "< <= > and >= need a number, without quotes")
    return lambda value: type(value) in _NUMBERS and order(exact(value), limit)


def _equal(operand: Operand) -> Test:
    number = _number(operand)
    if number is None:
        return _of_text(_accepting(operand))
    text = operand.text
    return lambda value: value == text if type(value) is str else type(value) in _NUMBERS and exact(value) == number


def _number(operand: Operand) -> int | float | None:
    if operand.kind != "TERM" or not _NUMBER.fullmatch(operand.text):
        return None
    return int(operand.text) if operand.text.lstrip("+-").isdigit() else float(operand.text)


def _of_text(accepts: Callable[[str], bool]) -> Test:
    def test(value: Any) -> bool:
        if type(value) is str:
            return accepts(value)
        return type(value) in _NUMBERS and accepts(str(exact(value)))

    return test


def _accepting(operand: Operand) -> Callable[[str], bool]:
    if operand.kind == "REGEX":
        return _regex(operand)
    return _wildcard(operand.text)


def _regex(operand: Operand) -> Callable[[str], bool]:
    try:
        return compile_regex(operand.text)
    except Invalid as error:
        raise Invalid(operand.position + len("%") + error.position, error.reason) from None


def _wildcard(text: str) -> Callable[[str], bool]:
    """Return the test for a text; an asterisk at its start or end stands for any text, elsewhere for itself."""
    core = text.removeprefix("*")
    if core == text:
        return (lambda value: value.startswith(core[:-1])) if core.endswith("*") else text.__eq__
    if not core or core.endswith("*"):
        return lambda value: core[:-1] in value
    return lambda value: value.endswith(core)

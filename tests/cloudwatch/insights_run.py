"""Runs a Logs Insights query on log lines, with the commands and functions that we use, by their documentation.

A field that is not on a line is None: only `!=` and `not in` hold for it, `like` does not, and arithmetic gives None.
Aggregates skip it. The first `stats` drops the lines, and with them `@timestamp`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from lark import Token, Tree

from tests.cloudwatch.insights import PARSER

Row = dict[str, Any]
Node = Tree[Any]


def rows_of(lines: Iterable[str], stream: str) -> list[Row]:
    """The rows that CloudWatch makes of the lines of a log stream: JSON is fields, and flat."""
    return [_row(line, stream) for line in lines]


def _row(line: str, stream: str) -> Row:
    try:
        event = json.loads(line)
        happened = datetime.fromisoformat(event["timestamp"]).timestamp() * 1000
    except (ValueError, KeyError, TypeError):
        return {"@message": line, "@logStream": stream, "@timestamp": 0.0}
    return {**dict(_flat(event)), "@message": line, "@logStream": stream, "@timestamp": round(happened)}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(each, f"{name}.{key}" if name else str(key))
    else:
        yield name, int(value) if isinstance(value, bool) else value


class Run:
    """One run of a query.

    Args:
        query: Its text.
        now_seconds: What `now()` gives.
    """

    def __init__(self, query: str, now_seconds: float) -> None:
        self._commands = [each for each in PARSER.parse(query).children if isinstance(each, Tree)]
        self._now_seconds = now_seconds

    def on(self, rows: Iterable[Row]) -> list[Row]:
        """The result, with all fields that the rows still have."""
        found = list(rows)
        for command in self._commands:
            found = getattr(self, f"_{command.data}")(command, found)
        return found

    def _filter(self, command: Node, rows: list[Row]) -> list[Row]:
        return [row for row in rows if self._value(command.children[0], row)]

    def _fields(self, command: Node, rows: list[Row]) -> list[Row]:
        return [row | {_name(item): self._value(item.children[0], row) for item in command.children} for row in rows]

    def _parse(self, command: Node, rows: list[Row]) -> list[Row]:
        field, pattern = map(str, command.children)
        found = [re.search(pattern[1:-1].replace("(?<", "(?P<"), str(row.get(field, ""))) for row in rows]
        return [row | (match.groupdict() if match else {}) for row, match in zip(rows, found, strict=True)]

    def _sort(self, command: Node, rows: list[Row]) -> list[Row]:
        for key in reversed(command.children):
            field, order = map(str, key.children)
            down = order.lower() == "desc"
            there = [row for row in rows if row.get(field) is not None]
            rest = [row for row in rows if row.get(field) is None]
            rows = sorted(there, key=lambda row: row[field], reverse=down) + rest  # used at once
        return rows

    def _limit(self, command: Node, rows: list[Row]) -> list[Row]:
        return rows[: int(str(command.children[0]))]

    def _dedup(self, command: Node, rows: list[Row]) -> list[Row]:
        first: dict[tuple[Any, ...], Row] = {}
        for row in rows:
            first.setdefault(tuple(row.get(str(field)) for field in command.children), row)
        return list(first.values())

    def _stats(self, command: Node, rows: list[Row]) -> list[Row]:
        items = [each for each in command.children if each is not None and each.data == "item"]
        keys = [item for each in command.children if each is not None and each.data == "by" for item in each.children]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(self._value(item.children[0], row) for item in keys), []).append(row)
        named = [_name(item) for item in keys]
        return [
            dict(zip(named, group, strict=True))
            | {_name(item): self._aggregate(item.children[0], members) for item in items}
            for group, members in groups.items()
        ]

    def _aggregate(self, call: Node, rows: list[Row]) -> Any:
        name, argument, *more = call.children
        if str(argument) == "*":
            return len(rows)
        ordered = sorted(rows, key=lambda row: row.get("@timestamp", 0))
        values = [value for value in (self._value(argument, row) for row in ordered) if value is not None]
        return _AGGREGATES[str(name).lower()](values, *(float(str(each)) for each in more))

    def _value(self, node: Any, row: Row) -> Any:
        if isinstance(node, Token):
            return str(node)[1:-1] if node.type == "STRING" else float(node)
        return self._KINDS[node.data](self, node, row)

    def _field(self, node: Node, row: Row) -> Any:
        return row.get(str(node.children[0]).strip("`"))

    def _any(self, node: Node, row: Row) -> bool:
        return any(self._value(each, row) for each in node.children)

    def _all(self, node: Node, row: Row) -> bool:
        return all(self._value(each, row) for each in node.children)

    def _not(self, node: Node, row: Row) -> bool:
        return not self._value(node.children[0], row)

    def _call(self, node: Node, row: Row) -> Any:
        name, *arguments = node.children
        values = [self._value(each, row) for each in arguments if each is not None]
        return float(self._now_seconds) if name == "now" else _FUNCTIONS[str(name).lower()](values)

    def _arithmetic(self, node: Node, row: Row) -> Any:
        result, *rest = node.children
        value = self._value(result, row)
        for operator, operand in zip(rest[::2], rest[1::2], strict=True):
            other = self._value(operand, row)
            value = None if None in (value, other) else _ARITHMETIC[str(operator)](value, other)
        return value

    def _compared(self, node: Node, row: Row) -> bool:
        value, operator, other = node.children
        return _compare(self._value(value, row), str(operator), self._value(other, row))

    def _among(self, node: Node, row: Row) -> bool:
        words = [self._value(each, row) for each in node.children[1].children]
        return (self._value(node.children[0], row) in words) == (node.data == "among")

    def _like(self, node: Node, row: Row) -> bool:
        value, pattern = self._value(node.children[0], row), str(node.children[-1])
        searched = pattern[1:-1] if pattern.startswith("/") else re.escape(pattern[1:-1])
        return value is not None and (re.search(searched, str(value)) is not None) == (node.data == "like")

    _KINDS: ClassVar[dict[str, Callable[["Run", Node, Row], Any]]] = {
        "field": _field,
        "expression": _any,
        "conjunction": _all,
        "no": _not,
        "call": _call,
        "sum": _arithmetic,
        "product": _arithmetic,
        "compared": _compared,
        "among": _among,
        "not_among": _among,
        "like": _like,
        "not_like": _like,
    }


def _compare(value: Any, operator: str, other: Any) -> bool:
    if operator == "!=":
        return bool(value != other)
    if value is None or other is None:
        return False
    return _ORDERS[operator](value, other)


def _name(item: Node) -> str:
    what, name = item.children
    return str(name or what.children[0])


def _percentile(values: list[float], percent: float) -> float | None:
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else None


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "^": lambda a, b: a**b,
}
_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "coalesce": lambda values: next((each for each in values if each is not None), None),
    "floor": lambda values: math.floor(values[0]),
    "greatest": max,
    "least": min,
    "strlen": lambda values: len(values[0]),
}
_AGGREGATES: dict[str, Callable[..., Any]] = {
    "count": len,
    "count_distinct": lambda values: len(set(values)),
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "sum": sum,
    "avg": lambda values: sum(values) / len(values) if values else None,
    "pct": _percentile,
    "earliest": lambda values: next(iter(values), None),
    "latest": lambda values: next(reversed(values), None),
    "sortsfirst": lambda values: min(values, default=None),
    "sortslast": lambda values: max(values, default=None),
}

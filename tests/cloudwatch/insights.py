"""A checker of Logs Insights queries: not what they find, but whether they can be asked.

It knows the commands and functions that we use, the order they may stand in, and which fields a line has. Source: the
pages "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs user guide.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

Schema = dict[str, Any]
Node = Tree[Any]

MOST_STATS, MOST_ROWS, MOST_CHARACTERS = 2, 10_000, 10_000
SYSTEM_FIELDS = {"@timestamp": "number", "@message": "string", "@logStream": "string", "@log": "string"}
OF_NUMBERS = {"avg", "max", "min", "pct", "stddev", "sum"}
AGGREGATES = OF_NUMBERS | {"count", "count_distinct", "earliest", "latest", "sortsfirst", "sortslast"}
OF_ARITHMETIC = {"floor", "greatest", "least", "now"}
FUNCTIONS = OF_ARITHMETIC | {"bin", "coalesce", "ispresent", "strlen", "tolower", "toupper"}

PARSER = Lark((Path(__file__).parent / "insights.lark").read_text(), parser="lalr")


def faults(query: str, schema: Schema) -> list[str]:
    """Return the errors of a query about lines that the JSON Schema describes."""
    try:
        tree = PARSER.parse(query)
    except UnexpectedInput as error:
        return [f"line {error.line}, column {error.column}: not understood\n{error.get_context(query)}"]
    commands = [each for each in tree.children if isinstance(each, Tree)]
    too_long = [f"{len(query)} characters"] if len(query) > MOST_CHARACTERS else []
    return [*too_long, *_order(commands), *_Reading(schema, commands).faults()]


def _order(commands: list[Node]) -> Iterator[str]:
    names = [command.data for command in commands]
    if names.count("stats") > MOST_STATS:
        yield f"more than {MOST_STATS} stats"
    if "dedup" in names and set(names[names.index("dedup") + 1 :]) - {"limit"}:
        yield "after dedup, only limit may follow"
    if "stats" in names and {"sort", "limit"} & set(names[: len(names) - 1 - names[::-1].index("stats")]):
        yield "sort and limit have to stand after the last stats"
    for limit in (command for command in commands if command.data == "limit"):
        if not 1 <= float(str(limit.children[0])) <= MOST_ROWS:
            yield f"limit: not from 1 to {MOST_ROWS}"


class _Reading:
    """One reading of a query from its first command to its last, with the fields that are known at each."""

    def __init__(self, schema: Schema, commands: list[Node]) -> None:
        self.commands = commands
        asked = {name for command in commands for name in _events(command, "compared", "among")}
        named = asked | {name for command in commands for name in _events(command, "not_among")}
        self.strange = sorted(named - schema["$defs"].keys())
        self.types: dict[str, Any] = dict(SYSTEM_FIELDS)
        for name in (asked & schema["$defs"].keys()) or schema["$defs"]:
            properties = schema["$defs"][name]["properties"]
            self.types |= {field: each.get("type") for field, each in properties.items()}

    def faults(self) -> Iterator[str]:
        """Find them."""
        yield from (f"no event is named {name}" for name in self.strange)
        for command in self.commands:
            unknown = {str(field) for field in _used(command)} - self.types.keys()
            yield from (f"{command.data}: no such line has a field {field}" for field in sorted(unknown))
            yield from self._calls(command)
            yield from self._results(command)

    def _calls(self, command: Node) -> Iterator[str]:
        aggregates = AGGREGATES if command.data == "stats" else set()
        for call in command.find_data("call"):
            name, argument = str(call.children[0]).lower(), call.children[1]
            if name not in FUNCTIONS | aggregates:
                yield f"{command.data}: {name} is no function here"
            elif name in OF_NUMBERS and not self._is_number(argument):
                yield f"{command.data}: {name} needs a number"

    def _is_number(self, argument: Any) -> bool:
        if isinstance(argument, Tree) and argument.data != "field":
            return argument.data in {"sum", "product"} or str(argument.children[0]).lower() in OF_ARITHMETIC
        types = self.types.get(str(argument.children[0])) if isinstance(argument, Tree) else []
        return bool({"number", "integer"} & {*([types] if isinstance(types, str) else types or [])})

    def _results(self, command: Node) -> Iterator[str]:
        """The fields that a command makes; after stats there are no others."""
        if command.data == "stats":
            self.types = {}
        for name in _made(command):
            if not name:
                yield "stats: a result without a name"
            if name in self.types:
                yield f"{name} is a name already"
            self.types[name] = "number"


def _used(command: Node) -> Iterator[Any]:
    """The fields that a command reads."""
    yield from (tree.children[0] for name in ("field", "key") for tree in command.find_data(name))
    if command.data == "dedup":
        yield from command.children
    if command.data == "parse":
        yield command.children[0]


def _made(command: Node) -> Iterator[str]:
    """The names of the fields that a command makes; empty for a result of stats that has none."""
    if command.data == "parse":
        _, how, *names = map(str, command.children)
        yield from names or re.findall(r"\(\?<(\w+)>", how)
    for item in command.find_data("item"):
        what, name = item.children
        if name or command.data == "stats":
            yield str(name or (what.children[0] if what.data == "field" else ""))


def _events(command: Node, *relations: str) -> Iterator[str]:
    """The names that `event` is compared with."""
    for relation in relations:
        for tree in command.find_data(relation):
            if tree.children[0] == Tree("field", [Token("FIELD", "event")]):
                yield from (str(text)[1:-1] for text in tree.scan_values(_is_text))


def _is_text(token: Any) -> bool:
    return bool(token.type == "STRING")

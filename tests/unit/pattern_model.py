"""A slow and simple reading of the rules of filter patterns, and generated patterns and events to compare it with."""

import re
from typing import Any, NamedTuple

from hypothesis import strategies as st

# Few names, few values: so that conditions and events meet.
NAMES = ["a", "b", "c-d", "e.f"]
TEXTS = ["", "x", "xy", "*", "x*y", "1", "1.0", "true", 'q"\\', "é"]
NUMBERS = [0, 1, -1, 1.0, 1.5, 10, 2**53, 2**64]
SCALARS = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.sampled_from([None, True, False]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)


class Leaf(NamedTuple):
    """A condition, as its parts."""

    steps: tuple[str | int, ...]  # "*" is any field, "[*]" any element
    operator: str
    value: Any = None  # a number, or the text that `kind` describes
    kind: str = ""  # "quoted", "bare", "regex", "number"


class Both(NamedTuple):
    """`&&` or `||` of two."""

    operator: str
    left: Any
    right: Any


STEPS = st.one_of(st.sampled_from(NAMES), st.integers(0, 2), st.sampled_from(["*", "[*]"]))
SELECTORS = st.tuples(st.sampled_from([*NAMES, "*"]), st.lists(STEPS, max_size=3)).map(lambda got: (got[0], *got[1]))
WORDS = st.sampled_from(["IS NULL", "IS TRUE", "IS FALSE", "NOT EXISTS"])
EQUALITY = st.sampled_from(["=", "!="])
ORDER = st.sampled_from(["<", "<=", ">", ">="])
QUOTED = st.sampled_from([*TEXTS, "x*", "*y", "*x*", "**"])
BARE = st.sampled_from(["x", "xy", "x*", "*y", "true", "1*", "*.0", "*"])
REGEXES = st.sampled_from(["x", "^x", "y$", "^$", "[0-9]", "^.$", "x|1", r"\*"])
TESTS = st.one_of(
    st.builds(Leaf, SELECTORS, WORDS, st.none(), st.just("")),
    st.builds(Leaf, SELECTORS, EQUALITY, QUOTED, st.just("quoted")),
    st.builds(Leaf, SELECTORS, EQUALITY, BARE, st.just("bare")),
    st.builds(Leaf, SELECTORS, EQUALITY, REGEXES, st.just("regex")),
    st.builds(Leaf, SELECTORS, EQUALITY | ORDER, st.sampled_from(NUMBERS), st.just("number")),
)
TREES = st.recursive(TESTS, lambda inner: st.builds(Both, st.sampled_from(["&&", "||"]), inner, inner), max_leaves=6)


# ---------------------------------------------------------------- printing


def printed(tree: Any, space: str) -> str:
    """The tree as a pattern, with parentheses only where they are needed."""
    if isinstance(tree, Leaf):
        return f"{selector(tree.steps)}{operator_and_value(tree, space)}"
    sides = [printed(side, space) for side in (tree.left, tree.right)]
    if tree.operator == "&&":
        sides = [
            f"({text})" if isinstance(side, Both) and side.operator == "||" else text
            for side, text in zip((tree.left, tree.right), sides, strict=True)
        ]
    return f"{space}{tree.operator}{space}".join(sides)


def selector(steps: tuple[str | int, ...]) -> str:
    """`$.a[0].*`."""
    out = "$"
    for step in steps:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step == "[*]":
            out += step
        else:
            out += f".['{step}']" if "." in step else f".{step}"
    return out


def operator_and_value(test: Leaf, space: str) -> str:
    """` = "x"`."""
    if not test.kind:
        return f" {test.operator}"
    value = str(test.value)
    if test.kind == "quoted":
        value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    elif test.kind == "regex":
        value = f"%{value}%"
    return f"{space}{test.operator}{space}{value}"


# ---------------------------------------------------------------- the rules, read slowly


def holds(tree: Any, event: Any) -> bool:
    """Does the event match?"""
    if isinstance(tree, Both):
        sides = (holds(tree.left, event), holds(tree.right, event))
        return all(sides) if tree.operator == "&&" else any(sides)
    values = selected(tree.steps, event)
    if tree.operator == "NOT EXISTS":
        return not values
    return any(passes(tree, value) for value in values)


def selected(steps: tuple[str | int, ...], value: Any) -> list[Any]:
    """All that the selector finds."""
    if not steps:
        return [value]
    step, rest = steps[0], steps[1:]
    children: list[Any] = []
    if step == "[*]":
        children = value if isinstance(value, list) else []
    elif step == "*":
        children = list(value.values()) if isinstance(value, dict) else []
    elif isinstance(step, int):
        children = value[step : step + 1] if isinstance(value, list) else []
    elif isinstance(value, dict) and step in value:
        children = [value[step]]
    return [found for child in children for found in selected(rest, child)]


def passes(test: Leaf, value: Any) -> bool:
    """Does one value pass?"""
    if test.operator.startswith("IS"):
        return value is {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}[test.operator]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    if test.operator in {"=", "!="}:
        return equal(test, value) == (test.operator == "=")
    if isinstance(value, str):
        return False
    return bool(
        {"<": value < test.value, "<=": value <= test.value, ">": value > test.value}.get(
            test.operator, value >= test.value
        )
    )


def equal(test: Leaf, value: str | float) -> bool:
    """Is it the value, by the rules of its kind?"""
    if test.kind == "number":
        return value == (str(test.value) if isinstance(value, str) else test.value)
    text = str(value)
    if test.kind == "regex":
        return re.search(test.value.replace("$", r"\Z"), text, re.DOTALL) is not None
    star = test.value
    if star.startswith("*") and star.endswith("*") and len(star) > 1:
        return star[1:-1] in text
    if star == "*":
        return True
    if star.startswith("*"):
        return text.endswith(star[1:])
    return text.startswith(star[:-1]) if star.endswith("*") else text == star


def leaves(tree: Any) -> list[Leaf]:
    """The conditions."""
    return [tree] if isinstance(tree, Leaf) else leaves(tree.left) + leaves(tree.right)


def within_limits(tree: Any) -> bool:
    """Would CloudWatch take it?"""
    counts = [sum(step in {"*", "[*]"} for step in test.steps) for test in leaves(tree)]
    regexes = sum(test.kind == "regex" for test in leaves(tree))
    return max(counts) <= 1 and sum(counts) <= 3 and regexes <= 2

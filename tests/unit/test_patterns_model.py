"""Generated patterns and events: the compiled pattern agrees with a slow and simple reading of the rules."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.cloudwatch.patterns import Pattern, PatternError
from tests.unit.pattern_model import EVENTS, TREES, Leaf, holds, leaves, printed, selector, within_limits


@given(TREES, EVENTS, st.sampled_from(["", " ", "\t\n "]))
@example(Leaf(("a",), "=", 2**64, "number"), {"a": 2**64}, " ")
def test_a_compiled_pattern_does_what_the_rules_say(tree: Any, event: dict[str, Any], space: str) -> None:
    """Selectors, operators, kinds of values and precedence in all combinations, beyond hand-written cases."""
    text = "{" + space + printed(tree, space) + space + "}"
    if not within_limits(tree):
        with pytest.raises(PatternError, match="at most"):
            Pattern.compile(text)
        return
    pattern = Pattern.compile(text)
    assert pattern.matches(event) == holds(tree, event), text
    assert pattern.matches_line(json.dumps(event).encode()) == holds(tree, event), text
    assert pattern.regexes == sum(test.kind == "regex" for test in leaves(tree))
    assert set(pattern.selectors) == {selector(test.steps) for test in leaves(tree)}
    assert pattern.fields == {test.steps[0] for test in leaves(tree)} - {"*"}


# ---------------------------------------------------------------- garbage

PIECES = st.sampled_from(
    [
        "{",
        "}",
        "(",
        ")",
        "$",
        ".",
        "$.a",
        "[",
        "]",
        "0",
        "*",
        "'",
        '"',
        "%",
        "\\",
        "=",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        " ",
        "IS",
        "NOT",
        "EXISTS",
        "NULL",
        "TRUE",
        "x",
        "1e",
        "-",
        "+",
        "{1,",
        "?",
        "|",
        "^",
        "\\x4",
        "\n",
        "\0",
        "é",
        "\ud800",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=50))
def test_garbage_is_refused_and_nothing_else_happens(garbage: str) -> None:
    """Anybody can type anything: the answer is a pattern or a PatternError with a place within the text."""
    refusals: list[tuple[str, PatternError]] = []
    for text in (garbage, "{" + garbage + "}", "{ $.a = " + garbage + " }", "{ $.a = %" + garbage + "% }"):
        try:
            Pattern.compile(text).matches({"a": "x"})
        except PatternError as error:
            refusals.append((text, error))
    assert all(0 <= error.position <= len(text) for text, error in refusals)
    assert all(error.reason and "\n" not in str(error) for _, error in refusals)


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                b"{",
                b"}",
                b'"a"',
                b":",
                b"[",
                b"]",
                b",",
                b"1",
                b"1e999",
                b"9" * 30,
                b'"\\ud800"',
                b"\xff",
                b"\0",
                b"\\u0000",
                b"NaN",
                b"-",
                b"\r",
                b"\n",
                b"null",
            ]
        ),
        max_size=20,
    ).map(b"".join)
)
def test_a_hostile_line_matches_or_it_does_not(line: bytes) -> None:
    """No line of a log stops the reading of the next."""
    for text in ("{ $.a NOT EXISTS }", "{ $.a = %9% }", "{ $.* > 1 }", '{ $.a[*] != "*1" }'):
        assert Pattern.compile(text).matches_line(line) in {True, False}

"""The matcher of these tests knows the language of EventBridge's patterns."""

import json
from typing import Any

import pytest

from tests.cloudwatch.event_patterns import matches


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"a": [1]}, {"a": 1}, True),
        ({"a": [1]}, {"a": "1"}, False),
        ({"a": [1]}, {"a": [2, 1]}, True),
        ({"a": [1], "b": [2]}, {"a": 1}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 2}]}, True),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": True}]}, {"a": 0}, True),
        ({"a": {"b": [{"exists": False}]}}, {"a": [{}, {"b": 1}]}, False),
        ({"a": {"b": [{"exists": False}]}}, {"a": [{}, {}]}, True),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": [{"anything-but": [0, 12]}]}, {"a": 0}, False),
        ({"a": [{"anything-but": [0, 12]}]}, {"a": 1}, True),
        ({"a": [{"anything-but": [0, 12]}]}, {}, False),
        ({"$or": [{"a": [1]}, {"b": [1]}]}, {"b": 1}, True),
        ({"$or": [{"a": [1]}, {"b": [1]}]}, {"b": 2}, False),
    ],
)
def test_the_matcher_of_these_tests_knows_the_language(pattern: Any, event: Any, expected: bool) -> None:  # noqa: FBT001
    """As the user guide describes each operator."""
    assert matches(json.loads(json.dumps(pattern)), event) == expected


def test_an_operator_that_the_matcher_does_not_know_is_not_a_match() -> None:
    """It must not pass for one that fails."""
    with pytest.raises(AssertionError, match="prefix is not known"):
        matches({"a": [{"prefix": "x"}]}, {"a": "xy"})

"""The evaluator of Logs Insights queries follows the user guide in each command and function."""

from typing import Any

import pytest

from tests.cloudwatch.insights_run import Row, Run, rows_of

ROWS: list[Row] = [
    {"@timestamp": 1, "a": 1.0, "who": "x", "task": "t/1"},
    {"@timestamp": 2, "a": 3.0, "who": "y"},
    {"@timestamp": 3, "who": "x", "b": 5.0},
]


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ('filter who = "x"', "@timestamp", [1, 3]),
        ("filter a != 1", "@timestamp", [2, 3]),
        ("filter a not in [1]", "@timestamp", [2, 3]),
        ("filter a in [1, 3] and a < 2", "@timestamp", [1]),
        ("filter not (a > 0)", "@timestamp", [3]),
        ("filter task like /t.1/ or b = 5", "@timestamp", [1, 3]),
        ('filter task like "t/1"', "@timestamp", [1]),
        ("filter task not like /t/", "@timestamp", []),
        ("sort a desc", "@timestamp", [2, 1, 3]),
        ("sort who asc, @timestamp desc", "@timestamp", [3, 1, 2]),
        ("sort @timestamp desc | dedup who", "@timestamp", [3, 2]),
        ("sort @timestamp desc | limit 2", "@timestamp", [3, 2]),
        ("fields coalesce(a, b) as c", "c", [1, 3, 5]),
        ("fields a * 2 + 1 as c", "c", [3, 7, None]),
        ("fields 7 - floor(7 / 2) * 2 as c | limit 1", "c", [1]),
        ("fields greatest(1, 3, 2) - least(2, 1) as c | limit 1", "c", [2]),
        ("fields now() as c | limit 1", "c", [1000]),
        (r"parse task /(?<kind>[a-z]+)\/(?<n>\d+)/", "n", ["1", None, None]),
        ("stats count(*) as n by who", "n", [2, 1]),
        ("stats count(a) as n, sum(a) as s", "s", [4]),
        ("stats count(a) as n", "n", [2]),
        ("stats count_distinct(who) as n", "n", [2]),
        ("stats latest(who) as w, earliest(a) as e", "w", ["x"]),
        ("stats sortsFirst(who) as first, sortsLast(who) as last", "last", ["y"]),
        ("stats pct(a, 50) as p", "p", [1]),
        ("stats max(b) as m by who | sort who asc", "m", [5, None]),
        ("stats count(*) as n by who | stats sum(n * 2) as s, max(n) as m", "s", [6]),
    ],
)
def test_each_command_does_what_it_is_documented_to_do(query: str, field: str, expected: list[Any]) -> None:
    """A field that is not there is different from everything, and like nothing."""
    assert [row.get(field) for row in Run(query, 1000).on(ROWS)] == expected


def test_a_line_becomes_a_row_with_flat_fields() -> None:
    """A line that is not JSON has only a message."""
    line = '{"timestamp": "2026-01-01T00:00:00.500Z", "event": "x", "faults": [{"variable": "PORT"}], "ok": true}'
    found, text = rows_of([line, "text"], "app/app/1")
    assert (found["faults.0.variable"], found["ok"], found["@timestamp"]) == ("PORT", 1, 1767225600500)
    assert (found["@logStream"], found["@message"]) == ("app/app/1", line)
    assert Run('filter event = "x"', 0).on([found, text]) == [found]

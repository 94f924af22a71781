"""Saved queries use fields that the lines have; the checker is tried with queries that do not."""

import json
from typing import Any

import pytest

from orchestrator.cloudwatch.queries import QUERIES, Query
from orchestrator.cloudwatch.template import template
from orchestrator.documentation.schema import line_schema
from tests.cloudwatch.insights import faults

SCHEMA = line_schema()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.logical_id)
def test_a_saved_query_can_be_asked(query: Query) -> None:
    """Each field that it names is on the lines that it looks at."""
    assert faults(query.text, SCHEMA) == []
    assert 1 <= len(query.name) <= 100


def test_the_questions_of_the_person_on_call_are_there() -> None:
    """By their names in the console."""
    assert {query.name for query in QUERIES} == {
        "Last start of each task as a timeline",
        "Failed starts with hint",
        "Slowest revisions",
        "Who waited for whom",
        "Retries by cause",
        "Starts by version",
    }


def test_what_the_dashboard_asks_are_saved_queries() -> None:
    """Of the same log group, so what holds of them holds of it."""
    body = json.loads(template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    asked = [each["properties"]["query"] for each in body["widgets"] if each["type"] == "log"]
    texts = {query.text for query in QUERIES}
    assert len(asked) == 3
    for query in asked:
        source, text = query.split(" | ", 1)
        assert source == "SOURCE '${LogGroupName}'"
        assert text in texts


BAD = {
    "fields nothing": "fields: no such line has a field nothing",
    "fields @nothing": "fields: no such line has a field @nothing",
    "filter `not-there` = 1": "filter: no such line has a field `not-there`",
    'filter event = "nothing"': "no event is named nothing",
    'filter event not in ["nothing"]': "no event is named nothing",
    'filter event in ["server_started", "nothing"]': "no event is named nothing",
    'filter event = "server_started" | fields exit_code': "fields: no such line has a field exit_code",
    "filter not holder like /x/ | sort nothing desc": "sort: no such line has a field nothing",
    "fields message | dedup nothing": "dedup: no such line has a field nothing",
    "parse nothing /(?<a>x)/": "parse: no such line has a field nothing",
    "parse message /(?<state>x)/": "state is a name already",
    'parse message "* *" as state, b': "state is a name already",
    "fields coalesce(revision, state) as state": "state is a name already",
    "fields nothing(message)": "fields: nothing is no function here",
    "fields max(exit_code) as a": "fields: max is no function here",
    "stats avg(message) as a": "stats: avg needs a number",
    "stats max(nothing) as a": "stats: max needs a number",
    "stats count(*)": "stats: a result without a name",
    "stats count(*) as a by bin(5m)": "stats: a result without a name",
    "stats count(*) as a by version | sort boot_id": "sort: no such line has a field boot_id",
    "stats count(*) as a by version | filter state = 1": "filter: no such line has a field state",
    "stats count(*) as a | stats count(*) as b | stats count(*) as c": "more than 2 stats",
    "sort version | stats count(*) as a": "sort and limit have to stand after the last stats",
    "stats count(*) as a | limit 5 | stats count(*) as b": "sort and limit have to stand after the last stats",
    "dedup boot_id | sort boot_id": "after dedup, only limit may follow",
    "limit 10001": "limit: not from 1 to 10000",
    "limit 0": "limit: not from 1 to 10000",
    f"fields message {' ' * 10_000}": "10015 characters",
}


@pytest.mark.parametrize("query", BAD)
def test_a_query_that_would_fail_or_find_nothing_is_found(query: str) -> None:
    """Each fault is named."""
    assert BAD[query] in faults(query, SCHEMA)


@pytest.mark.parametrize(
    "query",
    ["", "nothing", "fields", "fields message |", "filter event ==", "limit x", "sort event up", "filter event in []"],
)
def test_an_invalid_query_is_not_understood(query: str) -> None:
    """And the place is reported."""
    (fault,) = faults(query, SCHEMA)
    assert "not understood" in fault


@pytest.mark.parametrize(
    "query",
    [
        "fields @timestamp, @message | sort @timestamp desc | limit 10000",
        "FILTER event = 'server_started' | STATS max(startup_seconds) AS slowest BY version",
        "filter (state = 'failed' or not outcome = \"success\") and elapsed_seconds * 2 + 1 >= 3 - -1 / 4",
        "stats count(*) as n by bin(5m) as t | sort t",
        "stats count(*) as n by version | stats max(n) as most | limit 1",
        'filter message like "x" and message not like /a\\/b/ and message =~ /c/ # why',
        'parse message "* of *" as a, b | fields a, strlen(b) as c | dedup a, c | limit 3',
    ],
)
def test_a_good_query_passes(query: str) -> None:
    """The checker must not stand in the way of the next query."""
    assert faults(query, SCHEMA) == []


def test_fields_of_one_event_are_not_those_of_another() -> None:
    """The filtered events decide which fields exist."""
    text = 'filter event = "{}" | fields startup_seconds'
    assert faults(text.format("server_started"), SCHEMA) == []
    assert faults(text.format("startup_failed"), SCHEMA)


def test_numbers_or_nothing_are_numbers() -> None:
    """Of the schema's unions too."""
    schema: dict[str, Any] = {"$defs": {"e": {"properties": {"event": {}, "n": {"type": ["number", "null"]}}}}}
    assert faults("stats max(n) as m", schema) == []
    assert faults("stats max(event) as m", schema) == ["stats: max needs a number"]

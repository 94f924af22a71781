"""Filter patterns match what CloudWatch's are documented to match, or were seen to match: tests/data has the cases."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cloudwatch.patterns import Pattern, PatternError

HERE = Path(__file__).parents[1]
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "data/filter_patterns.yaml").read_text())
SHARED = HERE.parents[1] / "shared/cloudwatch"  # beside the project where it was made: the cases of others
shared = pytest.mark.skipif(not SHARED.exists(), reason="they are not part of the project")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_a_pattern_matches_the_lines_that_it_should_and_no_others(case: dict[str, Any]) -> None:
    """The alarms and the metrics are made with these patterns; a wrong one is silent."""
    pattern = Pattern.compile(case["pattern"])
    wrong = [line for line in case.get("matches", ()) if not pattern.matches_line(line.encode())]
    wrong += [line for line in case.get("misses", ()) if pattern.matches_line(line.encode())]
    assert not wrong


def test_every_case_says_how_it_is_known() -> None:
    """A guess must not look like a fact, and a case without lines would test nothing."""
    assert all(case["known"] in {"guide", "derived", "observed", "ours"} for case in CASES)
    assert all(case.get("matches") or case.get("misses") for case in CASES)


@shared
def test_the_shared_cases_hold() -> None:
    """Other people collected them from the same documentation."""
    cases = json.loads((SHARED / "filter_cases.json").read_text())
    wrong = [c for c in cases if Pattern.compile(c["pattern"]).matches_line(c["line"].encode()) != c["match"]]
    assert cases
    assert not wrong


@shared
def test_the_shared_invalid_patterns_are_refused() -> None:
    """Same."""
    for case in json.loads((SHARED / "invalid_patterns.json").read_text()):
        with pytest.raises(PatternError):
            Pattern.compile(case["pattern"])


def test_a_pattern_shows_what_it_looks_at() -> None:
    """The template's checks ask: is the field on every event of that name; how many regexes has the log group?"""
    pattern = Pattern.compile("{ ($.a.b = %x% || $.* = 1) && $.['c.d'][0] != %y% && $.a.b IS NULL }")
    assert pattern.text.startswith("{ ($.a.b")
    assert pattern.regexes == 2
    assert pattern.selectors == ("$.a.b", "$.*", "$.['c.d'][0]")
    assert pattern.fields == {"a", "c.d"}


@pytest.mark.parametrize("event", [None, 1, "text", ["a"], True])
def test_a_value_that_is_not_an_object_matches_nothing(event: object) -> None:
    """A pattern selects fields of an object."""
    assert not Pattern.compile("{ $.a NOT EXISTS }").matches(event)


def test_a_parsed_event_matches_as_its_line_does() -> None:
    """Tests have parsed events, log files have lines; a float beyond 64 bits must not make a difference."""
    for case in CASES:
        pattern = Pattern.compile(case["pattern"])
        for line in [*case.get("matches", ()), *case.get("misses", ())]:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if "NaN" not in line and "Infinity" not in line:  # the standard library takes them, and no JSON has them
                assert pattern.matches(event) == pattern.matches_line(line.encode()), (case["pattern"], line)

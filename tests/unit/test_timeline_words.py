"""The shown parts of a log: harmless, short, and with units."""

import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.timeline.words import TEXT_LIMIT, count, duration, number, plain

ANYTHING = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers())


@given(ANYTHING)
def test_no_text_can_command_a_terminal_or_break_a_file(value: Any) -> None:
    """Neither with escapes, nor by turning the direction of writing, nor with half characters."""
    shown = plain(value)
    assert not [each for each in shown if unicodedata.category(each)[0] in "CZ" and each != " "]
    assert len(shown) <= TEXT_LIMIT


def test_what_can_be_read_is_kept() -> None:
    """And nothing is put where something was taken away but a space."""
    assert plain("Grün, 緑, 🌱: \x1b[31mred\x1b[0m\n\tand\u202e back") == "Grün, 緑, 🌱: [31mred [0m and back"
    assert plain("x" * 1000) == "x" * (TEXT_LIMIT - 1) + "…"


@given(ANYTHING)
def test_a_number_is_finite_and_of_some_sense(value: Any) -> None:
    """Any other value is not a number."""
    found = number(value)
    assert found is None or (math.isfinite(found) and 0 <= found <= 1e9)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0004, "< 1 ms"),
        (0.25, "250 ms"),
        (0.9996, "1.0 s"),
        (9.87, "9.9 s"),
        (9.96, "10 s"),
        (42.2, "42 s"),
        (59.7, "1 min"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (4000, "1 h 6 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    """Three figures or so, in the unit that fits."""
    assert duration(seconds) == text


def test_one_is_not_many() -> None:
    """1 starts would be read twice."""
    assert (count(1, "start"), count(1200, "start")) == ("1 start", "1,200 starts")

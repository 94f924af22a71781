"""The pictures themselves: on a terminal of any width, and as SVG that any reader takes."""

import itertools
import json
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.timeline import svg, text
from orchestrator.timeline.lanes import FILLS, MARGIN, WIDTH, Layout, labels
from orchestrator.timeline.phases import Kind
from orchestrator.timeline.starts import KEPT
from tests.unit.timelines import drawn, event, failing, log, many, migrating, revision, state

SVG = "{http://www.w3.org/2000/svg}"
WORDS = (
    st.text(max_size=40)
    | st.sampled_from(
        [
            "\x1b]0;title\x07",
            "\x1b[2J",
            "\u202eevil",
            "</text><script>alert(1)</script>",
            "]]>",
            "&amp;",
            "\ud800",
            "W" * 400,
        ]
    )
    | st.floats()
    | st.integers(-(10**20), 10**20)
    | st.none()
    | st.booleans()
    | st.lists(st.text(max_size=3), max_size=2)
)
_FIELDS = sorted({"service", "version", "task_id", "state", "revision"}.union(*KEPT.values()))


@st.composite
def hostile_events(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an event with any name and any fields."""
    name = draw(st.sampled_from([*sorted(KEPT), "request", "log"]))
    at = draw(st.floats(0, 100) | st.floats(0, 3e8))
    told = event(name, 1.0, boot=draw(st.sampled_from(["a", "b", "\x1b[31m", "<c>"])), began=draw(st.floats(0, 1e8)))
    extra = draw(st.dictionaries(st.sampled_from(_FIELDS), WORDS, max_size=6))
    states = {"state": draw(st.sampled_from(["waiting", "serving", "failed", "stopped", "x"]))}
    return {**told, **states, **extra, "elapsed_seconds": at}


LOGS = st.lists(hostile_events(), max_size=25).map(log)


def elements(content: bytes, tag: str) -> Iterator[ET.Element]:
    """The elements of a file, read by a parser that takes no mistakes."""
    return ET.fromstring(content).iter(SVG + tag)  # noqa: S314  # our own file


# ---------------------------------------------------------------- on a terminal


@pytest.mark.parametrize("width", [50, 80, 132, 240])
@pytest.mark.parametrize("amount", [1, 2, 5, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int, amount: int) -> None:
    """Wrapped lanes are no lanes."""
    shown = text.render(drawn(log(many(amount))), text.Paint(width))
    assert max(text.columns(line) for line in shown.splitlines()) <= width


def test_lanes_of_a_terminal_show_every_phase_in_its_order() -> None:
    """At a glance: who waited, who migrated, who failed."""
    picture = drawn(log([*migrating(), *failing(boot_id="c" * 32)]))
    lines = text.render(picture, text.Paint(100)).splitlines()
    lane = next(line for line in lines if line.startswith("bbbbbbbb"))
    assert "".join(sign for sign, _ in itertools.groupby(lane[10:].rpartition("▐")[0])) == "·░▒▄▓▄█▄▒━╌"
    lane = next(line for line in lines if line.startswith("cccccccc"))
    assert lane.split() == ["cccccccc", "·░░░░░░✖", "exit", "4", "database_unreachable"]
    assert "    → Look at it." in lines


def test_a_terminal_that_knows_no_blocks_gets_letters() -> None:
    """A console of Windows, a log of CI, LC_ALL=C."""
    shown = [text.render(drawn(log(many(amount))), text.Paint(80, blocks=False)) for amount in (1, 3)]
    assert [each.isascii() for each in shown] == [True, True]
    assert "wwwX" in shown[1]


def test_colours_are_for_those_who_asked() -> None:
    """A file of escapes is hard to read."""
    picture = drawn(log(many(3)))
    plain = text.render(picture, text.Paint(80))
    assert "\x1b" not in plain
    coloured = text.render(picture, text.Paint(80, colours=True))
    assert "\x1b[38;5;" in coloured
    assert text.columns(coloured) > text.columns(plain)


@given(LOGS, st.integers(1, 300), st.booleans())
def test_nothing_in_a_log_gets_through_to_the_terminal(content: bytes, width: int, blocks: bool) -> None:  # noqa: FBT001
    """Whoever can write into a log must not be able to type into a terminal."""
    shown = text.render(drawn(content), text.Paint(width, blocks=blocks))
    assert not [each for each in shown if unicodedata.category(each)[0] == "C" and each != "\n"]
    assert max(text.columns(line) for line in shown.splitlines()) <= max(50, width)


# ---------------------------------------------------------------- as SVG


@given(LOGS)
def test_any_log_becomes_a_valid_file_without_anything_that_runs(content: bytes) -> None:
    """It is opened in browsers, and put into reports."""
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg.render(drawn(content))).iter()}  # noqa: S314
    assert tags <= {"svg", "title", "desc", "g", "rect", "line", "circle", "text"}


def test_the_same_log_gives_the_same_bytes() -> None:
    """A picture in a repository changes only when its log does."""
    assert svg.render(drawn(log(many(20)))) == svg.render(drawn(log(many(20))))


def test_a_file_needs_nothing_but_itself() -> None:
    """It loads nothing from the network, which would reveal the reader."""
    content = svg.render(drawn(log(many(5))))
    assert content.count(b"http") == content.count(b'xmlns="http') == 1
    assert b"url(" not in content


def test_a_reader_who_cannot_see_it_gets_the_same_facts() -> None:
    """The root has a role, a name and a description; each bar has a title."""
    content = svg.render(drawn(log([*migrating(), *failing(boot_id="c" * 32)])))
    root = ET.fromstring(content)  # noqa: S314
    assert root.get("role") == "img"
    assert (root.get("aria-label") or "").startswith("2 starts of plants 1.4.2. 1 served, 1 failed")
    assert "cccccccc: exit 4 database_unreachable" in (root.findtext(f"{SVG}desc") or "")
    titles = [title.text or "" for title in elements(content, "title")]
    assert "r1: 2.0 s\nrevision 1 of 1: do r1\n3 statements\n6.0 s to 8.0 s after its beginning" in titles


def test_markup_in_a_log_is_text() -> None:
    """A revision may bear any name."""
    evil = "<script>alert('&')</script>"
    lines = [event("process_started", 0.5), *revision(evil, 1, 9), state("serving", 10)]
    content = svg.render(drawn(log(lines)))
    assert not list(elements(content, "script"))
    assert evil in [found.text for found in elements(content, "text")]


PICTURES = {
    "one": many(1),
    "five": many(5),
    "two hundred": many(200),
    "revisions": [
        event("process_started", 0.1),
        *(each for at in range(80) for each in revision(f"r{at}", at**2 / 40 + 0.2, (at + 1) ** 2 / 40, index=at)),
        *failing(boot_id="c" * 32),
    ],
    "wide names": [*migrating(service="W" * 60, version="緑" * 30), *failing(boot_id="c" * 32, service="M" * 60)],
}


@pytest.mark.parametrize("name", PICTURES)
def test_no_two_texts_within_a_lane_overlap(name: str) -> None:
    """Each is within its bar, and no bar overlaps another."""
    picture = drawn(log(PICTURES[name]))
    place = Layout.of(picture.rows)
    assert place.right - place.left > 400
    for row in picture.rows:
        found = labels(row, picture.axis, place)
        assert all(one.x + one.width < other.x for one, other in itertools.pairwise(found))
        assert all(place.left <= label.x and label.x + label.width <= place.right for label in found)


@pytest.mark.parametrize("name", PICTURES)
def test_everything_is_on_the_page(name: str) -> None:
    """Nothing is cut off at its edges."""
    root = ET.fromstring(svg.render(drawn(log(PICTURES[name]))))  # noqa: S314
    height = float(root.get("height") or 0)
    for rect in root.iter(f"{SVG}rect"):
        x, y, width, high = (float(rect.get(key, 0)) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= WIDTH
        assert 0 <= y <= y + high <= height
    for found in root.iter(f"{SVG}text"):
        assert MARGIN <= float(found.get("x", 0)) < WIDTH - MARGIN
        assert 0 < float(found.get("y", 0)) < height


def test_what_took_less_than_a_pixel_is_seen() -> None:
    """A revision of a millisecond within an hour of waiting."""
    lines = [event("process_started", 0.5), *revision("r1", 3599, 3599.001), state("serving", 3600)]
    content = svg.render(drawn(log([*lines, *failing(boot_id="c" * 32)])))
    bars = [rect for rect in elements(content, "rect") if (rect.findtext(f"{SVG}title") or "").startswith("r1: 1 ms")]
    assert [float(bar.get("width", 0)) for bar in bars] == [1.5]


def test_a_log_without_a_start_is_said_to_have_none() -> None:
    """An empty picture would make one look for the mistake elsewhere."""
    nothing = drawn(json.dumps({"a": 1}).encode())
    assert text.render(nothing, text.Paint(80)) == "No start in this log\n"
    assert [found.text for found in elements(svg.render(nothing), "text")] == ["No start in this log"]


def test_the_picture_in_the_documentation_is_of_this_code() -> None:
    """It was drawn from a real run, and has to be drawn again when the drawing changes."""
    content = (Path(__file__).parents[2] / "docs" / "timeline.svg").read_bytes()
    shown = {found.text for found in elements(content, "text")}
    assert {kind.value for kind in Kind} <= shown
    assert {rect.get("fill") for rect in elements(content, "rect")} >= set(FILLS.values())

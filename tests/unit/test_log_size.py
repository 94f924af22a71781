"""Any record becomes one JSON object of at most 16,000 bytes on one line; `parsed` sees to that each time."""

import datetime as dt
import enum
import logging
import uuid
from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from orchestrator.log.size import fit
from tests.unit.records import COMMON, line, parsed, raised, record


class Broken:
    """Nothing about it works."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError("not even itself")

    __hash__ = None  # type: ignore[assignment]  # not hashable either


class Colour(enum.IntEnum):
    """A number with a name."""

    RED = 1


class Text(str):
    """Text of a library's own kind."""

    __slots__ = ()


def circle() -> list[Any]:
    """A list that holds itself."""
    inner: list[Any] = []
    inner.append({"back": inner})
    return inner


def deep() -> list[Any]:
    """Return what an attacked parser may have made."""
    value: list[Any] = []
    for _ in range(50_000):
        value = [value]
    return value


ODD: dict[str, Any] = {
    "broken": Broken(),
    "circle": circle(),
    "nan": float("nan"),
    "inf": float("-inf"),
    "65 bits": 2**65,
    "too long to print": 10**5000,
    "too big for a double": 10**400,
    "lone surrogate": "a\udcffb",
    "control characters": "\x00\x1b[2J\r\n\u2028",
    "bytes": b"\xff\x00",
    "enum": Colour.RED,
    "text": Text("text"),
    "date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "uuid": uuid.UUID(int=0),
    "exception": ValueError("x"),
    "type": int,
    "mapping": {1: 2, None: 3, (1, 2): 4, "\udcff": 5},
    "set": {1, "a"},
}
UNPRINTABLE = {"broken", "too long to print"}  # for Hypothesis too


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_costs_nothing_but_itself(name: str) -> None:
    """The line comes out, with every other field as it would have been: numbers numbers, null null."""
    fields = parsed(record("words", extra={"odd": ODD[name], "password": ODD[name], "half": 0.5, "none": None}))
    assert (fields["message"], fields["half"], fields["none"], fields["password"]) == ("words", 0.5, None, "***")
    assert "odd" in fields
    assert isinstance(fields["elapsed_seconds"], float)


def test_deeply_nested_values_are_cut() -> None:
    """Also a circle, which has no end."""
    assert "nested too deeply" in line(record(extra={"odd": deep()}))
    assert "nested too deeply" in line(record(extra={"odd": circle()}))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_may_be_the_message(name: str) -> None:
    """`logger.info(error)` is common."""
    assert parsed(record(ODD[name]))
    assert parsed(record("%s and %r", ODD[name], ODD[name]))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.sampled_from([value for name, value in ODD.items() if name not in UNPRINTABLE]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(), inner, max_size=5),
    max_leaves=20,
)
long_values = st.builds(lambda value, times: value * times, st.text(min_size=1), st.sampled_from([1, 100, 20_000]))


@hypothesis.given(
    st.dictionaries(
        st.text(st.characters(), min_size=1).filter(lambda name: name not in vars(record())), values | long_values
    ),
    st.text() | long_values,
    st.sampled_from([True, False]),
)
def test_any_record_becomes_a_line(extra: Mapping[str, Any], message: str, failed: bool) -> None:  # noqa: FBT001  # drawn
    """Whatever an app logs, one object a line is what the reader gets."""
    hypothesis.assume(not extra.keys() & {"message", "asctime"})
    error = raised(ValueError(message)) if failed else None
    fields = parsed(record(message.replace("%", "%%"), extra=extra, error=error))
    assert ("truncated" in fields) or len(fields) >= len(COMMON) + failed


@pytest.mark.parametrize("letter", ["x", "ä", "\N{ROSE}", "\x01", '"', "\udcff"])
@pytest.mark.parametrize("where", ["message", "extra", "exception", "nested", "logger"])
def test_long_fields_are_cut_and_named(letter: str, where: str) -> None:
    """Half a JSON object matches no filter; a cut one names what is missing, and keeps all that fits."""
    huge = letter * 30_000
    given = {
        "message": lambda: record(huge),
        "extra": lambda: record(extra={"extra": huge}),
        "exception": lambda: record(error=raised(ValueError(huge))),
        "nested": lambda: record(extra={"nested": [{"a": huge}]}),
        "logger": lambda: record(logger=huge),
    }[where]()
    fields = parsed(given)
    assert fields["truncated"] == [where]
    assert "… (cut)" in fields[where]
    assert fields[where].endswith("… (cut)") != (where == "exception"), "its end says what it is"
    assert len(line(given).encode()) > 10_000


def test_a_line_of_just_the_limit_is_whole() -> None:
    """Docker splits lines above 16 KiB; a byte less than allowed would be lost for nothing."""
    padding = 16_000 - len(fit({"padding": ""}, whole=False))
    assert fit({"padding": "x" * padding}, whole=False).endswith(b'x"}')
    assert b'"truncated":["padding"]' in fit({"padding": "x" * (padding + 1)}, whole=False)


def test_a_traceback_is_cut_before_the_words() -> None:
    """The words are what the search finds it by."""
    words = "m" * 2_000
    fields = parsed(record(words, error=raised(ValueError("x" * 50_000)), extra={"note": "n" * 10_000}))
    assert fields["message"] == words
    assert fields["note"] == "n" * 10_000
    assert fields["truncated"] == ["exception"]


@pytest.mark.parametrize("name", ["k" * 30_000, "\N{ROSE}" * 30_000])
def test_a_monstrous_name_is_dropped_and_costs_nothing_else(name: str) -> None:
    """A name cannot be cut without becoming another."""
    fields = parsed(record("words", extra={name: 1, "plant": 7}))
    assert (fields["message"], fields["plant"]) == ("words", 7)
    assert fields["truncated"] == [name[:60]]


def test_many_small_fields_are_dropped_rather_than_the_words() -> None:
    """In a moment, although there are ten thousand."""
    fields = parsed(record("w" * 300, extra={f"field_{number}": "v" * 50 for number in range(10_000)}))
    assert fields["message"] == "w" * 300
    assert len(fields) > 100
    assert len(fields["truncated"]) == 10


def test_a_line_whose_every_part_is_hostile_is_still_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character escaped into twelve bytes, in every place that cannot be dropped."""
    hostile = "\N{ROSE}" * 128
    for name in ("service", "version"):
        monkeypatch.setattr(f"orchestrator.log.context.CONTEXT.{name}", hostile)
    extra = {f"{number}{hostile}": hostile for number in range(300)} | {"surrogate": "\udcff"}
    fields = parsed(record(hostile * 10, extra=extra, logger=hostile * 10, level=logging.CRITICAL))
    assert fields["service"] == fields["version"] == hostile
    assert fields["message"].startswith("\N{ROSE}" * 100)

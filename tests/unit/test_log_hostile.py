"""Misbehaving objects: each costs at most its own text, and never an exception for the caller."""

import logging
from typing import Any

import pytest

from orchestrator.log.lines import formatter
from orchestrator.log.values import CUT, MAX_VALUES
from tests.unit.hostile_objects import OBJECTS
from tests.unit.records import capture, line, parsed, raised, read, record


@pytest.mark.parametrize("name", OBJECTS)
def test_it_costs_its_own_words_at_most(name: str) -> None:
    """As a field, within one, and in a group of others: what stands beside it is as it would have been."""
    given = OBJECTS[name]
    fields = parsed(record("words", extra={"odd": given, "inner": [{"odd": given}, 7], "password": given, "half": 0.5}))
    assert (fields["message"], fields["half"], fields["password"]) == ("words", 0.5, "***")
    assert fields["inner"][1] == 7
    assert "odd" in fields


@pytest.mark.parametrize("name", OBJECTS)
def test_it_may_be_an_argument_or_the_message(name: str) -> None:
    """The fields and the traceback of the record are not lost with the words."""
    given = OBJECTS[name]
    with_arguments = [record(words, given, given, extra={"plant": 7}) for words in ("%s %r", "%d %d", "%s %s %s", "%")]
    for made in (record(given, extra={"plant": 7}), *with_arguments):
        assert parsed(made)["plant"] == 7
        assert line(made, "text")
    fields = parsed(record("%s %s %s", given, given, error=raised(ValueError("cause"))))
    assert fields["exception"].endswith("ValueError: cause")


@pytest.mark.parametrize("name", OBJECTS)
def test_it_may_be_what_an_exception_says(name: str) -> None:
    """As its argument and among its notes."""
    error = ValueError(OBJECTS[name])
    error.__notes__ = [OBJECTS[name]]
    assert "ValueError" in parsed(record("failed", error=raised(error)))["exception"]


def _is_hashable(given: object) -> bool:
    """Return whether it may be a key: from Python 3.12 a mappingproxy has `__hash__`, which fails for a dict."""
    try:
        hash(given)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name in OBJECTS if _is_hashable(OBJECTS[name])])
def test_it_may_be_the_name_of_a_field(name: str) -> None:
    """Names of `extra` need not be text, and those within a mapping neither."""
    given = OBJECTS[name]
    made = record("words")
    made.__dict__[given] = 7
    assert 7 in parsed(made).values()
    assert list(parsed(record("words", extra={"inner": {given: 7}}))["inner"].values()) == [7]


@pytest.mark.parametrize("name", [*OBJECTS, "nan", "none"])
def test_it_may_be_any_part_of_a_record(name: str) -> None:
    """Records also come from sockets and queues, and filters change them."""
    for field in ("name", "levelno", "levelname", "created", "msg", "args", "exc_info", "stack_info"):
        made = record("words")
        made.__dict__[field] = {**OBJECTS, "nan": float("nan"), "none": None}[name]
        fields = parsed(made)
        assert fields["timestamp"].endswith("Z"), field
        assert fields["elapsed_seconds"] >= 0, field


class LogsItself:
    """A `repr` that logs, and so leads to itself; it counts how often."""

    asked = 0

    def __repr__(self) -> str:
        self.asked += 1
        logging.getLogger("app.itself").warning("%r %s", self, self)
        return "itself"


def test_a_repr_that_logs_itself_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each nested record is tried in two ways: without a limit, a start would never continue."""
    handler = capture("app.itself", monkeypatch)
    lines: list[str] = []
    monkeypatch.setattr(handler, "emit", lambda made: lines.append(formatter("json").format(made)))
    given = LogsItself()
    repr(given)
    assert given.asked < 50
    assert any("made within another" in read(each)["message"] for each in lines)


@pytest.mark.parametrize("number", [0, 5, 10, 11, 20, 25, 30, 35, 40, 50, 55, 1000])
def test_the_level_is_one_that_filters_know(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries add levels, `notice` or `success`, and may rename the existing ones."""
    monkeypatch.setattr(logging, "_levelToName", dict.fromkeys(range(1001), "Own\nName"))
    names = {0: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
    assert parsed(record(level=number))["level"] == names[max(least for least in names if least <= number)]


def test_the_fields_of_a_task_are_not_given_to_others() -> None:
    """An app that numbers its tasks must not look like another ECS task: not in ECS, not before the task is known."""
    names = ("task_id", "cluster", "task_family", "task_revision")
    fields = parsed(record(extra=dict.fromkeys(names, "mine")))
    assert not fields.keys() & set(names)
    assert {fields[f"extra_{name}"] for name in names} == {"mine"}


@pytest.mark.parametrize("size", [MAX_VALUES + 1, 1_000_000])
@pytest.mark.parametrize("kind", [list, tuple, set, dict.fromkeys])
def test_of_many_values_the_first_are_shown(kind: Any, size: int) -> None:
    """A line has no room for more, and to clean them all takes its time; what stands beside them is not touched."""
    fields = parsed(record(extra={"many": kind(range(size)), "nested": [kind(range(size))], "plant": 7}))
    assert fields["truncated"] == ["many", "nested"]
    assert CUT in (fields["many"] if kind is not dict.fromkeys else fields["many"].values())
    assert fields["plant"] == 7


def test_a_mapping_that_changes_meanwhile_costs_only_itself() -> None:
    """Another thread may do so; here a `repr` does."""
    changing: dict[object, object] = {}

    class Grows:
        def __repr__(self) -> str:
            changing[len(changing)] = 1
            return "grows"

    changing["a"] = Grows()
    changing["b"] = 1
    fields = parsed(record(extra={"changing": changing, "plant": 7}))
    assert (fields["changing"], fields["plant"]) == ("<dict that raised RuntimeError>", 7)


def test_a_record_made_at_the_end_of_the_stack_is_a_line() -> None:
    """What costs more of it than the standard library's own formatter must not fail where that would not."""
    told: list[str] = []
    ours, theirs = formatter("json"), logging.Formatter("%(asctime)s")
    made = record("words", extra={"nested": [[[["x"]]]]})

    def descend() -> None:
        try:
            descend()
        except RecursionError:
            theirs.format(made)  # raises where even that is too much, and the frame above tries again
            told.append(ours.format(made))

    for _ in range(3):
        descend()
    assert [read(each)["event"] for each in told] == ["log"] * 3

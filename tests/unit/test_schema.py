"""The JSON Schema of a line takes every line that we write, and no other."""

import dataclasses
import gc
import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mypy.api
import pytest
from jsonschema import Draft202012Validator

import orchestrator
from orchestrator.documentation.manual import catalogue
from orchestrator.documentation.schema import FOREIGN, line_schema
from orchestrator.errors import Failure
from orchestrator.events import CATALOGUE
from tests.harness.catalogue import violations
from tests.unit.events import example

SCHEMA = line_schema()
LINE = {
    "timestamp": "2026-11-22T10:00:00.000Z",
    "level": "info",
    "event": FOREIGN,
    "message": "Hello.",
    "state": "serving",
    "outcome": "unknown",
    "service": "app",
    "version": "",
    "logger": "orchestrator",
    "schema": 1,
    "boot_id": "0",
    "elapsed_seconds": 1.5,
}
TASK = {"task_id": "t", "cluster": "c", "task_family": "f", "task_revision": "3"}


def line(name: str, **fields: Any) -> dict[str, Any]:
    """A line of that event with every field filled in."""
    event = example(name)
    own = {key: "serving" if key == "state" else value for key, value in event.fields().items()}
    kind = CATALOGUE[name]
    level = "critical" if issubclass(kind, Failure) else {20: "info", 30: "warning"}[kind.level]
    return {**LINE, "event": name, "level": level, "outcome": kind.outcome, "message": "m", **own, **fields}


def fits(event: dict[str, Any]) -> bool:
    """Whether the whole schema, as users get it, takes a line."""
    return bool(Draft202012Validator(SCHEMA).is_valid(event))


def test_the_schema_is_complete_for_the_first_caller() -> None:
    """Failures are defined in separate modules, which other importers may not have imported."""
    ask = "from orchestrator.documentation.schema import line_schema; import json; print(json.dumps(line_schema()))"
    printed = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == SCHEMA


def test_the_schema_is_a_schema() -> None:
    """Of the dialect that it names; and it is what the command prints."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert json.loads(catalogue("schema")) == SCHEMA


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_line_with_all_its_fields_fits(name: str) -> None:
    """In ECS and elsewhere, with a traceback, with metrics."""
    assert fits(line(name))
    assert fits(line(name, **TASK, exception="Traceback", truncated=["exception"]))
    metrics = example(name).metrics()
    assert fits(line(name, **metrics, _aws={})) == bool(metrics)


def _without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda event: {name: value for name, value in event.items() if name != key}


SPOILT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "an unknown field": lambda event: {**event, "surprise": 1},
    "an unknown event": lambda event: {**event, "event": "surprise"},
    "no event": _without("event"),
    "no message": _without("message"),
    "a level of other events": lambda event: {**event, "level": "debug"},
    "an outcome of nobody": lambda event: {**event, "outcome": "maybe"},
    "a state of nobody": lambda event: {**event, "state": "asleep"},
    "a number as text": lambda event: {**event, "elapsed_seconds": "1.5"},
    "another format": lambda event: {**event, "schema": 2},
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_spoilt_line_does_not_fit(name: str) -> None:
    """The tests of every run rely on it; the harness's quick check agrees with the whole schema."""
    for how, spoil in SPOILT.items():
        spoilt = spoil(line(name))
        assert not fits(spoilt), how
        assert violations(spoilt), how


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_field_is_needed_and_has_its_type(name: str) -> None:
    """A field that is missing is one that a filter does not find."""
    whole = line(name)
    for each in dataclasses.fields(CATALOGUE[name]):
        assert not fits(_without(each.name)(whole)), each.name
        assert not fits({**whole, each.name: {"an": "object"}}), each.name


def test_lines_of_others_may_say_more() -> None:
    """Their `extra` is theirs; the common fields are as ever."""
    assert fits({**LINE, "user": "x", "stack": "y"})
    assert fits({**LINE, "logger": "app", "event": "order_placed"}), "an app's own JSON keeps its event"
    assert not fits({**LINE, "event": "order_placed"}), "but not in our name"
    assert not fits({**LINE, "level": "loud"})
    assert violations({**LINE, "level": "loud"})


def test_a_cut_line_may_lack_what_it_says_was_cut() -> None:
    """And it may lack nothing more."""
    cut = _without("hint")(line("lock_timeout", truncated=["hint"]))
    assert not violations(cut)
    assert violations({**cut, "holder_seconds": "x"})
    assert violations(_without("truncated")(cut))


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_duration_says_its_unit(name: str) -> None:
    """In its name and in the catalogue; so does every percentage; every metric is a duration."""
    for each in dataclasses.fields(CATALOGUE[name]):
        assert (each.metadata["unit"] == "seconds") == each.name.endswith("_seconds"), each.name
        assert (each.metadata["unit"] == "percent") == each.name.endswith("_percent"), each.name
        assert not each.metadata["metric"] or each.metadata["unit"] == "seconds", each.name


def test_no_two_events_share_a_metric() -> None:
    """Their values would be mixed in one graph."""
    metrics = [name for kind in CATALOGUE for name in example(kind).metrics()]
    assert len(set(metrics)) == len(metrics) > 3


def test_events_are_defined_in_the_catalogue_only() -> None:
    """Whoever looks for an event finds it there, and the documents are whole."""
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if module.name != "orchestrator.__main__":
            importlib.import_module(module.name)
    packages = {kind.__module__.rpartition(".")[0] for kind in CATALOGUE.values()}
    assert packages == {"orchestrator.events", "orchestrator.errors"}


WRONG = """\
from orchestrator import events

events.Surprise()
events.StopRequested()
events.StopRequested(signal="SIGTERM", why="so")
events.StopRequested(signal=15)
events.StopRequested(signal="SIGTERM").signal = "SIGINT"
"""


@pytest.fixture
def kept_collection() -> Iterator[None]:
    """Restore the garbage collector's thresholds: mypy sets its own, and other tests compare with Python's."""
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)


@pytest.mark.usefixtures("kept_collection")
def test_mypy_refuses_names_outside_the_catalogue(tmp_path: Path) -> None:
    """An unknown event, a field missing or too many, a wrong type, a change afterwards: none gets as far as a test."""
    (tmp_path / "wrong.py").write_text(WRONG)
    found, problems, _ = mypy.api.run(["--strict", "--no-error-summary", "--cache-dir", ".mypy_cache", str(tmp_path)])
    assert not problems
    codes = [text.rpartition("[")[2].rstrip("]") for text in found.splitlines() if ": error:" in text]
    assert codes == ["attr-defined", "call-arg", "call-arg", "arg-type", "misc"], found

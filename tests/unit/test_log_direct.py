"""The fast path of an event writes the same as the slow one, and is taken only if there is no difference."""

import dataclasses
import json
import logging
import os
import time
from collections.abc import Callable, Iterator

import pytest

from orchestrator.events import Event, Request
from orchestrator.log import access, direct
from orchestrator.log.context import CONTEXT
from orchestrator.log.lines import EVENT, Own, formatter
from orchestrator.log.output import Output
from orchestrator.log.route import ROUTE
from tests.unit.records import read

REQUEST = Request(method="GET", path="/ü\n", status=200, duration_seconds=0.25, client="::1", trace_id="")


@pytest.fixture
def pipe() -> Iterator[tuple[Output, int]]:
    """An output, and where it can be read."""
    reading, writing = os.pipe()
    yield Output(writing), reading
    os.close(reading)
    os.close(writing)


def long_way(event: Event) -> str:
    """The line of an event as the formatter writes it."""
    own = Own({"event": event.name, "message": event.message, "outcome": event.outcome, **event.fields()}, {})
    made = logging.getLogger("orchestrator").makeRecord(
        "orchestrator", event.level, "", 0, "", (), None, extra={EVENT: own}
    )
    return formatter("json").format(made)


@pytest.mark.parametrize(
    "write",
    [
        lambda output: direct.write(output, REQUEST, REQUEST.message, REQUEST.fields()),
        lambda _output: access.write(vars(REQUEST)),
    ],
    ids=["an event", "a request"],
)
def test_both_ways_write_the_same_line(
    pipe: tuple[Output, int], monkeypatch: pytest.MonkeyPatch, write: Callable[[Output], bool]
) -> None:
    """Field by field, in the same order; only the moment is another."""
    output, reading = pipe
    monkeypatch.setattr(ROUTE, "output", output)
    assert write(output)
    line = os.read(reading, 100_000).decode()
    assert line.endswith("\n")
    short, long = read(line[:-1]), json.loads(long_way(REQUEST))
    assert list(short) == list(long)
    moments = {"timestamp", "elapsed_seconds"}
    assert {name: value for name, value in short.items() if name not in moments} == {
        name: value for name, value in long.items() if name not in moments
    }
    assert abs(short["elapsed_seconds"] - long["elapsed_seconds"]) < 60
    assert (len(short["timestamp"]), short["timestamp"][:13]) == (len(long["timestamp"]), long["timestamp"][:13])


def test_the_line_has_the_state_of_its_moment(pipe: tuple[Output, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The common fields are serialised once, and again when one of them changes."""
    output, reading = pipe
    for state in ("serving", "draining"):
        monkeypatch.setattr(CONTEXT, "state", state)
        monkeypatch.setattr(CONTEXT, "task", {"task_id": state, "cluster": "c"})
        assert direct.write(output, REQUEST, REQUEST.message, {})
        line = read(os.read(reading, 100_000).decode()[:-1])
        assert (line["state"], line["task_id"], line["cluster"]) == (state, state, "c")


@pytest.mark.parametrize("path", ["x" * 16_000, "\udcff"])
def test_what_does_not_fit_or_is_not_a_text_goes_the_long_way(pipe: tuple[Output, int], path: str) -> None:
    """Cutting and escaping have one place."""
    event = dataclasses.replace(REQUEST, path=path)
    assert not direct.write(pipe[0], event, event.message, event.fields())
    read(long_way(event))


def test_a_line_is_written_as_it_is_up_to_the_limit(pipe: tuple[Output, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker splits a line above 16 KiB, and half an object matches no filter."""
    output, reading = pipe
    monkeypatch.setattr(CONTEXT, "elapsed_seconds", lambda: 1.5)
    assert direct.write(output, REQUEST, "", {"padding": ""})
    padding = 16_000 - len(os.read(reading, 100_000))
    assert direct.write(output, REQUEST, "", {"padding": "x" * padding})
    assert len(os.read(reading, 100_000)) == 16_000
    assert not direct.write(output, REQUEST, "", {"padding": "x" * (padding + 1)})


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000.75, "2023-11-14T22:13:20.750Z"),
        (1_700_000_001.0, "2023-11-14T22:13:21.000Z"),
        (1_699_999_999.5, "2023-11-14T22:13:19.500Z"),  # the clock was set back
    ],
)
def test_the_time_of_a_line_is_in_utc_whatever_the_zone(
    pipe: tuple[Output, int], monkeypatch: pytest.MonkeyPatch, now: float, told: str
) -> None:
    """The date is computed once a second; `Z` promises UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: now)
    assert direct.write(pipe[0], REQUEST, "", {})
    assert read(os.read(pipe[1], 100_000).decode()[:-1])["timestamp"] == told
    monkeypatch.undo()
    time.tzset()


def handler(output: Output, kind: str = "json") -> logging.StreamHandler[Output]:
    """As the packaged file makes it."""
    made = logging.StreamHandler(output)
    made.setFormatter(formatter(kind))
    return made


def test_the_short_way_is_for_the_packaged_handler_alone(pipe: tuple[Output, int]) -> None:
    """A second handler, a filter, another format or stream: logging.yaml is obeyed."""
    output, _ = pipe
    plain, filtered, quiet = handler(output), handler(output), handler(output)
    filtered.addFilter(lambda _: True)
    quiet.setLevel(logging.WARNING)
    assert direct.output_of([plain], []) is output
    for handlers in ([], [plain, plain], [filtered], [quiet], [handler(output, "text")], [logging.NullHandler()]):
        assert direct.output_of(handlers, []) is None
    assert direct.output_of([plain], [lambda _: True]) is None

"""Our lines are found in any wrapping, and next to any other content."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.timeline.reading import LINE_BYTES, Reading
from orchestrator.timeline.starts import MAX_STARTS, Starts
from tests.unit.timelines import drawn, event, log, migrating

LINES = [json.dumps(each, separators=(",", ":")) for each in migrating()]


def read(content: bytes) -> tuple[int, int]:
    """Return how many lines are the orchestrator's, and how many are others'."""
    reading = Reading(io.BytesIO(content))
    found = sum(1 for _ in reading)
    return found, reading.skipped


def page(lines: list[str], **more: Any) -> dict[str, Any]:
    """What `aws logs filter-log-events` prints."""
    events = [
        {"logStreamName": "web/app/1", "timestamp": 1, "message": line, "ingestionTime": 2, "eventId": "3"}
        for line in lines
    ]
    return {"events": events, "searchedLogStreams": [{"logStreamName": "x", "searchedCompletely": True}], **more}


def insights(lines: list[str]) -> dict[str, Any]:
    """What `aws logs get-query-results` prints: the last line first."""
    rows = [[("@timestamp", "2026-11-22 14:03:07.500"), ("@message", line), ("@ptr", "Cg")] for line in lines[::-1]]
    return {"results": [[{"field": name, "value": value} for name, value in row] for row in rows], "status": "Complete"}


FORMS: dict[str, Callable[[], str]] = {
    "lines": lambda: "\n".join(LINES),
    "windows": lambda: "\r\n".join(LINES) + "\r\n",
    "compose": lambda: "\n".join(f"app-1  | {line}" for line in LINES),
    "compose in colours": lambda: "\n".join(f"\x1b[36mapp-1  |\x1b[0m {line}\x1b[0m" for line in LINES),
    "docker logs -t": lambda: "\n".join(f"2026-11-22T14:03:07.500000000Z {line}" for line in LINES),
    "kubernetes": lambda: "\n".join(f"2026-11-22T14:03:07.5Z stdout F {line}" for line in LINES),
    "json-file": lambda: "\n".join(json.dumps({"log": f"{line}\n", "stream": "stdout"}) for line in LINES),
    "aws logs tail": lambda: "\n".join(f"2026-11-22T14:03:07 web/app/{{1}} {line}" for line in LINES),
    "aws --output text": lambda: "\n".join(f"EVENTS\t37\t1\t{line}\tweb/app/1\t1" for line in LINES),
    "filter-log-events": lambda: json.dumps(page(LINES), indent=4),
    "filter-log-events in one line": lambda: json.dumps(page(LINES)),
    "get-log-events": lambda: json.dumps({**page(LINES), "nextForwardToken": "f/1"}, indent=4),
    "pages": lambda: "\n".join(json.dumps(page(LINES[at : at + 5]), indent=4) for at in range(0, len(LINES), 5)),
    "pages without a line's end": lambda: "".join(json.dumps(page([line]), indent=4) for line in LINES),
    "--query events[].message": lambda: json.dumps(LINES, indent=4),
    "--query events[].[timestamp,message]": lambda: json.dumps([[1, line] for line in LINES], indent=4),
    "get-query-results": lambda: json.dumps(insights(LINES), indent=4),
    "an export of Logs Insights": lambda: json.dumps([{"@message": json.loads(line)} for line in LINES], indent=2),
    "jq .": lambda: "\n".join(json.dumps(json.loads(line), indent=2) for line in LINES),
    "jq --slurp": lambda: json.dumps([json.loads(line) for line in LINES], indent=2),
    "a byte order mark": lambda: "\ufeff" + json.dumps(page(LINES), indent=4),
    "longer than a line may be": lambda: json.dumps({"padding": ["x" * 1000] * 2000, **page(LINES)}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_log_shows_the_same(form: str) -> None:
    """Nobody should have to know jq to see why a deployment failed."""
    content = FORMS[form]().encode()
    assert read(content) == (len(LINES), 0)
    assert drawn(content) == drawn(log(migrating()))


def test_foreign_lines_are_skipped_and_counted() -> None:
    """The lines of nginx beside ours are no reason to give up, and are not silently lost either."""
    noise = ["hello", '{"level": "info"}', "{broken", "[x", "\x00\xff", LINES[0][:100], "[2026-11-22] {x}", "{"]
    mixed = [each for line in LINES for each in (*noise, line)]
    assert read("\n".join(mixed).encode("latin-1")) == (len(LINES), len(LINES) * len(noise))
    assert read(b"\n\n  \n") == (0, 0)
    assert read(b'{\n "a": 1\n}\n{\n "message": "hello"\n}\n[\n]\n') == (0, 3)


def test_messages_of_others_in_a_page_are_counted() -> None:
    """A page is many lines, of which each counts."""
    others = ["hello", '{"level": "info"}', ""]
    for indent in (None, 4):
        assert read(json.dumps(page([*LINES, *others]), indent=indent).encode()) == (len(LINES), len(others))


def test_a_page_that_breaks_off_gives_what_was_whole() -> None:
    """As when the disk was full; what follows it is read as well."""
    broken = json.dumps(page(LINES), indent=4)[: -len(LINES[-1]) - 200]
    assert read(broken.encode()) == (len(LINES) - 1, 1)
    assert read(f"{broken}\n{LINES[0]}\n".encode()) == (len(LINES), 1)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no line's end": lambda: b"x" * 40_000_000,
    "an object without end": lambda: b"{" + b"x" * 40_000_000,
    "a text without end": lambda: b'{"a":"' + b"x" * 40_000_000,
    "a number without end": lambda: b'{"a":' + b"9" * 40_000_000,
    "nothing but depth": lambda: b"[" * 40_000_000,
    "depth in objects": lambda: b'{"a":' * 8_000_000,
    "nothing but keys": lambda: b"{" + b",".join(b'"%d":1' % number for number in range(300_000)) + b"}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_gigantic_line_is_skipped_in_bounded_memory(name: str) -> None:
    """It may be longer than the memory; the lines before and behind it are read."""
    whole = LINES[0].encode() + b"\n"
    stream = io.BytesIO(whole + HOSTILE[name]() + b"\n" + whole)
    reading = Reading(stream)
    tracemalloc.start()
    try:
        found = sum(1 for _ in reading)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found, reading.skipped) == (2, 1)
    assert most < 40 * LINE_BYTES


@pytest.mark.parametrize(
    "wrong",
    [
        {"timestamp": "0000-01-01T00:00:00.000Z"},
        {"timestamp": "0001-01-01T00:00:00.000+14:00"},
        {"timestamp": "9999-12-31T23:59:59.999Z"},
        {"timestamp": "2026-11-22T14:03:07.500"},
        {"timestamp": "yesterday"},
        {"timestamp": 1_700_000_000},
        {"elapsed_seconds": -1},
        {"elapsed_seconds": float("nan")},
        {"elapsed_seconds": float("inf")},
        {"elapsed_seconds": 10**400},
        {"elapsed_seconds": "1"},
        {"elapsed_seconds": True},
        {"elapsed_seconds": None},
        {"boot_id": ""},
        {"boot_id": "b" * 65},
        {"boot_id": ["b"]},
        {"event": None},
        {"event": {"a": 1}},
    ],
)
def test_a_line_that_cannot_be_true_is_not_ours(wrong: dict[str, Any]) -> None:
    """One such line would stretch the axis over millennia, or end the program."""
    assert read(log([{**event("process_started", 1.0), **wrong}])) == (0, 1)


def test_half_a_character_does_not_cost_the_line() -> None:
    """Our own log writes lone surrogates as escapes, which JSON allows."""
    assert read(log([event("app_failed", 1.0, error_message="\ud800 in a name")])) == (1, 0)


def test_a_million_starts_are_not_kept() -> None:
    """Only what is drawn takes memory; how many are left out is known."""

    def lines() -> Iterator[bytes]:
        for number in range(5_000):
            yield from log([event("process_started", 0.5, boot=f"{number}", service="x" * 500)]).splitlines(
                keepends=True
            )

    starts = Starts()
    tracemalloc.start()
    try:
        for content in lines():
            for line in Reading(io.BytesIO(content)):
                starts.add(line)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(starts.by_boot_id), starts.left_out) == (MAX_STARTS, 5_000 - MAX_STARTS)
    assert most < 10_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(LINES),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["message", "events", "value", "event"]), inner),
)
PIECES = (
    st.binary()
    | st.sampled_from([*(line.encode() for line in LINES), b"\n", b'{"', b"[", b'"', b"}", b"]", b",", b"\\ud800"])
    | JSON.map(lambda value: json.dumps(value).encode())
)


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_no_bytes_can_stop_the_reading(content: bytes) -> None:
    """Neither broken input nor broken input inside it: a line of ours after it is found."""
    found, _ = read(content)
    assert read(content + b"\n\n" + LINES[0].encode() + b"\n")[0] >= found
    assert read(b"\x00\n" + LINES[0].encode() + b"\n" + content)[0] >= 1

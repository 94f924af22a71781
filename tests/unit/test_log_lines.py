"""The content of a line: the common fields, the library's own text, and nothing that looks like an event of ours."""

import dataclasses
import logging
import re
import time
from typing import Any

import pytest
import structlog

from orchestrator.errors import MigrationHalfApplied
from orchestrator.events import Event, ProcessStopped, RevisionApplied
from orchestrator.log import context, log_event
from orchestrator.log.context import CONTEXT
from tests.unit.events import LOCK
from tests.unit.records import COMMON, Captured, capture, parsed, raised, record


def of_event(event: Event, captured: Captured, exception: BaseException | None = None) -> dict[str, Any]:
    """The line of an event."""
    log_event(event, exception)
    return parsed(captured.records.pop())


def test_every_line_has_the_common_fields_in_the_contracts_form() -> None:
    """Filters, alarms and joins across tasks lean on them."""
    fields = parsed(record("words"))
    assert fields.keys() == COMMON
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["timestamp"])
    assert (fields["event"], fields["outcome"], fields["schema"]) == ("log", "unknown", 1)
    assert (fields["level"], fields["logger"], fields["message"]) == ("info", "some.library", "words")
    assert re.fullmatch(r"[0-9a-f]{32}", fields["boot_id"])
    assert isinstance(fields["elapsed_seconds"], float)
    assert list(fields)[:4] == ["timestamp", "level", "event", "message"]


def test_a_timestamp_is_utc_wherever_the_container_thinks_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Z` after a local time is wrong by hours, and by minutes in Kathmandu."""
    made = record()
    made.created = 1_700_000_000.25
    for zone in ("UTC", "Asia/Kathmandu", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert parsed(made)["timestamp"] == "2023-11-14T22:13:20.250Z"
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", [100, 16_000, 1_000_000])
def test_an_event_is_never_too_long_for_a_line(captured: Captured, size: int) -> None:
    """`parsed` measures it; at any size, every field is there with its type, for the filters."""
    texts = dict.fromkeys(("error_message", "hint", "holder", "holder_statement", "lock_name"), "ü" * size)
    event = dataclasses.replace(LOCK, **texts)  # type: ignore[arg-type]  # texts are texts
    fields = of_event(event, captured)
    assert fields.keys() - {"truncated"} == COMMON | event.fields().keys()
    assert {type(fields[name]) for name in texts} == {str}
    assert ("truncated" in fields) == (size > 1000)
    half = MigrationHalfApplied(
        **dict.fromkeys(("error_type", "error_message", "revision", "statement"), "x"),
        statement_index=1,
        statements_done=50,
        applied=["CREATE TABLE " + "ü" * min(size, 200)] * 50,
        left=["ü" * min(size, 200)] * 50,
    )
    fields = of_event(half, captured)
    assert all(isinstance(fields[name], list) for name in ("applied", "left"))


def test_an_event_has_its_own_fields_beside_the_common_ones(captured: Captured) -> None:
    """Numbers are numbers, so that a metric filter can take them."""
    fields = of_event(ProcessStopped(uptime_seconds=1.5, exit_code=0), captured)
    assert fields.keys() == COMMON | {"uptime_seconds", "exit_code"}
    assert (fields["event"], fields["outcome"], fields["logger"]) == ("process_stopped", "success", "orchestrator")
    assert (fields["uptime_seconds"], fields["exit_code"]) == (1.5, 0)


def test_the_words_of_others_in_an_event_are_cleaned_and_ours_are_not(captured: Captured) -> None:
    """A password `app` must not spoil `lock_name`, which alarms filter on."""
    fields = of_event(LOCK, captured)
    assert fields["level"] == "critical"
    assert fields["outcome"] == "failure"
    assert fields["holder_statement"] == "ALTER USER app IDENTIFIED BY '***'"
    assert fields["lock_name"] == "orchestrator:app"
    assert fields["hint"]


def test_an_event_with_an_exception_carries_its_traceback(captured: Captured) -> None:
    """Exit code 1 promises it."""
    fields = of_event(LOCK, captured, raised(ZeroDivisionError("nothing")))
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert fields["exception"].endswith("ZeroDivisionError: nothing")


def test_an_event_that_cannot_be_written_does_not_break_the_work_it_reports(captured: Captured) -> None:
    """An observer must not cause a failure: here a number is missing, and the sentence needs it."""
    log_event(ProcessStopped(uptime_seconds="no number", exit_code=0))  # type: ignore[arg-type]  # the fault
    assert "could not be logged" in parsed(captured.records.pop())["message"]


@pytest.mark.parametrize(
    "extra",
    [
        {"event": "migration_failed"},
        {"orchestrator_event": {"event": "migration_failed", "message": "fake", "outcome": "failure"}},
        {"orchestrator_event": "migration_failed"},
        {"outcome": "failure", "level": "critical", "logger": "orchestrator", "state": "failed", "schema": 2},
        {"timestamp": "1970", "boot_id": "mine", "service": "other", "elapsed_seconds": -1, "truncated": "no"},
        {"exception": "fake", "stack": "fake", "orchestrator_state": "failed"},
        {"task_id": "fake", "cluster": "fake", "_aws": {"Timestamp": 1}},
    ],
)
def test_no_extra_can_fake_an_event(extra: dict[str, Any]) -> None:
    """An alarm on migration_failed must mean just that, with any log of an app."""
    plain, fields = parsed(record()), parsed(record(extra=extra))
    same = COMMON - {"timestamp", "elapsed_seconds"}
    assert {name: fields[name] for name in same} == {name: plain[name] for name in same}
    assert fields["timestamp"][:4] == plain["timestamp"][:4]
    assert fields["elapsed_seconds"] >= 0
    assert not fields.keys() & {"exception", "stack", "truncated", "task_id", "cluster", "_aws"}


def test_no_key_of_structlog_can_fake_an_event() -> None:
    """The event's name becomes the message, and all other keys become fields."""
    fields = parsed(_by_structlog("words", outcome="failure", level="critical", timestamp="1970", _aws={}))
    assert "_aws" not in fields
    assert (fields["event"], fields["message"], fields["outcome"]) == ("log", "words", "unknown")
    assert fields["level"] == "info"
    assert (fields["extra_outcome"], fields["extra_timestamp"]) == ("failure", "1970")


def test_structlog_and_the_standard_library_come_out_alike() -> None:
    """A query need not know which of them a library uses."""
    by_structlog, by_logging = parsed(_by_structlog("words", plant=7)), parsed(record("words", extra={"plant": 7}))
    same = by_structlog.keys() - {"timestamp", "elapsed_seconds"}
    assert by_structlog.keys() == by_logging.keys()
    assert {name: by_structlog[name] for name in same} == {name: by_logging[name] for name in same}


def test_the_state_is_the_one_in_which_the_record_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be formatted later, in a queue's thread."""
    monkeypatch.setattr(CONTEXT, "state", "migrating")
    made = record()
    monkeypatch.setattr(CONTEXT, "state", "serving")
    assert parsed(made)["state"] == "migrating"
    unstamped = logging.makeLogRecord({"msg": "made before the factory was ours"})
    assert parsed(unstamped)["state"] == "serving"


def test_a_clock_that_is_set_changes_no_duration() -> None:
    """A metric of elapsed seconds would drop or jump: only `timestamp` follows the clock."""
    back, forth = record(), record()
    back.created -= 3600
    forth.created += 3600
    spans = [parsed(each)["elapsed_seconds"] for each in (back, record(), forth)]
    assert max(spans) - min(spans) < 60
    assert parsed(back)["timestamp"] < parsed(record())["timestamp"] < parsed(forth)["timestamp"]


@pytest.mark.parametrize(
    ("message", "args"), [("%d", ("x",)), ("%s %s", ("x",)), ("%", ("x",)), ("%(a)s", ({"b": 1},)), ("none", (1, 2))]
)
def test_a_record_that_cannot_be_formatted_comes_out_and_says_so(message: str, args: tuple[object, ...]) -> None:
    """The standard library prints a traceback to standard error and loses the line."""
    fields = parsed(record(message, *args, extra={"plant": 7}))
    assert repr(message) in fields["message"]
    assert "not formatted" in fields["message"]


def test_an_event_of_a_revision_is_named_as_its_class(captured: Captured) -> None:
    """Names are public interface, made from the class."""
    event = RevisionApplied(
        revision="a1", description="{braces} %s", index=1, pending_count=2, statements=3, duration_seconds=0.5
    )
    fields = of_event(event, captured)
    assert fields["event"] == "revision_applied"
    assert fields["message"].endswith("{braces} %s")


def _by_structlog(message: str, **fields: object) -> logging.LogRecord:
    """The record that structlog makes as `orchestrator.log` configures it."""
    with pytest.MonkeyPatch.context() as patch:
        handler = capture("some.library", patch)
        structlog.wrap_logger(
            logging.getLogger("some.library"),
            processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
        ).info(message, **fields)
    return handler.records[0]


def test_the_order_of_boot_ids_is_that_of_the_starts() -> None:
    """A saved query lists the newest start first by them; two starts in the same millisecond still differ."""
    at = [context._boot_id(1_700_000_000_000_000_000 + seconds * 10**9) for seconds in (0, 1, 100, 10**8)]  # noqa: SLF001
    assert at == sorted(at)
    same = {context._boot_id(1_700_000_000_000_000_000) for _ in range(100)}  # noqa: SLF001
    assert len(same) == 100
    assert all(re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", each) for each in same)

"""An event with durations is also a CloudWatch metric, in the same line; no other line is, with any content."""

import json
import logging
import math
from typing import Any

import pytest

from orchestrator.events import (
    CATALOGUE,
    AppLoaded,
    DatabaseReady,
    Event,
    LockAcquired,
    MigrationsCompleted,
    ProcessStopped,
    RevisionApplied,
    ServerStarted,
)
from orchestrator.log import log_event
from orchestrator.log.context import CONTEXT
from tests.unit.records import capture, line, metrics, parsed, record

NAMES = {"database_wait_seconds", "lock_wait_seconds", "revision_seconds", "migration_seconds"} | {
    *("app_load_seconds", "startup_seconds")
}
REVISION: dict[str, Any] = {"revision": "a1", "description": "words", "index": 1, "pending_count": 2, "statements": 3}
EVENTS = [
    DatabaseReady(attempts=1, waited_seconds=0.25, dialect="sqlite", server_version="3"),
    LockAcquired(lock_name="lock", waited_seconds=0.0),
    RevisionApplied(**REVISION, duration_seconds=12),
    MigrationsCompleted(applied_count=1, current_revision="a1", duration_seconds=1e6),
    AppLoaded(app="app.main:app", duration_seconds=0.125),
    ServerStarted(host="127.0.0.1", port=8000, startup_seconds=2.5),
]


@pytest.fixture
def emf(monkeypatch: pytest.MonkeyPatch) -> None:
    """ORCHESTRATOR_METRICS=emf."""
    monkeypatch.setattr(CONTEXT, "metrics", "emf")


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> list[logging.LogRecord]:
    """Return the records of the events' logger."""
    return capture("orchestrator", monkeypatch).records


def of_event(event: Event, records: list[logging.LogRecord], exception: BaseException | None = None) -> dict[str, Any]:
    """The line of an event, found valid if it is a metric."""
    log_event(event, exception)
    fields = parsed(records.pop())
    if "_aws" in fields:
        metrics(fields)
    return fields


@pytest.mark.usefixtures("emf")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_with_durations_is_a_metric(event: Event, records: list[logging.LogRecord]) -> None:
    """By its own name, since `duration_seconds` means another thing in each of them."""
    fields = of_event(event, records)
    assert metrics(fields) == event.metrics()
    assert fields["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Orchestrator"
    assert fields["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert fields.items() >= event.fields().items(), "and the event that it was"


def test_these_are_all_the_metrics() -> None:
    """Whoever adds one adds it to the tests and the documents."""
    assert {name for event in EVENTS for name in event.metrics()} == NAMES
    with_metrics = {
        name
        for name, kind in CATALOGUE.items()
        if any(each.metadata.get("metric") for each in kind.__dataclass_fields__.values())
    }
    assert with_metrics == {event.name for event in EVENTS}


@pytest.mark.usefixtures("emf")
def test_the_time_of_a_metric_is_the_time_of_the_line(records: list[logging.LogRecord]) -> None:
    """To the millisecond, also where a float has none."""
    log_event(EVENTS[0])
    for created in (1_800_000_000.001, 1_800_000_000.9999, 0.0, 1e10):
        records[0].created = created
        fields = parsed(records[0])
        assert fields["_aws"]["Timestamp"] % 1000 == int(fields["timestamp"][-4:-1])
        assert fields["_aws"]["Timestamp"] // 1000 == int(created)


def test_without_the_setting_nothing_is_a_metric(records: list[logging.LogRecord]) -> None:
    """And no line has a field more than it had."""
    for event in EVENTS:
        assert "_aws" not in of_event(event, records)
    assert "revision_seconds" not in of_event(EVENTS[2], records)


@pytest.mark.usefixtures("emf")
def test_an_event_without_durations_is_not_a_metric(records: list[logging.LogRecord]) -> None:
    """Uptime is not a duration of a start."""
    assert "_aws" not in of_event(ProcessStopped(uptime_seconds=1.0, exit_code=0), records)


@pytest.mark.usefixtures("emf")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_duration_that_is_not_a_number_is_not_a_metric(value: float, records: list[logging.LogRecord]) -> None:
    """JSON has no such number, and CloudWatch would drop the line's metrics."""
    event = LockAcquired(lock_name="lock", waited_seconds=value)
    fields = of_event(event, records)
    assert "_aws" not in fields
    assert fields["waited_seconds"] is None


@pytest.mark.usefixtures("emf")
def test_a_metric_stays_a_metric_in_a_line_of_any_length(
    records: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would be invalid; all other fields are cut first."""
    monkeypatch.setattr(
        CONTEXT, "task", dict.fromkeys(("task_id", "cluster", "task_family", "task_revision"), "x" * 255)
    )
    huge: dict[str, Any] = {
        name: "\x01" * 50_000 if isinstance(value, str) else value for name, value in REVISION.items()
    }
    fields = of_event(RevisionApplied(**huge, duration_seconds=12), records, ValueError("\x01" * 50_000))
    assert metrics(fields) == {"revision_seconds": 12}
    assert fields.keys() > CONTEXT.task.keys() | huge.keys()
    assert "description" in fields["truncated"]


FAKE = {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n", "Dimensions": [[]], "Metrics": [{"Name": "x"}]}]}


@pytest.mark.usefixtures("emf")
def test_other_loggers_do_not_make_metrics() -> None:
    """They cost money, by name and dimension; a record of an app never becomes one."""
    assert "_aws" not in parsed(record("words", extra={"_aws": FAKE, "x": 1}))
    assert "_aws" not in parsed(record(json.dumps({"_aws": FAKE, "x": 1})))
    assert "_aws" not in parsed(record("words", extra={"orchestrator_event": {"_aws": FAKE}}))


@pytest.mark.usefixtures("emf")
def test_metrics_of_two_environments_are_not_added_up(
    records: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ORCHESTRATOR_ENVIRONMENT is a dimension, and its value is on the line, or the metric would be dropped."""
    monkeypatch.setattr(CONTEXT, "environment", "staging")
    monkeypatch.setattr(CONTEXT, "metrics_namespace", "Shop/Starts")
    fields = of_event(EVENTS[0], records)
    (directive,) = fields["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Shop/Starts", [["service", "environment"]])
    assert (fields["service"], fields["environment"]) == (CONTEXT.service, "staging")


@pytest.mark.usefixtures("emf")
@pytest.mark.parametrize("service", ["plänts", ":plants", "\N{ROSE}"])
def test_a_service_that_is_not_a_dimension_is_left_out_of_them(
    service: str, records: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch takes ASCII only, and would drop the metric."""
    monkeypatch.setattr(CONTEXT, "service", service)
    fields = of_event(EVENTS[0], records)
    assert fields["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    assert fields["service"] == service


@pytest.mark.usefixtures("emf")
def test_for_a_person_there_are_no_metrics(records: list[logging.LogRecord]) -> None:
    """A terminal is no CloudWatch."""
    log_event(EVENTS[0])
    assert "_aws" not in line(records[0], "text")

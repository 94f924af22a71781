"""Log records, and the lines that they become."""

import contextlib
import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
from jsonschema import Draft7Validator

from orchestrator.log.context import CONTEXT
from orchestrator.log.lines import formatter

Raised = TypeVar("Raised", bound=BaseException)

LIMIT_BYTES = 16_000
EMF = Draft7Validator(json.loads((Path(__file__).parents[1] / "data" / "emf_schema.json").read_text()))
COMMON = {
    "timestamp",
    "level",
    "event",
    "message",
    "state",
    "outcome",
    "service",
    "version",
    "logger",
    "schema",
    "boot_id",
    "elapsed_seconds",
}


class Captured(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


def capture(name: str, monkeypatch: pytest.MonkeyPatch) -> Captured:
    """Collect all records of this logger, and keep them from other handlers."""
    handler, logger = Captured(), logging.getLogger(name)
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    monkeypatch.setattr(logger, "propagate", False)
    return handler


def record(
    message: object = "words",
    *args: object,
    extra: Mapping[str, object] | None = None,
    error: BaseException | None = None,
    logger: str = "some.library",
    level: int = logging.INFO,
) -> logging.LogRecord:
    """What `logging.getLogger(logger).log(level, message, *args, extra=extra, exc_info=error)` makes."""
    raised = (type(error), error, error.__traceback__) if error else None
    made = logging.getLogger(logger).makeRecord(logger, level, "f.py", 1, message, args, raised, extra=extra)
    CONTEXT.stamp(made)
    return made


def line(given: logging.LogRecord, kind: str = "json") -> str:
    """The line, as the handler writes it."""
    return formatter(kind).format(given)


def parsed(given: logging.LogRecord) -> dict[str, Any]:
    """The line's fields, once they are found to be in order."""
    return read(line(given))


def read(text: str) -> dict[str, Any]:
    """The fields of a line; it must be one line, one object for any parser, within the limit, with what all have."""
    assert len(text.encode()) <= LIMIT_BYTES
    assert not set(text) & {"\n", "\r"}
    fields: dict[str, Any] = json.loads(text, parse_constant=_refused)
    assert orjson.loads(text).keys() == fields.keys()
    assert fields.keys() >= COMMON
    assert fields["level"] in {"debug", "info", "warning", "error", "critical"}
    assert fields["outcome"] in {"success", "failure", "unknown"}
    assert all(isinstance(fields[name], str) for name in COMMON - {"schema", "elapsed_seconds"})
    return fields


def metrics(fields: dict[str, Any]) -> dict[str, float]:
    """The values of the metrics of a line, by name; it is what the specification wants, words beside its schema too."""
    EMF.validate(fields)
    found = {}
    for directive in fields["_aws"]["CloudWatchMetrics"]:
        for name in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(fields[name], str), "the target of a dimension is a text at the root"
            assert 1 <= len(fields[name]) <= 1024
            assert fields[name].isascii()
            assert not fields[name].startswith(":")
        for metric in directive["Metrics"]:
            value = fields[metric["Name"]]
            assert type(value) in (int, float), "the target of a metric is a number at the root"
            assert math.isfinite(value)
            assert metric["Unit"] == "Seconds"
            found[metric["Name"]] = value
    return found


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def raised(error: Raised) -> Raised:
    """`error` with a traceback."""
    with contextlib.suppress(type(error)):
        raise error
    return error


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Captured:
    """Everything that is logged to the logger of the events."""
    return capture("orchestrator", monkeypatch)

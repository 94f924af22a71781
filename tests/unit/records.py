"""Log records, and the lines that they become."""

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from orchestrator.log.context import CONTEXT
from orchestrator.log.lines import formatter

Raised = TypeVar("Raised", bound=BaseException)

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
    """The line's fields; it must be one line, one object, within the limit, and have what every line has."""
    text = line(given)
    assert len(text.encode()) <= 16_000
    assert not set(text) & {"\n", "\r"}
    fields: dict[str, Any] = json.loads(text, parse_constant=_refused)
    assert fields.keys() >= COMMON
    return fields


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def raised(error: Raised) -> Raised:
    """`error` with a traceback."""
    with contextlib.suppress(type(error)):
        raise error
    return error

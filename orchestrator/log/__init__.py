"""Logging: stdout carries our events and the records that the app shows, one JSON line each, and nothing besides.

`logging.yaml` defines how lines are written. `configure` applies it and keeps its handlers apart (`route`), so that the
logging configuration of env.py or the app affects their records only, never our lines.
"""

import logging
import sys
import threading
from pathlib import Path
from typing import Any

from orchestrator.events import Event
from orchestrator.log import config, direct, foreign, hooks, ini
from orchestrator.log.config import PACKAGED_CONFIG
from orchestrator.log.context import CONTEXT
from orchestrator.log.ini import env_py_runs
from orchestrator.log.lines import EVENT, Own, formatter
from orchestrator.log.output import Output
from orchestrator.log.queued import finish_loguru
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.repeats import REPEATS
from orchestrator.log.route import ROUTE
from orchestrator.log.streams import PrintedLines, finish_prints, private_stdout
from orchestrator.log.structlogs import configure_structlog
from orchestrator.log.values import plain
from orchestrator.sentences import said

__all__ = [
    "CONFIGURED",
    "CONTEXT",
    "PACKAGED_CONFIG",
    "REDACTOR",
    "REPEATS",
    "configure",
    "env_py_runs",
    "finish_loguru",
    "finish_prints",
    "formatter",
    "log_event",
    "restore",
    "settle",
    "standard_output",
    "unblock",
]

_logger = logging.getLogger("orchestrator")
_stdout: list[Output] = []
CONFIGURED = threading.Event()
"""Set once lines can be written."""


def configure(path: Path | None = None, level: str = "") -> None:
    """Apply a dictConfig file.

    Args:
        path: The file; none: `logging.yaml` in the working directory if it uses our formatter, otherwise the packaged
            one.
        level: If given, the level of the root logger, and the lowest level that any logger writes.

    Raises:
        ValueError: `path` is not a usable configuration; logging is unchanged.
    """
    if not _stdout:
        _stdout.append(private_stdout())
    for name in ("stdout", "stderr"):
        if not isinstance(getattr(sys, name), PrintedLines):
            setattr(sys, name, PrintedLines(name))
    chosen, warning = config.choose(path)
    config.put_in_force(chosen, _stdout[0], level)
    _take_over()
    if warning:
        hooks.say(logging.WARNING, warning)


def _take_over() -> None:
    logging.raiseExceptions = False  # a record that cannot be formatted is still written, with a note
    logging.setLogRecordFactory(_stamped_record)
    for each in (hooks, foreign, ini):
        each.install()
    CONFIGURED.set()


def restore() -> None:
    """Enable our loggers after the app's dictConfig disabled them, and give an unconfigured structlog our defaults."""
    foreign.enable_imported()
    configure_structlog()


def unblock() -> None:
    """Let a slow reader block only the log from now on."""
    for stream in _stdout:
        stream.unblock()


def standard_output() -> int:
    """Return the descriptor of the original standard output; descriptor 1 leads to standard error by now."""
    return _stdout[0].fileno()


def settle(seconds: float) -> None:
    """Write what is still queued, for at most `seconds`."""
    for stream in _stdout:
        stream.settle(seconds)


def log_event(event: Event, exception: BaseException | None = None) -> None:
    """Write `event` as a line. Never raises: logging must not break the work that it reports."""
    try:
        if not ROUTE.enabled(event.level):
            return
        fields = event.fields(clean=REDACTOR.value)
        message = said(event.sentence, fields)
        metrics = event.metrics() if CONTEXT.metrics == "emf" else {}
        if ROUTE.output and not (exception or metrics) and direct.write(ROUTE.output, event, message, fields):
            return
        own = Own({"event": event.name, "message": message, "outcome": event.outcome, **fields}, metrics)
        _log_own(event.level, own, exception)
    except Exception:
        _logger.exception("The event %s could not be logged", event.name)


def _log_own(level: int, own: Own, exception: BaseException | None) -> None:
    info = (type(exception), exception, exception.__traceback__) if exception else None
    record = _logger.makeRecord(_logger.name, level, "", 0, own["message"], (), info, extra={EVENT: own})
    if ROUTE.own_handlers:
        ROUTE.write_own(record)
    else:
        _logger.handle(record)  # nothing is configured: tests, other people's programs


_RECORD = logging.getLogRecordFactory()


def _stamped_record(*parts: Any, **named: Any) -> logging.LogRecord:
    try:
        record = _RECORD(*parts, **named)
    except BaseException:  # noqa: BLE001  # it asks the first argument whether it is a mapping, and whether it is empty
        record = _RECORD(*parts[:5], tuple(map(plain, parts[5])), *parts[6:], **named)
    CONTEXT.stamp(record)
    return record

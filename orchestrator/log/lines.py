"""How a record becomes a line: its fields without secrets, as JSON of at most 16,000 bytes or as text for a person."""

import copy
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from orchestrator.events import CATALOGUE
from orchestrator.log import emf, told, tracebacks
from orchestrator.log.context import CONTEXT, created
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.route import TOLD
from orchestrator.log.size import fit
from orchestrator.log.values import kind, plain, safe_repr

EVENT = "orchestrator_event"
"""Attribute of a record that carries an event's fields, as `Own`."""
FOREIGN = "log"
"""The event of what others log."""
_MOST_NESTED = 3  # records made while a record is formatted: a __repr__ may log itself

_formatting = threading.local()
Fields = dict[str, Any]


class Own(dict[str, Any]):
    """The fields of an event of the catalogue. It is a separate type, because an app's `extra` can have any key."""

    def __init__(self, fields: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        super().__init__(fields)
        self.metrics = metrics


def formatter(format: str = "") -> "LineFormatter":  # noqa: A002  # the key of logging.yaml
    """Return the formatter for logging.yaml: `{"()": orchestrator.log.formatter}`.

    Args:
        format: `json`, `text`, or `auto` (text on a terminal); empty: the value of ORCHESTRATOR_LOG_FORMAT.
    """
    wanted = format or CONTEXT.log_format
    if wanted != "text" and (wanted != "auto" or not sys.stdout.isatty()):
        return LineFormatter(as_json)
    from orchestrator.log import terminal

    return LineFormatter(terminal.renderer())


def as_json(fields: Fields) -> str:
    """Return the line for programs."""
    return fit(fields, whole=fields["event"] in CATALOGUE).decode()


class LineFormatter(logging.Formatter):
    """Formats any record; one that cannot be formatted is still written, with a note."""

    def __init__(self, render: Callable[[Fields], str]) -> None:
        super().__init__()
        self.render = render

    def format(self, record: logging.LogRecord) -> str:
        """Format the record. Never raises.

        It tries first with everything, then without the arguments' text, last without foreign code.
        """
        depth = getattr(_formatting, "depth", 0)
        _formatting.depth = depth + 1
        try:
            return self._formatted(record) if depth < _MOST_NESTED else self._bare(record, "made within another")
        except BaseException as error:  # noqa: BLE001  # whatever a record of some library does
            return self._bare(record, kind(error))
        finally:
            _formatting.depth = depth

    def _formatted(self, record: logging.LogRecord) -> str:
        try:
            return self.render(fields_of(record))
        except BaseException as error:  # noqa: BLE001  # as above
            words = f"{safe_repr(record.msg)} {safe_repr(record.args)} (not formatted: {safe_repr(error)})"
            return self.render(fields_of(logging.makeLogRecord({**vars(record), "msg": words, "args": ()})))

    def _bare(self, record: logging.LogRecord, why: str) -> str:
        names = ("name", "levelno", "created", "orchestrator_state", "orchestrator_elapsed")
        common = {name: value for name, value in vars(record).items() if name in names}
        words = f"<{kind(record.msg)}> (not formatted: {why})"
        return self.render(fields_of(logging.makeLogRecord({**common, "msg": words})))


class Redacted(logging.Formatter):
    """Wraps another formatter, which gets records without secrets."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Format a clean copy of the record with the other formatter."""
        clean = copy.copy(record)
        clean.msg, clean.args = REDACTOR.text(record.getMessage()), ()
        clean.exc_text = tracebacks.told(record.exc_info) or None
        clean.exc_info = None
        clean.stack_info = record.stack_info and REDACTOR.text(record.stack_info, keep_end=True)
        for name, value in told.attached(record, {}).items():
            if name in vars(clean):
                setattr(clean, name, value)
        return self._inner.format(clean)


def fields_of(record: logging.LogRecord) -> Fields:
    """The fields of a line, from a record of our own, of structlog, or of any other library."""
    common = CONTEXT.fields(record)
    event = getattr(record, EVENT, None)
    own = _of_event(event, record) if isinstance(event, Own) else _of_others(record, common["level"])
    head = {"timestamp": common.pop("timestamp"), "level": common.pop("level")}
    return {**head, "event": own.pop("event"), "message": own.pop("message"), **common, **own}


def _of_event(event: Own, record: logging.LogRecord) -> Fields:
    return {**event, **_metrics(event, created(record)), **_traces(record, record.exc_info)}


def _metrics(event: Own, happened: datetime) -> Fields:
    if not event.metrics:
        return {}
    dimensions = {"service": CONTEXT.service, "environment": CONTEXT.environment}
    return emf.embedded(event.metrics, CONTEXT.metrics_namespace, dimensions, happened)


def _of_others(record: logging.LogRecord, level: str) -> Fields:
    event_dict, message = _words(record)
    fields = {"event": FOREIGN, "message": REDACTOR.text(message), "outcome": "unknown"}
    fields |= told.attached(record, event_dict)
    if json := getattr(record, TOLD, None) or told.json_object(message):
        fields |= told.lifted(json, level)
    return fields | _traces(record, record.exc_info or event_dict.get("exc_info"))


def _words(record: logging.LogRecord) -> tuple[Fields, str]:
    """What structlog attached, and the message."""
    if isinstance(record.msg, dict) and hasattr(record, "_logger") and hasattr(record, "_name"):
        event_dict: Fields = dict(record.msg)
        return event_dict, plain(event_dict.pop("event", ""))
    return {}, record.getMessage()


def _traces(record: logging.LogRecord, exc_info: Any) -> Fields:
    traces = {}
    if exception := tracebacks.told(exc_info):
        traces["exception"] = exception
    if record.stack_info:
        traces["stack"] = REDACTOR.text(plain(record.stack_info), keep_end=True)
    return traces

"""How a record becomes a line: its fields without secrets, as JSON of at most 16,000 bytes or as text for a person."""

import functools
import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any

import structlog

from orchestrator.log import emf, tracebacks
from orchestrator.log.context import CONTEXT, TASK, created
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.size import fit
from orchestrator.log.values import kind, plain, safe_repr

EVENT = "orchestrator_event"
"""Attribute of a record that carries an event's fields, as `Own`."""


class Own(dict[str, Any]):
    """The fields of an event of ours: a type, because any `extra` may bear any name."""

    def __init__(self, fields: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        super().__init__(fields)
        self.metrics = metrics


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_PLAIN_AGAIN = "\x1b[0m"
_MOST_NESTED = 3  # records made while a record is formatted: a __repr__ may log itself

_formatting = threading.local()


def formatter(format: str = "") -> logging.Formatter:  # noqa: A002  # the key of logging.yaml
    """The formatter for logging.yaml: `{"()": orchestrator.log.formatter}`.

    Args:
        format: `json`, `text`, or `auto` (text on a terminal); empty: what ORCHESTRATOR_LOG_FORMAT says.
    """
    wanted = format or CONTEXT.log_format
    on_terminal = sys.stdout.isatty()
    if wanted == "text" or (wanted == "auto" and on_terminal):
        return _Formatter(
            processors=[_assemble, functools.partial(_render_text, colours=_COLOURS if on_terminal else {})]
        )
    return _Formatter(processors=[_assemble, _render_json])


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Structlog's formatter, but a record that cannot be formatted comes out all the same, and says so."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raises: first with everything, then without the arguments' own words, at last without foreign code."""
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
            return super().format(record)
        except BaseException as error:  # noqa: BLE001  # as above
            words = f"{safe_repr(record.msg)} {safe_repr(record.args)} (not formatted: {safe_repr(error)})"
            return super().format(logging.makeLogRecord({**vars(record), "msg": words, "args": (), "exc_text": None}))

    def _bare(self, record: logging.LogRecord, why: str) -> str:
        names = ("name", "levelno", "created", "orchestrator_state")
        common = {name: value for name, value in vars(record).items() if name in names}
        words = f"<{kind(record.msg)}> (not formatted: {why})"
        return super().format(logging.makeLogRecord({**common, "msg": words}))


def _assemble(_logger: object, _method: str, event_dict: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The fields of a line, from a record of our own, of structlog, or of any other library."""
    record: logging.LogRecord = event_dict.pop("_record")
    event_dict.pop("_from_structlog", None)
    common = CONTEXT.fields(record)
    event = getattr(record, EVENT, None)
    own = _of_event(event, record) if isinstance(event, Own) else _of_others(record, event_dict, common)
    if exception := tracebacks.told(record.exc_info or event_dict.get("exc_info")):
        own["exception"] = REDACTOR.text(exception, keep_end=True)
    if record.stack_info:
        own["stack"] = REDACTOR.text(plain(record.stack_info), keep_end=True)
    return {**_head(common, own), **common, **own}


def _of_event(event: Own, record: logging.LogRecord) -> dict[str, Any]:
    return event | emf.embedded(event.metrics, CONTEXT.service, created(record)) if event.metrics else dict(event)


def _of_others(
    record: logging.LogRecord, event_dict: structlog.typing.EventDict, common: dict[str, Any]
) -> dict[str, Any]:
    message = REDACTOR.text(str(event_dict.pop("event", "")))
    return {"event": "log", "message": message, "outcome": "unknown", **_extra(record, event_dict, taken=common)}


def _head(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What a reader looks for first, in front."""
    return {
        "timestamp": common["timestamp"],
        "level": common["level"],
        "event": own["event"],
        "message": own["message"],
    }


def _extra(
    record: logging.LogRecord, event_dict: structlog.typing.EventDict, *, taken: dict[str, Any]
) -> dict[str, Any]:
    """The `extra` of a foreign record; a name of ours gets a prefix, so that nobody can fake an event."""
    reserved = {*taken, *TASK, "event", "message", "outcome", "exception", "stack", "truncated"}
    given = {plain(key): value for key, value in vars(record).items() if key not in _PLAIN}
    given.pop("orchestrator_state", None)
    given |= {plain(key): value for key, value in event_dict.items() if key not in {"exc_info", "stack_info", "level"}}
    clean = {REDACTOR.text(key): REDACTOR.value(value, key) for key, value in given.items() if not key.startswith("_")}
    return {(f"extra_{key}" if key in reserved else key): value for key, value in clean.items()}


def _render_json(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
    return fit(dict(fields), whole=fields["event"] != "log").decode()


def _render_text(
    _logger: object, _method: str, fields: structlog.typing.EventDict, *, colours: Mapping[str, str]
) -> str:
    """Lines for a person: when, in which state, what, and what to do about it."""
    colour = colours.get(fields["level"], "")
    lines = [f"{fields['timestamp'][11:23]} {fields['state']:<9} {colour}{fields['message']}{colour and _PLAIN_AGAIN}"]
    if fields.get("hint"):
        lines.append(f"{'':22} → {fields['hint']}")
    lines += [str(fields[name]) for name in ("exception", "stack") if name in fields]
    return "\n".join(lines)

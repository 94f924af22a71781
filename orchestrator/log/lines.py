"""How a record becomes a line: its fields, without secrets, as JSON of at most 16,000 bytes, or as text for a person.

Docker and FireLens cut or split lines above 16 KiB (moby 41794, fluent-bit 3273), and half a JSON object matches no
filter; hence the limit.
"""

import functools
import json
import logging
import math
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import structlog

from orchestrator.log.context import CONTEXT
from orchestrator.log.redaction import REDACTOR, safe_repr

LIMIT_BYTES = 16_000
EVENT = "orchestrator_event"
"""Attribute of a record that carries an event's fields, as `Own`."""


class Own(dict[str, Any]):
    """The fields of an event of ours: a type, because any `extra` may bear any name."""


# What filters use is on every line, however long the rest is; the words themselves may be cut, but do not vanish.
_KEPT = frozenset(
    {"timestamp", "level", "event", "state", "outcome", "service", "version", "schema", "boot_id", "elapsed_seconds"}
) | {"truncated"}
_CUT_LAST = frozenset({"message", "logger"})
_CUT_LAST_BYTES = 3_000  # of these are cut only after everything else

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_PLAIN_AGAIN = "\x1b[0m"


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
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  # whatever a record of some library does
            plain = {name: value for name, value in vars(record).items() if name in _PLAIN}
            broken = logging.makeLogRecord({**plain, "exc_info": None, "exc_text": None, "args": ()})
            broken.msg = f"{safe_repr(record.msg)} {safe_repr(record.args)} (not formatted: {safe_repr(error)})"
            return super().format(broken)


def _assemble(_logger: object, _method: str, event_dict: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The fields of a line, from a record of our own, of structlog, or of any other library."""
    record: logging.LogRecord = event_dict.pop("_record")
    event_dict.pop("_from_structlog", None)
    common = CONTEXT.fields(record)
    event = getattr(record, EVENT, None)
    if isinstance(event, Own):
        own = dict(event)
    else:
        own = {
            "event": "log",
            "message": REDACTOR.text(str(event_dict.pop("event", ""))),
            "outcome": "unknown",
            **_extra(record, event_dict, taken=common),
        }
    exception = record.exc_info or event_dict.get("exc_info")
    if exception:
        own["exception"] = REDACTOR.text(_traceback(exception))
    if record.stack_info:
        own["stack"] = REDACTOR.text(record.stack_info)
    return {**_head(common, own), **common, **own}


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
    reserved = {*taken, "event", "message", "outcome", "exception", "stack", "truncated"}
    given = {key: value for key, value in vars(record).items() if key not in _PLAIN and not key.startswith("_")}
    given.pop("orchestrator_state", None)
    given |= {key: value for key, value in event_dict.items() if key not in {"exc_info", "stack_info", "level"}}
    clean = REDACTOR.value(given)
    return {(f"extra_{key}" if key in reserved else key): value for key, value in clean.items()}


def _traceback(exception: Any) -> str:
    """The traceback as text: no values of variables, and no SQL parameters."""
    if isinstance(exception, BaseException):
        exception = (type(exception), exception, exception.__traceback__)
    if not isinstance(exception, tuple):
        exception = sys.exc_info()
    errors: list[BaseException | None] = [exception[1]]
    seen: set[int] = set()
    while errors:
        error = errors.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            if hasattr(error, "hide_parameters"):
                error.hide_parameters = True  # sqlalchemy.exc.StatementError shows them otherwise
            inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
            errors += [error.__cause__, error.__context__, *inner]
    return logging.Formatter().formatException(exception)


def _render_json(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
    line = _dumps(fields)
    while len(line) > LIMIT_BYTES:
        _cut(fields, excess=len(line) - LIMIT_BYTES)
        line = _dumps(fields)
    return line.decode()


def _cut(fields: structlog.typing.EventDict, *, excess: int) -> None:
    """Shorten the longest fields by `excess` bytes or so."""
    sizes = {name: len(_dumps({name: value})) for name, value in fields.items() if name not in _KEPT}
    cut: list[str] = fields.setdefault("truncated", [])
    for name in sorted(sizes, key=lambda name: _CUT_LAST_BYTES * (name in _CUT_LAST) - sizes[name]):
        if excess <= 0:
            break
        if name[:60] not in cut and len(cut) < 10:  # noqa: PLR2004  # names that fit whatever they are
            cut.append(name[:60])
        if _shorten(fields, name, sizes[name] - excess):
            break  # that was enough, or nearly
        excess -= sizes[name]


def _shorten(fields: structlog.typing.EventDict, name: str, bytes_left: int) -> bool:
    """Keep as much of the beginning of a field as that; False: it would say too little, so there is next to nothing."""
    value = fields[name] if isinstance(fields[name], str) else _dumps(fields[name]).decode()
    size = len(_dumps({name: value}))
    keep = len(value) * max(0, bytes_left - 200) // size
    if keep >= 100:  # noqa: PLR2004  # characters: less says nothing
        fields[name] = value[:keep] + "… (cut)"
        return True
    if name in _CUT_LAST:
        fields[name] = value[:100]
    else:
        del fields[name]
    return False


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=safe_repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, integers above 64 bits
        return json.dumps(_plain(value), default=safe_repr).encode()


def _plain(value: Any) -> Any:
    """What any JSON parser takes, as similar as can be to what orjson makes of it."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and value.bit_length() >= 1024:  # noqa: PLR2004  # more than a double can hold
        return safe_repr(value)
    return value


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

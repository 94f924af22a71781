"""How a record becomes a line: its fields, without secrets, as JSON of at most 16,000 bytes, or as text for a person.

Docker and FireLens cut or split lines above 16 KiB (moby 41794, fluent-bit 3273), and half a JSON object matches no
filter; hence the limit.
"""

import json
import logging
import sys
from typing import Any

import orjson
import structlog

from orchestrator.log.context import CONTEXT
from orchestrator.log.redaction import REDACTOR, safe_repr

LIMIT_BYTES = 16_000
EVENT = "orchestrator_event"
"""Attribute of a record that carries an event's fields; its presence tells our events from other records."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


def formatter(format: str = "") -> logging.Formatter:  # noqa: A002  # the key of logging.yaml
    """The formatter for logging.yaml: `{"()": orchestrator.log.formatter}`.

    Args:
        format: `json`, `text`, or `auto` (text on a terminal); empty: what ORCHESTRATOR_LOG_FORMAT says.
    """
    wanted = format or CONTEXT.log_format
    as_text = wanted == "text" or (wanted == "auto" and sys.stdout.isatty())
    return _Formatter(processors=[_assemble, _render_text if as_text else _render_json])


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Structlog's formatter, but a record that cannot be formatted comes out all the same, and says so."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  # whatever a record of some library does
            broken = logging.makeLogRecord({**vars(record), "exc_info": None, "exc_text": None, "args": ()})
            broken.msg = f"{safe_repr(record.msg)} {safe_repr(record.args)} (not formatted: {safe_repr(error)})"
            return super().format(broken)


def _assemble(_logger: object, _method: str, event_dict: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The fields of a line, from a record of our own, of structlog, or of any other library."""
    record: logging.LogRecord = event_dict.pop("_record")
    event_dict.pop("_from_structlog", None)
    common = CONTEXT.fields(record)
    own: dict[str, Any] | None = getattr(record, EVENT, None)
    if own is None:
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
    reserved = {*taken, "event", "message", "outcome", "exception", "stack"}
    given = {key: value for key, value in vars(record).items() if key not in _PLAIN and not key.startswith("_")}
    given.pop("orchestrator_state", None)
    given |= {key: value for key, value in event_dict.items() if key not in {"exc_info", "stack_info", "level"}}
    return {(f"extra_{key}" if key in reserved else key): REDACTOR.value(value, key) for key, value in given.items()}


def _traceback(exception: Any) -> str:
    """The traceback as text: no values of variables, and no SQL parameters."""
    if isinstance(exception, BaseException):
        exception = (type(exception), exception, exception.__traceback__)
    if not isinstance(exception, tuple):
        exception = sys.exc_info()
    error: BaseException | None = exception[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if hasattr(error, "hide_parameters"):
            error.hide_parameters = True  # sqlalchemy.exc.StatementError shows them otherwise
        error = error.__cause__ or error.__context__
    return logging.Formatter().formatException(exception)


def _render_json(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
    line = _dumps(fields)
    while len(line) > LIMIT_BYTES:
        line = _dumps(_cut(fields, excess=len(line) - LIMIT_BYTES))
    return line.decode()


def _cut(fields: structlog.typing.EventDict, *, excess: int) -> structlog.typing.EventDict:
    """Shorten the longest field by `excess` bytes or so, or drop it when little would be left."""
    cuttable = [name for name in fields if name not in {"timestamp", "level", "event", "boot_id", "truncated"}]
    longest = max(cuttable, key=lambda name: len(_dumps(fields[name])))
    value = fields[longest] if isinstance(fields[longest], str) else _dumps(fields[longest]).decode(errors="replace")
    keep = min(len(value) * 9 // 10, len(value) - excess - 100)
    if keep >= 100:  # noqa: PLR2004  # characters: less says nothing
        fields[longest] = value[:keep] + "… (cut)"
    else:
        del fields[longest]
    truncated = fields.setdefault("truncated", [])
    if longest not in truncated and len(truncated) < 20:  # noqa: PLR2004  # names that fit whatever they are
        truncated.append(longest[:80])
    return fields


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=safe_repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, integers above 64 bits, circles
        return json.dumps(_plain(value), ensure_ascii=True, default=safe_repr, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): each if isinstance(each, str | int) else safe_repr(each) for key, each in value.items()}
    return value if isinstance(value, str | int) else safe_repr(value)


def _render_text(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
    """A line for a person at a terminal."""
    colour = _COLOURS.get(fields["level"], "")
    lines = [
        f"{fields['timestamp'][11:23]} {fields['state']:<9} {colour}{fields['message']}{colour and chr(27) + '[0m'}"
    ]
    if fields.get("hint"):
        lines.append(f"{'':22} → {fields['hint']}")
    lines += [str(fields[name]) for name in ("exception", "stack") if name in fields]
    return "\n".join(lines)

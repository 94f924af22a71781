"""Fields of foreign records: those attached by libraries, and the keys of JSON objects that an app writes.

An app that writes JSON keeps its keys, so that a filter such as `{ $.order_id = 7 }` matches as under uvicorn. A key
that clashes with a common field gets the prefix `extra_`, so that no app can fake an event, a level or a task.
"""

import logging
from collections.abc import Mapping
from typing import Any

import orjson

import orchestrator.errors  # noqa: F401  # its events stand in the catalogue once it is imported
from orchestrator.events import CATALOGUE
from orchestrator.log.context import TASK, level_number
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.route import SHOWN, TOLD
from orchestrator.log.values import plain

LONGEST_JSON = 1_000_000  # characters

_OWN = "orchestrator"
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "taskName", "color_message"),
    *(SHOWN, TOLD, "orchestrator_event", "orchestrator_state", "orchestrator_elapsed"),  # ours
}
_RESERVED = frozenset(
    {"timestamp", "level", "event", "message", "state", "outcome", "service", "version", "logger"}
) | {*("schema", "boot_id", "elapsed_seconds", "exception", "stack", "truncated", *TASK)}


def json_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object in this text, if the text is one."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}") and len(text) <= LONGEST_JSON):
        return None
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found else None


def level_of(told: Mapping[str, Any]) -> int | None:
    """Return the level that a JSON object names in one of the usual keys."""
    return next(filter(None, (level_number(told.get(key)) for key in ("level", "levelname", "severity"))), None)


def attached(record: logging.LogRecord, event_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields attached to a record, by `extra` or by structlog."""
    given = {plain(key): value for key, value in vars(record).items() if key not in _PLAIN}
    given |= {plain(key): value for key, value in event_dict.items() if key not in {"exc_info", "stack_info", "level"}}
    return {_free(key): value for key, value in _clean(given).items()}


def lifted(told: Mapping[str, Any], level: str) -> dict[str, Any]:
    """Return the keys of a JSON object as fields of a line of this level.

    `event`, `message` and `logger` of the object become those of the line.
    """
    clean = _clean({plain(key): value for key, value in told.items()})
    fields = {_free(key): value for key, value in clean.items() if not _same_level(key, value, level)}
    for name in ("event", "message", "logger", "exception", "stack"):
        value = clean.get(name)
        if isinstance(value, str) and value and not _is_ours(name, value):
            del fields[_free(name)]
            fields[name] = value
    if "message" not in fields and (words := clean.get("msg") or clean.get("event")):
        fields["message"] = plain(words)
    return fields


def _clean(given: Mapping[str, Any]) -> dict[str, Any]:
    return {REDACTOR.name(key): REDACTOR.value(value, key) for key, value in given.items() if not key.startswith("_")}


def _free(key: str) -> str:
    return f"extra_{key}" if key in _RESERVED else key


def _same_level(key: str, value: Any, level: str) -> bool:
    """Return whether this is the level that the line has already."""
    return key == "level" and level_number(value) == level_number(level)


def _is_ours(name: str, value: str) -> bool:
    """Return whether the value is reserved: a name of our events or loggers."""
    if name == "event":
        return value in CATALOGUE
    return name == "logger" and value.partition(".")[0] == _OWN

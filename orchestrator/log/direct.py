"""The fast path of an event: its line, with only the new parts serialised, written to the output.

Each request is an event. A `logging` record, its handler and its lock double the cost of a line. They are skipped if
that makes no difference: the only handler is the packaged one, without a filter.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

import orjson

from orchestrator.events import Event
from orchestrator.log.context import CONTEXT
from orchestrator.log.lines import LineFormatter, as_json
from orchestrator.log.output import Output
from orchestrator.log.size import LIMIT_BYTES

_LEVELS = {level: logging.getLevelName(level).lower().encode() for level in (10, 20, 30, 40, 50)}
_LINE = b'{"timestamp":"%b","level":"%b","event":"%b","message":%b,%b,"elapsed_seconds":%.3f%b,"outcome":"%b"%b%b'
_second, _stamp = 0, b""


def output_of(handlers: Sequence[logging.Handler], filters: Sequence[Any]) -> Output | None:
    """Return the stream that these handlers write to, if they can be skipped."""
    if filters or len(handlers) != 1:
        return None
    handler: Any = handlers[0]
    if type(handler) is not logging.StreamHandler:
        return None
    is_plain = isinstance(handler.formatter, LineFormatter) and handler.formatter.render is as_json
    if not is_plain or handler.filters or handler.level > logging.INFO:
        return None
    return handler.stream if isinstance(handler.stream, Output) else None


def write(output: Output, event: Event | type[Event], message: str, fields: dict[str, Any]) -> bool:
    """Write the line of an event, or of a class of events; return False if it must be cut or escaped first.

    Only `message` and `fields` are serialised for it.
    """
    before, after = CONTEXT.own_members()
    try:
        told = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        line = _LINE % (
            _timestamp(),
            _LEVELS[event.level],
            event.name.encode(),
            orjson.dumps(message),
            before,
            CONTEXT.elapsed_seconds(),
            after,
            event.outcome.encode(),
            b"," if fields else b"",
            told[1:],
        )
    except (TypeError, KeyError):  # what orjson refuses, `size` knows how to write
        return False
    if len(line) > LIMIT_BYTES:
        return False
    output.write_line(line)
    return True


def _timestamp() -> bytes:
    """Return the UTC time with milliseconds; the date is computed once a second."""
    global _second, _stamp  # a cache: at worst two threads fill it with the same
    now = time.time()
    second = int(now)
    stamp = _stamp
    if second != _second:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        _stamp, _second = stamp, second
    return b"%b.%03dZ" % (stamp, (now - second) * 1000)

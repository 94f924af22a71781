"""Where lines are written: the handlers of `logging.yaml`, kept here so that no other configuration removes them.

Two kinds of records come here: our own events, and what the app would have shown on its console. The app's loggers,
levels and handlers decide what it shows, and `show` writes it, once, as a line.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.log.output import Output

SHOWN = "orchestrator_shown"
"""Attribute of a record that has been written: several handlers may bring it here."""
TOLD = "orchestrator_told"
"""Attribute of a record: the keys of the JSON object that the app wrote for it."""


class Route:
    """The way of lines to this process's standard output.

    Attributes:
        handlers: they write the app's records.
        own_handlers: they write our events.
        own_filters: the filters of `logging.yaml` for our events.
        output: the stream to which events are written without a record, if possible; see `direct`.
        own_level: the lowest level of our events that are written.
        requests: whether requests become events.
        floor: the lowest level that any logger writes (ORCHESTRATOR_LOG_LEVEL).
    """

    def __init__(self) -> None:
        self.handlers: Sequence[logging.Handler] = ()
        self.own_handlers: Sequence[logging.Handler] = ()
        self.own_filters: Sequence[Any] = ()
        self.output: Output | None = None
        self.own_level = logging.INFO
        self.requests = True
        self.floor = logging.NOTSET

    def enabled(self, level: int) -> bool:
        """Return whether an event of this level is written."""
        return level >= self.own_level and level >= self.floor

    def show(self, record: logging.LogRecord, told: Mapping[str, Any] | None = None) -> None:
        """Write a record that the app shows, once; `told` is the JSON object that the app has written for it."""
        marks = record.__dict__
        if SHOWN in marks or _below(record, self.floor):
            return
        marks[SHOWN] = True
        if told:
            marks[TOLD] = told
        _write(self.handlers, record)

    def write_own(self, record: logging.LogRecord) -> None:
        """Write one of our records, independent of the state of the loggers."""
        if all(_passes(each, record) for each in self.own_filters):
            _write(self.own_handlers, record)


_now = threading.local()


def record_at_hand() -> logging.LogRecord | None:
    """Return the record that a handler of the app handles in this thread: what it prints is that record."""
    return getattr(_now, "record", None)


@contextmanager
def at_hand(record: logging.LogRecord | None) -> Iterator[None]:
    """Make this record available inside the block; None: printed text is only text."""
    before = record_at_hand()
    _now.record = record
    try:
        yield
    finally:
        _now.record = before


def _write(handlers: Sequence[logging.Handler], record: logging.LogRecord) -> None:
    with at_hand(None):
        for handler in handlers:
            if not _below(record, handler.level):
                handler.handle(record)


def _below(record: logging.LogRecord, level: int) -> bool:
    return type(record.levelno) is int and record.levelno < level


def _passes(each: Any, record: logging.LogRecord) -> bool:
    return bool(each.filter(record) if hasattr(each, "filter") else each(record))


ROUTE = Route()

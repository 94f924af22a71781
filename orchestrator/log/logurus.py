"""loguru's texts as records: each carries the record that it was made of, also when a thread of loguru writes it.

The recipe in loguru's documentation hands the records of `logging` over to loguru. Such a text is the record of
`logging` itself: it has its own logger, and another handler may show it as well.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.log.values import plain

_REMEMBERED = 1_000  # records that may wait in loguru's queue
_ROUNDING_SECONDS = 0.001  # loguru's times are cut to microseconds


class _Handled:
    """A record of `logging` while a handler of the app works on it, and after."""

    def __init__(self, record: logging.LogRecord) -> None:
        self.record, self.thread = record, threading.get_ident()
        self.begin, self.end = time.time(), float("inf")

    def became(self, theirs: dict[str, Any]) -> bool:
        """Whether loguru's record was made meanwhile, in the same thread, with the same words."""
        made: float = theirs["time"].timestamp()
        within = self.begin - _ROUNDING_SECONDS <= made <= self.end + _ROUNDING_SECONDS
        return within and bool(self.thread == theirs["thread"].id and _words(self.record) == theirs["message"])


_handled: deque[_Handled] = deque(maxlen=_REMEMBERED)


@contextmanager
def handed_over(record: logging.LogRecord) -> Iterator[None]:
    """In here a handler of the app works on the record: it may hand it over to loguru."""
    if "loguru" not in sys.modules:
        yield
        return
    handled = _Handled(record)
    _handled.append(handled)
    try:
        yield
    finally:
        handled.end = time.time()


def record_of(text: str) -> logging.LogRecord | None:
    """Return the record of a text that loguru writes: the `logging` record that was passed to it, or a new one."""
    theirs = getattr(text, "record", None)
    if not isinstance(theirs, dict):
        return None
    try:
        handled = next((each for each in list(_handled) if each.became(theirs)), None)
        return handled.record if handled else _made_of(theirs)
    except (LookupError, AttributeError, TypeError, ValueError):
        return None


def _made_of(theirs: dict[str, Any]) -> logging.LogRecord:
    error, level = theirs["exception"], theirs["level"].no
    info = tuple(error) if error else None
    make = logging.getLogRecordFactory()
    made = make(theirs["name"] or "loguru", level, "", 0, "%s", (theirs["message"],), info)
    made.created = theirs["time"].timestamp()
    extra = {plain(key): value for key, value in theirs["extra"].items()}
    for name in extra.keys() - vars(made).keys():
        setattr(made, name, extra[name])
    return made


def _words(record: logging.LogRecord) -> str | None:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # arguments that do not fit the message
        return None

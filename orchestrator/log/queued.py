"""Waits for records that the app has queued for a separate thread: loguru's `enqueue`, `QueueHandler`."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from typing import Any

from orchestrator.log import foreign

_SECONDS = 1.0  # a sink that hangs must not hold up the end
_PAUSE_SECONDS = 0.01


def finish_queued() -> None:
    """Wait until the queued records are written, for a second at most."""
    until = time.monotonic() + _SECONDS
    finish_loguru()
    while any(map(_is_busy, _queues())) and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)


def finish_loguru() -> None:
    """Wait until loguru's threads have written, for a second at most."""
    if complete := _loguru_complete():
        waiting = threading.Thread(target=complete, name="log-queue", daemon=True)
        waiting.start()
        waiting.join(_SECONDS)


def _loguru_complete() -> Callable[[], Any] | None:
    return getattr(getattr(sys.modules.get("loguru"), "logger", None), "complete", None)


def _queues() -> Iterator[Any]:
    for logger in foreign.loggers():
        for handler in logger.handlers:
            if isinstance(handler, QueueHandler):
                yield handler.queue


def _is_busy(queue: Any) -> bool:
    """Return whether a record waits or is being written; a queue that does not count its tasks shows the former."""
    with contextlib.suppress(Exception):  # a queue of the app's own
        unfinished = getattr(queue, "unfinished_tasks", None)
        return bool(unfinished) if isinstance(unfinished, int) else not queue.empty()
    return False

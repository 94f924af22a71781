"""Writing behind a bounded queue: while serving, a reader of stdout that stalls must not stall the loop.

While starting, lines are written directly: in order, and safe against a crash. uvicorn's probes would go unanswered for
as long as a log driver hangs (measured: 2.8 s of a 3 s pause).
"""

import logging
import queue
import threading
from collections.abc import Sequence

CAPACITY = 10_000  # records


class Unblocked(logging.Handler):
    """Stands for `handlers`, which work in a thread; what does not fit into the queue is dropped and counted."""

    def __init__(self, handlers: Sequence[logging.Handler], capacity: int = CAPACITY) -> None:
        super().__init__()
        self.direct = list(handlers)
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(capacity)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits."""
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def settle(self, seconds: float) -> bool:
        """Write what is queued, within `seconds`; tells whether it was possible."""
        try:
            self._records.put(None, timeout=seconds)
        except queue.Full:
            return False
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while (record := self._records.get()) is not None:
            self._pass_on(record)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._pass_on(_about(dropped))

    def _pass_on(self, record: logging.LogRecord) -> None:
        for handler in self.direct:
            if record.levelno >= handler.level:
                handler.handle(record)


def _about(dropped: int) -> logging.LogRecord:
    factory = logging.getLogRecordFactory()
    message = "%d log lines were dropped, because nobody read them in time"
    return factory("orchestrator.log", logging.WARNING, __file__, 0, message, (dropped,), None)

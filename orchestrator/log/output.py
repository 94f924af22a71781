"""Standard output as the log's own stream: a write blocks for a moment at most, and never while serving.

A log driver that hangs leaves the pipe full, and a plain `write` would then block the loop and the probes. During the
start, the logging thread writes itself: in order, and safe against a crash. If that takes too long, and always while
serving, a separate thread writes the queue. It gathers the lines of requests for a moment: waking it for each one takes
longer than making it. What the app says is written at once, because it may be the last that it says.
"""

import errno
import io
import logging
import os
import select
import threading
import time
from collections.abc import Callable

CAPACITY_BYTES = 16_000_000  # as long lines as there can be, a thousand; usual ones, some 30,000
PATIENCE_SECONDS = 5.0  # for a reader that stalls while starting
GATHER_SECONDS = 0.01  # between the line of a request and its writing, while serving
RETRY_SECONDS = 1.0  # a full disk may have room again
_ORPHANED_SECONDS = 5.0  # a lock that is held for this long belongs to a thread that has ended
_SLICE_MS = 100
_CHUNK = select.PIPE_BUF  # a pipe that is ready takes this much without blocking
_MUCH = 65_536  # bytes that the thread writes at once: it may block, and each write of it holds up the loop a little
_GONE = {errno.EPIPE, errno.EBADF}  # the reader has closed its end, or our end was closed

_logger = logging.getLogger(__name__)


class Output(io.TextIOBase):
    """A text stream on `descriptor`. `write` takes whole lines, never raises, and never waits long."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, descriptor: int, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._descriptor, self._capacity = descriptor, capacity_bytes
        self._start_over()
        self._is_shared = False  # with a forked process, which writes to the same pipe
        os.register_at_fork(before=self._share, after_in_child=self._start_over)

    def _share(self) -> None:
        self._is_shared = True

    def _start_over(self) -> None:
        """Reset to an empty queue without a writer: a child process has no thread, and the lines are the parent's."""
        self._waiting = bytearray()
        self._dropped = 0
        self._gone = False
        self._direct = True
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()  # for the thread: gather no longer
        self._news = threading.Condition(threading.RLock())  # of `_waiting`; a destructor may log at any moment
        self._writing = threading.Lock()
        self._writer = 0  # thread id of its owner

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor that it writes to."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether a person reads it."""
        return os.isatty(self._descriptor)

    @property
    def idle(self) -> bool:
        """Whether everything is written that was to be written."""
        return not self._waiting

    def write(self, text: str, /) -> int:
        """Write `text` or queue it for the thread; if the queue is full, drop and count it."""
        self.write_line(text.encode(errors="backslashreplace"))
        if not self._direct:
            self._hurry.set()
        return len(text)

    def write_line(self, line: bytes) -> None:
        """Do the same for an encoded line; while serving, the thread may wait a moment for more lines."""
        if self._dropped and len(self._waiting) < self._capacity // 2:
            self._tell_dropped()
        self._take(line)
        if self._direct:
            until = time.monotonic() + PATIENCE_SECONDS
            if not self._drain(lambda: self._direct and time.monotonic() < until):
                self.unblock()

    def unblock(self) -> None:
        """Let only a thread wait for the reader from now on."""
        with self._news:
            self._direct = False
            if self._thread is None:
                self._hurry.clear()
                self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._thread.start()
            self._news.notify()

    def settle(self, seconds: float) -> None:
        """Write the queue within `seconds`; afterwards each logging thread writes itself again."""
        until = time.monotonic() + seconds
        self._drain(lambda: time.monotonic() < until)
        self._tell_dropped()
        if self._drain(lambda: time.monotonic() < until):
            self._end_thread(until)

    def _end_thread(self, until: float) -> None:
        """End the thread: at exit, Python stops threads anywhere, with the locks that they hold."""
        with self._news:
            self._direct = True
            self._news.notify()
            self._hurry.set()
        if self._thread:
            self._thread.join(max(0.0, until - time.monotonic()))
            self._thread = None
        self._drain(lambda: time.monotonic() < until)  # what others have left for it meanwhile

    def _take(self, data: bytes) -> None:
        if self._gone or not self._news.acquire(timeout=_ORPHANED_SECONDS):
            return
        try:
            if len(self._waiting) + len(data) > self._capacity:
                self._dropped += 1
                return
            sleeps = not (self._direct or self._waiting)
            self._waiting += data
            if sleeps:
                self._news.notify()
        finally:
            self._news.release()

    def _write_on(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._direct)
            self._hurry.wait(GATHER_SECONDS)
            self._hurry.clear()
            if self._direct:
                return
            if self._drain(lambda: True, _MUCH):
                self._tell_dropped()
            else:
                time.sleep(RETRY_SECONDS)

    def _drain(self, patient: Callable[[], bool], most: int = _CHUNK) -> bool:
        """Write the whole queue while `patient()` is true; return whether it is written."""
        if self._writer == threading.get_ident():
            return True  # a destructor logs in the middle of it: the line is written in its turn
        while not self._writing.acquire(timeout=_SLICE_MS / 1000):
            if not patient():
                return False
        self._writer = threading.get_ident()
        try:
            while self._waiting:
                if not self._write_some(most) and not patient():
                    return False
        except OSError as error:
            return self._give_up(error)
        finally:
            self._writer = 0
            self._writing.release()
        return True

    def _write_some(self, most: int) -> bool:
        """Write at most so many bytes, if that is possible within a moment."""
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        if not ready.poll(_SLICE_MS):
            return False
        try:
            written = os.write(self._descriptor, self._next(most))
        except BlockingIOError:  # another process has made it one that does not wait
            time.sleep(_SLICE_MS / 1000)
            return False
        with self._news:
            del self._waiting[:written]
        return True

    def _next(self, most: int) -> bytearray:
        """Return at most so many bytes: whole lines, unless one is longer.

        What another process writes gets between two writes, and into one of more than PIPE_BUF bytes.
        """
        most = min(most, _CHUNK) if self._is_shared else most
        data = self._waiting[: most + 1]
        return data if len(data) <= most else data[: data.rfind(b"\n", 0, most) + 1 or most]

    def _give_up(self, error: OSError) -> bool:
        """Drop the queue if the reader has closed its end; otherwise keep it for another attempt."""
        if error.errno not in _GONE:
            return False
        with self._news:
            self._gone = True
            self._waiting.clear()
        return True

    def _tell_dropped(self) -> None:
        with self._news:
            dropped, self._dropped = self._dropped, 0
        if dropped and not self._gone:
            message = "%d log lines were dropped, because nobody read them in time"
            _logger.warning(message, dropped, extra={"lines_dropped": dropped})

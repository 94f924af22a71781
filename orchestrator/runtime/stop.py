"""Stopping: whether a stop was requested, and how much time is left.

Standard library only: `__main__` installs the handler before it imports anything heavy, because the kernel drops a
SIGTERM to process 1 that has no handler yet.

Python runs a signal handler in the main thread, between two instructions. It cannot run while that thread waits in a
database driver written in C. So a second thread listens to the kernel's own delivery, through `signal.set_wakeup_fd`.
An event loop in the main thread may take that descriptor for itself; then the handler alone works.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


Handler = Callable[[int, FrameType | None], None]
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_KEPT_FOR_LAST_EVENTS = 0.02  # of the budget
_LAST_EVENTS_SECONDS = 0.2
_END = 0  # no signal's number
_ALL_HEARD_SECONDS = 5.0  # never used up: the thread only reads a pipe


class StopAsked(Exception):  # noqa: N818  # asked for, not an error
    """The work ends here because a stop was requested; all that had begun is finished or undone."""


class Stop:
    """A stop that a signal or a test may request at any time; checked between steps and during pauses.

    `budget_seconds` (from the request to the end of the process) is known only after the settings are read. Until then
    a request is only recorded.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.hurry = False
        self.signal = ""
        self._unhurried = False
        self.budget_seconds = 25.0
        self._requested_at = 0.0  # time.monotonic()
        self._listeners: list[Callable[[], None]] = []
        self._listening = threading.Lock()  # a listener that comes after a request must not hear of it as of a second
        self._ears, self._bell = -1, -1  # the two ends of a pipe; a byte is a signal
        self._before: dict[signal.Signals, Any] = {}
        self._handlers: list[Handler] = [self.handle]
        self._given_up, self._all_heard = False, threading.Event()
        self._forked = False

    def install(self) -> None:
        """Let SIGTERM and SIGINT request the stop. Main thread only."""
        self._ears, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        threading.Thread(target=self._hear, name="stop", daemon=True).start()
        os.register_at_fork(after_in_child=self._give_back)
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self.reinstall()

    def reinstall(self) -> None:
        """Install the handlers again: imported code may have replaced them, as it may under uvicorn."""
        if self._given_up:
            return
        self.answer_with(self.handle)
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)

    def answer_with(self, handler: Handler) -> None:
        """Install another handler, which calls `handle`."""
        self._handlers = [self.handle, handler]
        for number in SIGNALS:
            signal.signal(number, handler)

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Request the stop, from a signal handler. In a forked process, whose app may call this, end that one."""
        if self._forked:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        current = signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        if current != self._bell:  # an event loop's own, or none: the kernel's delivery did not reach us
            signal.set_wakeup_fd(current, warn_on_full_buffer=False)
            os.write(self._bell, bytes([number]))

    def _hear(self) -> None:
        while True:
            for number in os.read(self._ears, 64):
                if number in SIGNALS:
                    self.request(signal.Signals(number).name)
                elif number == _END:
                    self._all_heard.set()

    def give_up(self) -> bool:
        """Give signals their default effect again; return whether a stop was requested before.

        Main thread only.
        """
        self._given_up = True
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_IGN if before == signal.SIG_IGN else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.write(self._bell, bytes([_END]))
        self._all_heard.wait(_ALL_HEARD_SECONDS)
        return self.requested.is_set()

    def _give_back(self) -> None:
        """Restore the default handlers in a process that the app forks, so that a signal ends it, and it alone.

        The pipe is shared with this process: without this, a worker that the app terminates stopped the server.
        """
        self._forked = True
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            if signal.getsignal(number) in self._handlers:
                signal.signal(number, signal.SIG_DFL)

    def request(self, name: str) -> None:
        """Request the stop. A second request means: at once, without waiting for running work (but see `unhurried`)."""
        with self._listening:
            if not self.requested.is_set():
                self.signal, self._requested_at = name, time.monotonic()
                self.requested.set()
            elif not self._unhurried:
                self.hurry = True
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    @contextlib.contextmanager
    def unhurried(self) -> "Iterator[None]":
        """Inside this block, treat a second request like the first: the work inside should end by itself if it can."""
        self._unhurried = True
        try:
            yield
        finally:
            self._unhurried = False

    def remaining_seconds(self, *, keep: float = 0.0) -> float:
        """Return the rest of the budget, less the share `keep` for what comes later; never below 0."""
        if self.hurry:
            return 0.0
        return max(0.0, self._requested_at + self.budget_seconds * (1 - keep) - time.monotonic())

    def watch(self) -> "asyncio.Event":
        """Return an event of the running loop that each request sets; clear it to notice a second request."""
        import asyncio  # 30 ms in which a signal would be lost, if it were imported above

        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

        with self._listening:
            self._listeners.append(notify)
            if self.requested.is_set():
                event.set()
        return event

    def enforce(self, exit_code: Callable[[], int], last_events: Callable[[], object]) -> None:
        """End the process when the budget is spent, even if the loop, a thread or an exit handler hangs.

        `last_events` writes the last events, unless a slow reader of stdout blocks it.
        """

        def guard() -> None:
            self.requested.wait()
            while left := self.remaining_seconds(keep=_KEPT_FOR_LAST_EVENTS):
                time.sleep(min(0.1, left))
            if self.hurry:
                time.sleep(1)  # enough for the usual end
            code = exit_code()
            telling = threading.Thread(target=last_events, name="last-events", daemon=True)
            telling.start()
            telling.join(max(_LAST_EVENTS_SECONDS, self.remaining_seconds()))
            os._exit(code)

        threading.Thread(target=guard, name="shutdown-budget", daemon=True).start()


def exit_within(seconds: float, exit_code: int) -> None:
    """End the process after `seconds` if it has not ended: a thread that resolves a name cannot be stopped."""

    def guard() -> None:
        time.sleep(seconds)
        os._exit(exit_code)

    try:
        threading.Thread(target=guard, name="exit", daemon=True).start()
    except RuntimeError:  # no further thread is allowed
        os._exit(exit_code)

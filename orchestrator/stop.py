"""Stopping: has somebody asked for it, and how much time is left?

Standard library only: `__main__` installs the handler before anything heavy is imported, because for process 1 the
kernel drops a SIGTERM that has no handler yet. A plain `signal.signal` handler stays for the whole life, and not
`loop.add_signal_handler`: it runs even while a callback keeps the loop busy, and nothing re-raises it.
"""

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class StopAsked(Exception):  # noqa: N818  # asked for, not an error
    """The work ends here because a stop was asked for; what was begun is finished or undone."""


class Stop:
    """A stop that may be asked for at any time, from a signal or a test; looked at between steps and during pauses.

    `budget_seconds` (between the request and the end of the process) is known only once the settings are read; until
    then a request is merely remembered.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.hurry = False
        self.signal = ""
        self._unhurried = False
        self.budget_seconds = 25.0
        self._requested_at = 0.0  # time.monotonic()
        self._listeners: list[Callable[[], None]] = []
        # The one structure of the standard library that may be put into from a signal handler at any moment.
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()

    def install(self) -> None:
        """Let SIGTERM and SIGINT ask for the stop. Main thread only."""
        threading.Thread(target=self._hear, name="stop", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._asked.put(signal.Signals(number).name)

    def _hear(self) -> None:
        while True:
            self.request(self._asked.get())

    def request(self, name: str) -> None:
        """Ask for the stop; asking again means: now, without waiting for what is in flight (but see `unhurried`)."""
        if not self.requested.is_set():
            self.signal, self._requested_at = name, time.monotonic()
            self.requested.set()
        elif not self._unhurried:
            self.hurry = True
        for listener in self._listeners:
            listener()

    @contextlib.contextmanager
    def unhurried(self) -> "Iterator[None]":
        """In here a second request is the same request: for what must end by itself if it can."""
        self._unhurried = True
        try:
            yield
        finally:
            self._unhurried = False

    def remaining_seconds(self, *, keep: float = 0.0) -> float:
        """What is left of the budget, less the share `keep` of it that is for what comes after; never below 0."""
        if self.hurry:
            return 0.0
        return max(0.0, self._requested_at + self.budget_seconds * (1 - keep) - time.monotonic())

    def watch(self) -> "asyncio.Event":
        """An event of the running loop that each request sets: clear it to hear of the second one."""
        import asyncio  # 30 ms in which a signal would be lost, if it were imported above

        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

        self._listeners.append(notify)
        if self.requested.is_set():
            event.set()
        return event

    def enforce(self, exit_code: Callable[[], int]) -> None:
        """End the process when the budget is spent, whatever hangs then: the loop, a thread, an exit handler."""

        def guard() -> None:
            self.requested.wait()
            while self.remaining_seconds():
                time.sleep(min(0.1, self.remaining_seconds()))
            if self.hurry:
                time.sleep(1)  # enough for the last events
            os._exit(exit_code())

        threading.Thread(target=guard, name="shutdown-budget", daemon=True).start()


def exit_within(seconds: float, exit_code: int) -> None:
    """End the process after `seconds` if it has not ended: a thread that resolves a name cannot be stopped."""

    def guard() -> None:
        time.sleep(seconds)
        os._exit(exit_code)

    threading.Thread(target=guard, name="exit", daemon=True).start()

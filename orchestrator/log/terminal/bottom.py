"""The line at the bottom of a terminal: a spinner, what happens, and for how long."""

import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.log.terminal.escapes import visible

if TYPE_CHECKING:
    from orchestrator.log.output import Output

ERASE = "\r\x1b[K"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME_SECONDS = 0.1
_SHOWN_AFTER_SECONDS = 0.3  # what ends sooner does not flicker


class Bottom:
    """Draws the line in a separate thread, as long as there is a text.

    Attributes:
        output: where to draw; None: nowhere yet.
    """

    def __init__(self, columns: Callable[[], int]) -> None:
        self._columns = columns
        self._start_over()
        os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        """Draw nothing: a child process has no thread, and the terminal's last line is the parent's."""
        self.output: Output | None = None
        self._text, self._since = "", 0.0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def show(self, text: str) -> None:
        """Show the text from now on; an empty one ends the line."""
        with self._news:
            if text == self._text or self.output is None:
                return
            if text.partition(" · ")[0] != self._text.partition(" · ")[0]:
                self._since = time.monotonic()
            self._text = text
            if self._thread is None:
                self._thread = threading.Thread(target=self._draw_on, name="terminal", daemon=True)
                self._thread.start()
            self._news.notify()

    def _draw_on(self) -> None:
        for frame in itertools.cycle(_SPINNER):
            with self._news:  # also while writing: after `show("")` nothing is drawn any more
                self._news.wait_for(lambda: self._text)
                line = self._line(frame)
                if line and self.output and self.output.idle:
                    self.output.write_line(f"{ERASE}{line}".encode())
            time.sleep(_FRAME_SECONDS)

    def _line(self, frame: str) -> str:
        seconds = time.monotonic() - self._since
        if seconds < _SHOWN_AFTER_SECONDS:
            return ""
        told = f"{frame} {visible(self._text)} · {_elapsed(seconds)}"
        return told[: self._columns() - 1]


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

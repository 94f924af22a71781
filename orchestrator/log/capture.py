"""Whatever else would write past the log: prints, warnings, uncaught exceptions. It all becomes records."""

import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from orchestrator.log.output import Output
from orchestrator.log.values import safe_repr

LONGEST = 16_000  # characters: about what a line may hold


def occupy_descriptors() -> None:
    """Let standard input, output and error lead nowhere where they were closed when the process began.

    Else their numbers are given to what is opened next: lines would go into a connection, and libuv aborts when it is
    to close such a number.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


def private_stdout() -> Output:
    """A stream on what is standard output now; file descriptor 1 itself leads to standard error from here on.

    So neither a child process nor a C library can put anything between the log lines.
    """
    if sys.__stdout__:
        sys.__stdout__.flush()
    stream = Output(os.dup(1))
    os.dup2(2, 1)
    return stream


class PrintedLines(io.TextIOBase):
    """Stands for `sys.stdout`: each printed line becomes a record of the logger `stdout`.

    The records go to `handlers` and past those of all loggers: one that an app has put on `sys.stdout` would bring them
    back here, for ever.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, handlers: Callable[[], Sequence[logging.Handler]]) -> None:
        self._logger = logging.getLogger("stdout")
        self._handlers = handlers
        self._rests: dict[int, str] = {}  # by thread: lines that have not come to their end
        self.buffer = _PrintedBytes(self)

    def writable(self) -> bool:
        """It is a stream to write to."""
        return True

    def fileno(self) -> int:
        """For child processes: file descriptor 1, which leads to standard error."""
        return 1

    def reconfigure(self, **_options: object) -> None:
        """What apps want of a `TextIOWrapper`: it is like that already."""

    def write(self, text: str, /) -> int:
        """Log the complete lines; keep the rest until its end comes, or until it is longer than any line."""
        thread = threading.get_ident()
        *lines, rest = (self._rests.pop(thread, "") + text).split("\n")
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], ""
        if rest:
            self._rests[thread] = rest
        for line in filter(None, lines):
            self._log(line)
        return len(text)

    def finish(self) -> None:
        """Log what has not come to its end."""
        while self._rests:
            self._log(self._rests.popitem()[1])

    def _log(self, line: str) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            record = self._logger.makeRecord(self._logger.name, logging.INFO, "", 0, "%s", (line,), None)
            for handler in self._handlers():
                if record.levelno >= handler.level:
                    handler.handle(record)


class _PrintedBytes(io.BufferedIOBase):
    """Stands for `sys.stdout.buffer`."""

    def __init__(self, text: PrintedLines) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._text.write(bytes(data).decode(errors="backslashreplace"))
        return len(data)


def install_hooks() -> None:
    """Turn warnings and exceptions that nobody caught into records."""
    logging.captureWarnings(capture=True)
    logger = logging.getLogger("orchestrator.uncaught")

    def uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        logger.critical("An exception was not caught: %s", safe_repr(error), exc_info=(kind, error, traceback))

    def in_thread(arguments: Any) -> None:
        error = arguments.exc_value
        if arguments.exc_type is SystemExit:  # how a thread may end itself, says `threading.excepthook`
            return
        name = getattr(arguments.thread, "name", "?")
        logger.error("An exception ended thread %s: %s", name, safe_repr(error), exc_info=error)

    def unraisable(arguments: Any) -> None:
        what = arguments.err_msg or "An exception could not be raised"
        logger.error("%s: %s", what, safe_repr(arguments.exc_value), exc_info=arguments.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable

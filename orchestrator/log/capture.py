"""Whatever else would write past the log: prints, warnings, uncaught exceptions. It all becomes records."""

import io
import logging
import os
import sys
import threading
from types import TracebackType
from typing import Any, TextIO


def private_stdout() -> TextIO:
    """A stream on what is standard output now; file descriptor 1 itself leads to standard error from here on.

    So neither a child process nor a C library can put anything between the log lines.
    """
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.dup2(2, 1)
    return stream


class PrintedLines(io.TextIOBase):
    """Stands for `sys.stdout`: each printed line becomes a record of the logger `stdout`."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("stdout")
        self._local = threading.local()

    def writable(self) -> bool:
        """It is a stream to write to."""
        return True

    def fileno(self) -> int:
        """For child processes: file descriptor 1, which leads to standard error."""
        return 1

    def write(self, text: str, /) -> int:
        """Log the complete lines; keep the rest until its end comes."""
        *lines, rest = (getattr(self._local, "rest", "") + text).split("\n")
        self._local.rest = rest
        for line in filter(None, lines):
            self._logger.info("%s", line)
        return len(text)


def install_hooks() -> None:
    """Turn warnings and exceptions that nobody caught into records."""
    logging.captureWarnings(capture=True)
    logger = logging.getLogger("orchestrator.uncaught")

    def uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        logger.critical("An exception was not caught: %r", error, exc_info=(kind, error, traceback))

    def in_thread(arguments: Any) -> None:
        error = arguments.exc_value
        logger.error("An exception ended thread %s: %r", getattr(arguments.thread, "name", "?"), error, exc_info=error)

    def unraisable(arguments: Any) -> None:
        what = arguments.err_msg or "An exception could not be raised"
        logger.error("%s: %r", what, arguments.exc_value, exc_info=arguments.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable

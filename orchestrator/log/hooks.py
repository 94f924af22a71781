"""Warnings and uncaught exceptions: Python would write them to standard error as text; here they become records."""

import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any

from orchestrator.log.route import ROUTE
from orchestrator.log.values import kind, plain, safe_repr

UNCAUGHT = "orchestrator.uncaught"


def install() -> None:
    """Set the hooks of the interpreter, and of the module `warnings`."""
    sys.excepthook, threading.excepthook, sys.unraisablehook = _uncaught, _in_thread, _unraisable
    warnings.showwarning = _warning  # type: ignore[assignment]  # its types are wider


def say(level: int, message: str, *, logger: str = "orchestrator", error: BaseException | None = None) -> None:
    """Write a record of our own that is not an event; the app's logging configuration does not affect it."""
    info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.getLogRecordFactory()(logger, level, "", 0, "%s", (message,), info)
    if ROUTE.own_handlers and level >= ROUTE.floor:
        ROUTE.write_own(record)


def _uncaught(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    say(logging.CRITICAL, f"An exception was not caught: {safe_repr(error)}", logger=UNCAUGHT, error=error)


def _in_thread(arguments: Any) -> None:
    if arguments.exc_type is SystemExit:  # the documented way for a thread to end itself: see `threading.excepthook`
        return
    name, error = getattr(arguments.thread, "name", "?"), arguments.exc_value
    say(logging.ERROR, f"An exception ended thread {name}: {safe_repr(error)}", logger=UNCAUGHT, error=error)


def _unraisable(arguments: Any) -> None:
    what, error = arguments.err_msg or "An exception could not be raised", arguments.exc_value
    say(logging.ERROR, f"{what}: {safe_repr(error)}", logger=UNCAUGHT, error=error)


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, _line: Any = None
) -> None:
    """Return one line: place, text and category."""
    words = plain(message) if isinstance(message, str) else _words(message)
    text = f"{filename}:{lineno}: {category.__name__}: {words}"
    if file is None:
        say(logging.WARNING, text, logger="py.warnings")
    else:
        file.write(f"{text}\n")


def _words(message: Warning) -> str:
    try:
        return str.__str__(str(message))
    except BaseException as error:  # noqa: BLE001  # whatever a foreign __str__ does
        return f"<{kind(message)} whose str raised {kind(error)}>"

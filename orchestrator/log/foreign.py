"""The app's own logging: the app configures it freely, and we write what its console would show.

The app's loggers, levels, filters and handlers work as under uvicorn. Only the last step differs: the text that a
handler writes to standard output or error becomes a log line, with the record's level and fields.
"""

import logging
import logging.config
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

from orchestrator.log.logurus import handed_over
from orchestrator.log.repeats import REPEATS
from orchestrator.log.route import ROUTE, at_hand
from orchestrator.patterns import pattern

_CONSOLE = pattern(r"/dev/std(?:out|err)|/dev/fd/[12]|/proc/(?:self|[0-9]+)/fd/[12]")
_HANDLE_ERROR = logging.Handler.handleError
# We imported these libraries: an app that disables "existing" loggers means the ones that it knows.
_IMPORTED_BY_US = {"aiosqlite", "alembic", "asyncio", "asyncmy", "asyncpg", "concurrent", "orchestrator", "sqlalchemy"}


class OwnRecords(logging.Handler):
    """The handler of this package's loggers; the app's configuration does not affect them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as a line."""
        ROUTE.write_own(record)


class StandIn(logging.StreamHandler[Any]):
    """A handler that shows its records: in place of uvicorn's handlers, and as `logging.lastResort`."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(sys.stderr)
        self.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as a line."""
        show(record)


def install() -> None:
    """From now on, replace what other handlers write to the console by the record that they handle."""
    logging.Handler.handle = _as_in_logging  # type: ignore[method-assign]
    logging.Handler.handleError = _handle_error  # type: ignore[method-assign,assignment]


def show(record: logging.LogRecord, told: Mapping[str, Any] | None = None) -> None:
    """Write a record that the app shows, unless our events already cover it."""
    if not (_is_told_by_events(record) or REPEATS.leaves_out(record)):
        ROUTE.show(record, told)


def loggers() -> list[logging.Logger]:
    """Return all loggers, the root first."""
    made = logging.root.manager.loggerDict.values()
    return [logging.root, *(each for each in made if isinstance(each, logging.Logger))]


def enable_imported() -> None:
    """Enable the loggers of libraries that we imported before the app, which may have disabled them."""
    for logger in loggers():
        if logger.name.partition(".")[0] in _IMPORTED_BY_US:
            logger.disabled = False


def _handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """`logging.Handler.handle`, with the record made available to our streams."""
    if _writes_to_console(handler):
        handler.__dict__["stream"] = sys.stderr
    passed: Any = handler.filter(record)
    if isinstance(passed, logging.LogRecord):  # since Python 3.12 a filter may replace it
        record = passed
    if passed:
        with at_hand(record), handed_over(record):
            handler.acquire()
            try:
                handler.emit(record)
            finally:
                handler.release()
    return passed


# Recipes such as loguru's find the caller by counting the frames of `logging`, or by skipping those of its file.
HANDLE = _handle.__code__.replace(
    co_filename=logging.Handler.handle.__code__.co_filename,
    co_firstlineno=logging.Handler.handle.__code__.co_firstlineno,
    co_name="handle",
)
_as_in_logging = FunctionType(HANDLE, globals(), "handle")


def _writes_to_console(handler: logging.Handler) -> bool:
    """Return whether a handler writes past our streams: it is older than they, or has opened the console as a file."""
    own = handler.__dict__
    stream = own.get("stream")
    if stream is not None and (stream is sys.__stderr__ or stream is sys.__stdout__):
        return True
    name = own.get("baseFilename")
    return type(name) is str and name.startswith(("/dev/", "/proc/")) and bool(_CONSOLE.fullmatch(name))


def _handle_error(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Show a record even if the app's formatter fails."""
    stream = handler.__dict__.get("stream")
    if stream is sys.stdout or stream is sys.stderr:
        show(record)
    _HANDLE_ERROR(handler, record)


def _is_told_by_events(record: logging.LogRecord) -> bool:
    if type(record.levelno) is not int or type(record.pathname) is not str:
        return False  # odd, and so not theirs
    if record.levelno >= logging.WARNING and record.name != "uvicorn.access":
        return False
    return _library(record.pathname) is not None


@cache
def _library(pathname: str) -> Literal["uvicorn", "alembic"] | None:
    """Return the library that logs from this file, if we run it."""
    names: tuple[Literal["uvicorn", "alembic"], ...] = ("uvicorn", "alembic")
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(pathname).is_relative_to(Path(file).parent):
            return name
    return None

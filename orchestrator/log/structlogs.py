"""Defaults for an unconfigured structlog: its events become lines instead of coloured text."""

import contextlib
import functools
import logging
import sys
from typing import Any

from orchestrator.log import printed
from orchestrator.log.foreign import show

_LEVELS = {
    "debug": 10,
    "info": 20,
    "warning": 30,
    "warn": 30,
    "error": 40,
    "exception": 40,
    "critical": 50,
    "fatal": 50,
}


def configure_structlog() -> None:
    """Set our defaults if structlog is imported and not configured; a later configuration by the app replaces them."""
    structlog: Any = sys.modules.get("structlog")
    with contextlib.suppress(AttributeError):  # older than 20.2, or half imported in another thread
        if structlog and not structlog.is_configured():
            structlog.configure(
                processors=[structlog.contextvars.merge_contextvars, _as_record],
                wrapper_class=structlog.make_filtering_bound_logger(0),
                logger_factory=_Logger,
            )


class _Logger:
    """The logger that `get_logger` wraps: its methods are named after levels and take the last processor's result."""

    def __init__(self, *names: Any) -> None:
        self.name = names[0] if names and isinstance(names[0], str) else "structlog"

    def __getattr__(self, method: str) -> Any:
        return functools.partial(self._log, _LEVELS.get(method, logging.INFO))

    def _log(self, level: int, words: Any) -> None:
        """Show our record, or the text of the app's own renderer."""
        if isinstance(words, logging.LogRecord):
            show(words)
        else:
            text = words.decode(errors="backslashreplace") if isinstance(words, bytes) else str(words)
            show(*printed.record(text, self.name, level))


def _as_record(logger: Any, method: str, event: Any) -> tuple[tuple[logging.LogRecord], dict[str, Any]]:
    """Return the record that structlog's formatter for the standard library makes: its message is the event's dict."""
    given = event.pop("exc_info", None)
    error = sys.exc_info() if given is True else given
    name = getattr(logger, "name", "structlog")
    make = logging.getLogRecordFactory()
    record = make(name, _LEVELS.get(method, logging.INFO), "", 0, "", (), None)
    record.msg, record._logger, record._name = event, logger, method  # noqa: SLF001  # structlog's own names
    record.exc_info = error
    return (record,), {}

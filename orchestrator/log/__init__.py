"""Logging: `logging.yaml` is the authority, every record of every library is one line on stdout, and nothing else is.

`configure` puts it in force. From then on `logging.config.fileConfig` and `dictConfig` do nothing but say that they
were ignored: Alembic's template `env.py` calls the first, many apps the second, and either would silence us.
"""

import logging
import logging.config
import sys
import threading
from pathlib import Path
from typing import Any

import structlog

from orchestrator.events import Event
from orchestrator.log.capture import PrintedLines, install_hooks, occupy_descriptors, private_stdout
from orchestrator.log.context import CONTEXT
from orchestrator.log.lines import EVENT, Own, formatter
from orchestrator.log.output import Output
from orchestrator.log.redaction import REDACTOR
from orchestrator.log.values import plain

__all__ = [
    "CONFIGURED",
    "CONTEXT",
    "REDACTOR",
    "configure",
    "finish_prints",
    "formatter",
    "log_event",
    "occupy_descriptors",
    "restore",
    "settle",
    "unblock",
]

PACKAGED_CONFIG = Path(__file__).parent.parent / "logging.yaml"

_logger = logging.getLogger("orchestrator")
_in_force: dict[logging.Logger, list[logging.Handler]] = {}
_stdout: list[Output] = []
CONFIGURED = threading.Event()
"""Set once lines can be written."""


def configure(path: Path = PACKAGED_CONFIG, level: str = "") -> None:
    """Put the dictConfig file `path` in force; `level` overrides that of the root logger when it is given.

    Raises:
        ValueError: the file is not a usable configuration; logging is as it was before.
    """
    import yaml

    if not _stdout:
        _stdout.append(private_stdout())
    sys.stdout = _stdout[0]  # for `ext://sys.stdout`, and the question whether it is a terminal
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        _DICT_CONFIG({"disable_existing_loggers": False, **config})
    except (OSError, ValueError, TypeError, AttributeError, ImportError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not a logging configuration: {_one_line(error)}") from error
    finally:
        sys.stdout = PrintedLines(lambda: _in_force.get(logging.getLogger(), ()))
    if level:
        logging.getLogger().setLevel(level.upper())
    _take_over()


def _take_over() -> None:
    install_hooks()
    logging.raiseExceptions = False  # a reader that went away must not fill standard error
    logging.setLogRecordFactory(_stamped_record)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    _in_force.clear()
    for logger in (logging.getLogger(), *_existing()):
        if logger.handlers:
            _in_force[logger] = list(logger.handlers)
    logging.config.fileConfig = _ignored("fileConfig")
    logging.config.dictConfig = _ignored("dictConfig")
    CONFIGURED.set()


def restore() -> None:
    """Undo what imported code did to the logging: our handlers taken off, loggers disabled, its own put on a stream.

    Handlers that lead elsewhere (OpenTelemetry's, say) stay: they take nothing away from the lines.
    """
    for logger in (logging.getLogger(), *_existing()):
        ours = _in_force.get(logger, [])
        theirs = [each for each in logger.handlers if each not in ours and not _writes_to_console(each)]
        logger.handlers[:] = [*ours, *theirs]
        logger.disabled = False


def _writes_to_console(handler: logging.Handler) -> bool:
    return getattr(handler, "stream", None) in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}


def unblock() -> None:
    """From now on a reader that stalls stalls only the log."""
    for stream in _stdout:
        stream.unblock()


def finish_prints() -> None:
    """Write what was printed without a line end: nobody will end the line any more."""
    if isinstance(sys.stdout, PrintedLines):
        sys.stdout.finish()


def settle(seconds: float) -> None:
    """Write what is still queued, if that is possible within `seconds`."""
    for stream in _stdout:
        stream.settle(seconds)


def log_event(event: Event, exception: BaseException | None = None) -> None:
    """Write `event` as a line. Never raises: who observes must not break what is observed."""
    try:
        fields = event.fields(clean=REDACTOR.value)
        message = event.sentence.format_map(fields)
        metrics = event.metrics() if CONTEXT.metrics == "emf" else {}
        own = Own({"event": event.name, "message": message, "outcome": event.outcome, **fields}, metrics)
        if _logger.isEnabledFor(event.level):
            info = (type(exception), exception, exception.__traceback__) if exception else None
            # Not by `log`, which looks for its caller in the stack, for each request.
            _logger.handle(_logger.makeRecord(_logger.name, event.level, "", 0, message, (), info, extra={EVENT: own}))
    except Exception:
        _logger.exception("The event %s could not be logged", event.name)


_DICT_CONFIG = logging.config.dictConfig
_RECORD = logging.getLogRecordFactory()


def _stamped_record(*parts: Any, **named: Any) -> logging.LogRecord:
    try:
        record = _RECORD(*parts, **named)
    except BaseException:  # noqa: BLE001  # it asks the first argument whether it is a mapping, and whether it is empty
        record = _RECORD(*parts[:5], tuple(map(plain, parts[5])), *parts[6:], **named)
    CONTEXT.stamp(record)
    return record


def _existing() -> list[logging.Logger]:
    return [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]


def _ignored(name: str) -> Any:
    def ignore(*_args: object, **_kwargs: object) -> None:
        _logger.warning("logging.config.%s was ignored: logging.yaml alone configures the logging", name)

    return ignore


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

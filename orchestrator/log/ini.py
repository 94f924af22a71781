"""The logging configuration of env.py applies only while env.py runs: it is meant for a process that ends after it.

From Alembic's own ini file, which the stock env.py passes to `fileConfig`, only the levels are used: the rest would
disable all loggers of the app. The configuration of modules that env.py imports belongs to the app, and stays.
"""

import configparser
import contextlib
import functools
import logging
import logging.config
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.log.foreign import StandIn, loggers
from orchestrator.log.route import ROUTE

_FILE_CONFIG = logging.config.fileConfig
_State = tuple[list[logging.Handler], int, bool, bool]
_configured: dict[logging.Logger, tuple[_State, _State]] = {}
"""Before and since, of the loggers that env.py itself has configured."""
_running = threading.Event()
_changed: dict[logging.Logger | logging.Handler, tuple[int, int]] = {}
"""Level before and since, of what the file has given a level."""


def install() -> None:
    """From now on, note which code configures logging, and from which file."""
    if logging.config.fileConfig is _FILE_CONFIG:
        logging.config.fileConfig = _noticed(_file_config)
        logging.config.dictConfig = _noticed(logging.config.dictConfig)
        logging.basicConfig = _noticed(logging.basicConfig)


@contextlib.contextmanager
def env_py_runs() -> Iterator[None]:
    """Run env.py inside this block; at its end, undo what env.py and Alembic's ini file have configured."""
    _running.set()
    try:
        yield
    finally:
        _running.clear()
        while _changed:
            owner, (before, since) = _changed.popitem()
            if owner.level == since:
                owner.setLevel(before)
        while _configured:
            logger, (was, became) = _configured.popitem()
            if _state(logger) == became:
                logger.handlers[:], level, logger.propagate, logger.disabled = was
                logger.setLevel(level)


def _noticed(configure: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a wrapper that remembers its effect if env.py calls it."""

    @functools.wraps(configure)
    def noticed(*args: Any, **kwargs: Any) -> Any:
        if not (_running.is_set() and Path(sys._getframe(1).f_code.co_filename).name == "env.py"):  # noqa: SLF001  # no other way
            return configure(*args, **kwargs)
        before = {logger: _state(logger) for logger in loggers()}
        try:
            return configure(*args, **kwargs)
        finally:
            for logger in loggers():
                was, became = before.get(logger, _UNTOUCHED), _state(logger)
                if was != became:
                    _configured[logger] = _configured.get(logger, (was, was))[0], became

    return noticed


_UNTOUCHED: _State = ([], logging.NOTSET, True, False)


def _state(logger: logging.Logger) -> _State:
    return list(logger.handlers), logger.level, logger.propagate, logger.disabled


def _file_config(fname: Any, defaults: Any = None, *args: Any, **kwargs: Any) -> None:
    parser = _alembic_ini(fname, defaults)
    if parser is None:
        _FILE_CONFIG(fname, defaults, *args, **kwargs)
    elif not ROUTE.floor:  # ORCHESTRATOR_LOG_LEVEL is set, and wins
        _take_levels(parser)


def _alembic_ini(fname: Any, defaults: Any) -> configparser.RawConfigParser | None:
    """Return the content of the file, if it contains Alembic's settings."""
    parser: configparser.RawConfigParser
    if isinstance(fname, configparser.RawConfigParser):
        parser = fname
    else:
        parser = configparser.RawConfigParser(defaults)
        try:
            if hasattr(fname, "readline"):
                where = fname.tell()
                parser.read_file(fname)
                fname.seek(where)
            else:
                parser.read(fname, encoding="utf-8")
        except (OSError, ValueError, configparser.Error):
            return None
    is_alembic = any(parser.has_option(section, "script_location") for section in parser.sections())
    return parser if is_alembic else None


def _take_levels(parser: configparser.RawConfigParser) -> None:
    names = parser.get("loggers", "keys", fallback="").split(",")
    for section in (f"logger_{name.strip()}" for name in names):
        level = parser.get(section, "level", raw=True, fallback="")
        name = "" if section == "logger_root" else parser.get(section, "qualname", raw=True, fallback="")
        if level and (name or section == "logger_root"):
            _set(logging.getLogger(name), level)
    if parser.get("logger_root", "handlers", raw=True, fallback="").strip() and isinstance(logging.lastResort, StandIn):
        _set(logging.lastResort, "NOTSET")  # a console handler would show every record that its logger takes


def _set(owner: logging.Logger | logging.Handler, level: str) -> None:
    before = owner.level
    with contextlib.suppress(ValueError):  # an unknown level; it must not end the start
        owner.setLevel(level)
        _changed.setdefault(owner, (before, owner.level))

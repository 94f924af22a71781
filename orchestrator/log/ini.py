"""`fileConfig` of Alembic's own ini file, which the stock env.py calls: its levels hold while env.py runs.

The rest of it is meant for a process that migrates and ends. In this one it would put a second handler on the console,
and disable every logger that the app has made so far.
"""

import configparser
import contextlib
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

from orchestrator.log.foreign import StandIn
from orchestrator.log.route import ROUTE

_FILE_CONFIG = logging.config.fileConfig
_changed: dict[logging.Logger | logging.Handler, tuple[int, int]] = {}
"""Level before and since, of what the file has given a level."""


def install() -> None:
    """From now on `logging.config.fileConfig` tells Alembic's file from others."""
    logging.config.fileConfig = _file_config


@contextlib.contextmanager
def env_py_runs() -> Iterator[None]:
    """In here env.py runs; the levels that Alembic's ini file has set are taken back at the end."""
    try:
        yield
    finally:
        while _changed:
            owner, (before, since) = _changed.popitem()
            if owner.level == since:
                owner.setLevel(before)


def _file_config(fname: Any, defaults: Any = None, *args: Any, **kwargs: Any) -> None:
    parser = _alembic_ini(fname, defaults)
    if parser is None:
        _FILE_CONFIG(fname, defaults, *args, **kwargs)
    elif not ROUTE.floor:  # ORCHESTRATOR_LOG_LEVEL says otherwise
        _take_levels(parser)


def _alembic_ini(fname: Any, defaults: Any) -> configparser.RawConfigParser | None:
    """The content of the file, if Alembic's settings stand in it."""
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
    with contextlib.suppress(ValueError):  # fileConfig would raise; it is no reason to stop here
        owner.setLevel(level)
        _changed.setdefault(owner, (before, owner.level))

"""Runs programs that log as real apps do, each in a process, and returns the lines that they write."""

import atexit
import contextlib
import functools
import tempfile
from pathlib import Path
from typing import Any

from tests.unit.programs import Programs
from tests.unit.records import read

IMPORTS = "import uvicorn, alembic, structlog, logging.handlers, yaml, orchestrator.log"
PROLOGUE = """
import json, logging, logging.config, sys, uvicorn, alembic
from orchestrator import log
from orchestrator.events import ProcessStopped
log.CONTEXT.log_format = "json"
log.configure()
def ends():
    log.restore()
    log.log_event(ProcessStopped(uptime_seconds=1.0, exit_code=0))
app = logging.getLogger("app")
def talks():
    app.debug("d")
    app.info("i", extra={"plant": 7})
    app.warning("w %s", 1)
    try:
        1 / 0
    except ZeroDivisionError:
        app.exception("e")
"""
ENDS = "\nends()\n"
LOGURU = "from loguru import logger\n"
ALL, SOME, WARNINGS = ["debug", "info", "warning", "error"], ["info", "warning", "error"], ["warning", "error"]
DICT = {
    "version": 1,
    "formatters": {"f": {"format": "%(asctime)s [%(levelname)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "f"}},
}

ROOT = {"root": {"level": "INFO", "handlers": ["console"]}}

_open = contextlib.ExitStack()
atexit.register(_open.close)


@functools.cache
def _programs() -> Programs:
    """Return a process that has imported everything; each program is a fork of it."""
    directory = _open.enter_context(tempfile.TemporaryDirectory())
    return _open.enter_context(Programs(Path(directory), IMPORTS))


def lines_of(code: str) -> list[dict[str, Any]]:
    """Return the lines of a program that changes logging and then logs an event."""
    lines, stderr = _programs().run(PROLOGUE + code + ENDS)
    assert stderr == ""
    found = [read(line) for line in lines]
    assert found[-1]["event"] == "process_stopped"
    return found[:-1]

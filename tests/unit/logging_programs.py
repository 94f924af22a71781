"""Runs programs that log as real apps do, each in a process, and returns the lines that they write."""

import asyncio
import os
from pathlib import Path
from typing import Any

from tests.harness.prepared import Prepared
from tests.unit.records import read

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


def lines_of(code: str) -> list[dict[str, Any]]:
    """Return the lines of a program that changes logging and then logs an event."""
    stdout, stderr = asyncio.run(_run(PROLOGUE + code + ENDS))
    assert stderr == ""
    found = [read(line) for line in stdout.split("\n")[:-1]]
    assert found[-1]["event"] == "process_stopped"
    return found[:-1]


async def _run(code: str) -> tuple[str, str]:
    """Run a program to its successful end; return its stdout and stderr."""
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    process = await Prepared.start([], env, Path.cwd(), code)
    process.stdin.close()
    stdout, stderr, exit_code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    assert exit_code == 0, (stdout + stderr).decode()
    return stdout.decode(), stderr.decode()

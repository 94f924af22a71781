"""A program that configures the log, run as a process."""

import subprocess
import sys
from typing import Any

from tests.unit.records import read

PROLOGUE = """
import logging, logging.config, os, subprocess, sys, threading, warnings
from pathlib import Path
from orchestrator import log
log.CONTEXT.log_format = "json"
log.configure(level="info")
"""


def run(code: str, *, prologue: str = PROLOGUE, expect: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run a process; returns the lines of its stdout, which must be JSON without exception, and its stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", prologue + code],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == expect, done.stderr
    return [read(line) for line in done.stdout.split("\n")[:-1]], done.stderr

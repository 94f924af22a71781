"""Finds another distribution that installs a package called `orchestrator` and overwrites our files.

pip does not notice that. The search takes too long for every start, so it runs only after a failure. This module
imports no other module of the package, because each may come from the other distribution.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import NoReturn

EXIT_CLASH = 1
_OURS = "startup-orchestrator"
_PACKAGE = "orchestrator"


def others() -> list[str]:
    """Return the other distributions that install a package with our import name."""
    from importlib.metadata import packages_distributions

    return sorted({name for name in packages_distributions().get(_PACKAGE, []) if name != _OURS})


def explanation() -> str:
    """Return a message about the other distributions, with the cure; empty if none are installed."""
    names = " and ".join(others())
    return names and (
        f"{names} and {_OURS} both install a Python package called {_PACKAGE}, and overwrite each other's files: "
        f"uninstall both, then install the one that this environment needs."
    )


def leave(sentence: str, error_type: str, hint: str) -> NoReturn:
    """Write the message as a last event to stdout and as a line to stderr, then exit."""
    event = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "critical",
        "event": "startup_failed",
        "message": sentence,
        "state": "waiting",
        "outcome": "failure",
        "service": "app",
        "version": "",
        "logger": _PACKAGE,
        "schema": 1,
        "boot_id": "",
        "elapsed_seconds": round(time.process_time(), 3),
        "exit_code": EXIT_CLASH,
        "failed_state": "waiting",
        "failed_phase": "",
        "failure_event": "",
        "error_type": error_type,
        "error_code": "",
        "error_message": sentence,
        "hint": hint,
    }
    sys.stderr.write(f"orchestrator: {sentence}\n")
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(EXIT_CLASH)  # without memory, the usual end would write more lines after the last event, or hang

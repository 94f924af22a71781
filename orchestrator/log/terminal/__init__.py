"""The log for a person: plain text in a file or pipe, and on a terminal with colours and a line that shows progress.

A start in a container imports none of this.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from orchestrator.log.terminal.screen import Screen
from orchestrator.log.terminal.text import Text

_DUMB = {"", "dumb", "unknown"}


def renderer() -> Callable[[dict[str, Any]], str]:
    """Return how a line is rendered on this standard output.

    `FORCE_COLOR` asks for colours where no terminal is; `NO_COLOR` and TERM=dumb forbid them (https://no-color.org).
    """
    environ = os.environ
    on_terminal = sys.stdout.isatty() and environ.get("TERM", "") not in _DUMB
    colours = not environ.get("NO_COLOR") and (on_terminal or bool(environ.get("FORCE_COLOR")))
    if on_terminal and not environ.get("CI"):
        return Screen(sys.stdout.fileno(), colours=colours)
    return Text(colours=colours)

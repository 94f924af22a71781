"""Plain lines for a person: time, state, sentence, and below a failure its details; no control characters."""

import re
from typing import Any

from orchestrator.log.terminal.details import details, doing, sentence
from orchestrator.log.terminal.escapes import coloured, visible
from orchestrator.log.terminal.runbook import runbook

_COLOURS = {"warning": "bold", "error": "red", "critical": "bold red"}
_INDENT = " " * 22
_LAST = (
    "The start failed while {doing} (exit code {exit_code}): see {failure_event} above, or "
    "`orchestrator explain {exit_code}`."
)
_LIKE_A_LINE = re.compile(r"^(?=\d\d:\d\d:\d\d)", re.MULTILINE)


class Text:
    """Renders the fields of a line as text."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = _COLOURS if colours else {}

    def __call__(self, fields: dict[str, Any]) -> str:
        """Return one line, and more for details and a traceback."""
        repeats = bool(fields.get("failure_event"))  # the line before has the details
        message = _LAST.format_map({**fields, "doing": doing(fields)}) if repeats else sentence(fields)
        words = visible(message, lines=True).replace("\n", f"\n{_INDENT}")
        words = coloured(words, self._colours.get(fields["level"], ""))
        lines = [f"{fields['timestamp'][11:23]} {fields['state']:<9} {words}"]
        if not repeats:
            lines += [f"{_INDENT} {line}" for line in details(fields)]
            lines += [f"{_INDENT} Runbook: {link.written}"] if (link := runbook(fields)) else []
        return "\n".join([*lines, *traces(fields)])


def traces(fields: dict[str, Any]) -> list[str]:
    """Return the tracebacks of a line; what looks like the beginning of a log line is indented."""
    return [
        _LIKE_A_LINE.sub(_INDENT, visible(str(fields[name]), lines=True))
        for name in ("exception", "stack")
        if name in fields
    ]

"""Lines on a terminal: a mark, the sentence in the width of the window, and one line at the bottom that moves.

10:44:52 ✓ Database is ready! mysql 9.7 answered after 0.2 s (1 attempt).
10:44:53 ✓ Applied revision r1 (1 of 2) in 0.04 s: plants
⠹ Revision r2 (2 of 2): index · statement 3 · ██████░░░░░░░░ 45 % · 12 s
"""

import os
import textwrap
from typing import Any

from orchestrator.log.output import Output
from orchestrator.log.terminal.bottom import ERASE, Bottom
from orchestrator.log.terminal.details import details, doing, sentence
from orchestrator.log.terminal.escapes import coloured, visible
from orchestrator.log.terminal.progress import HIDDEN, Progress
from orchestrator.log.terminal.runbook import runbook
from orchestrator.log.terminal.text import traces

_MARKS = {"warning": ("!", "yellow"), "error": ("✗", "red"), "critical": ("✗", "bold red")}
_WORDS = {"debug": "dim", "error": "red", "critical": "bold red"}
_INDENT = " " * 11
_NARROWEST, _USUAL = 40, 80  # columns


class Screen:
    """Renders lines for a terminal, and draws the line at the bottom."""

    def __init__(self, descriptor: int, *, colours: bool) -> None:
        self._descriptor, self._colours = descriptor, colours
        self._progress = Progress()
        self._bottom = Bottom(self.columns)

    def draw_on(self, output: Output) -> None:
        """Draw the moving line on the terminal from now on."""
        self._bottom.output = output

    def shows(self, record: Any) -> bool:
        """Return whether a record becomes a separate line; the moving line is drawn again after it."""
        event = getattr(record, "orchestrator_event", None)
        if event is None:
            return True
        self._bottom.show(self._progress.observe(event))
        return event["event"] not in HIDDEN or self._progress.is_news(event)

    def columns(self) -> int:
        """Return the width of the window."""
        try:
            found = os.get_terminal_size(self._descriptor).columns
        except OSError:
            found = _USUAL
        return max(found or _USUAL, _NARROWEST)

    def __call__(self, fields: dict[str, Any]) -> str:
        """Return the text of a line; it first erases the line at the bottom."""
        mark, colour = self._mark(fields)
        time = self._in(fields["timestamp"][11:19], "dim")
        first, *rest = (
            self._in(each, self._colour_of_words(fields)) for each in self._wrapped(self._words(fields)) or [""]
        )
        lines = [f"{time} {self._in(mark, colour)} {first}", *rest]
        for line in self._details(fields):
            first, *rest = self._wrapped(line)
            lines += [_INDENT + first, *rest]
        lines += self._runbook(fields)
        return ERASE + "\n".join([*lines, *traces(fields)])

    def _mark(self, fields: dict[str, Any]) -> tuple[str, str]:
        if fields["level"] in _MARKS:
            return _MARKS[fields["level"]]
        return ("✓", "green") if fields["outcome"] == "success" else ("·", "dim")

    def _colour_of_words(self, fields: dict[str, Any]) -> str:
        if fields["event"] == "request":
            status = int(fields["status"])
            return "red" if status >= 500 else "bold" if status >= 400 else ""  # noqa: PLR2004  # of HTTP
        return _WORDS.get(fields["level"], "")

    def _words(self, fields: dict[str, Any]) -> str:
        words = visible(sentence(fields), lines=True)
        match fields["event"]:
            case "request":
                return f"{words}  {fields['duration_seconds'] * 1000:.0f} ms"
            case "server_started":
                host = f"[{fields['host']}]" if ":" in fields["host"] else fields["host"]
                return f"Serving on http://{host}:{fields['port']} after {fields['startup_seconds']:.1f} s"
            case "startup_failed" if fields["failure_event"]:
                code = fields["exit_code"]
                return f"Exit code {code}, while {doing(fields)}; `orchestrator explain {code}` tells more"
            case "log" if fields["logger"] not in {"stdout", "stderr"}:
                return f"{fields['level'].upper()} {visible(fields['logger'])}: {words}"
        return words

    def _details(self, fields: dict[str, Any]) -> list[str]:
        """Return what stands below; the last line of a failed start repeats nothing."""
        if fields["event"] == "server_started":
            return [
                "Ctrl-C stops it. `orchestrator status` shows the database, `orchestrator --help` the other commands."
            ]
        return [] if fields.get("failure_event") else list(details(fields))

    def _runbook(self, fields: dict[str, Any]) -> list[str]:
        """Return the link to the runbook. A broken address leads nowhere: one that is too long begins at the margin."""
        link = None if fields.get("failure_event") else runbook(fields, escapes=True)
        if link is None:
            return []
        if len(f"{_INDENT}Runbook: {link.text}") < self.columns():
            return [f"{_INDENT}Runbook: {link.written}"]
        return [f"{_INDENT}Runbook:", link.written]

    def _wrapped(self, text: str) -> list[str]:
        """Return the lines of a text in the width of the window, between words where that is possible."""
        width, found = self.columns() - len(_INDENT) - 1, []
        for line in text.expandtabs(4).split("\n"):
            inner = " " * (len(line) - len(line.lstrip("→ ")))
            found += textwrap.wrap(line, width, subsequent_indent=inner, break_on_hyphens=False) or [""]
        return [found[0], *(_INDENT + line for line in found[1:])] if found else []

    def _in(self, text: str, colour: str) -> str:
        return coloured(text, colour) if self._colours else text

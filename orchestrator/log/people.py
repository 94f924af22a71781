"""Lines for a person: time, state, event, and what to do about it; no control characters."""

import re
from typing import Any

_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_PLAIN_AGAIN = "\x1b[0m"
_INDENT = " " * 22
# Control characters of C0 and C1, line and paragraph separators, and characters that change the direction of writing. A
# client that requests a path with an escape sequence must not be able to clear the screen or to forge a line.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LIKE_A_LINE = re.compile(r"^(?=\d\d:\d\d:\d\d)", re.MULTILINE)
_UNSAFE_BUT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str, *, lines: bool = False) -> str:
    """Return the text with control characters as escapes; with `lines`, line ends and tabs stay."""
    return (_UNSAFE_BUT_LINES if lines else _UNSAFE).sub(lambda match: ascii(match[0])[1:-1], text)


class Text:
    """Renders the fields of a line as text."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = _COLOURS if colours else {}

    def __call__(self, fields: dict[str, Any]) -> str:
        """Return one line, and further ones for a hint and a traceback."""
        words = visible(fields["message"], lines=True).replace("\n", f"\n{_INDENT}")
        colour = self._colours.get(fields["level"], "")
        lines = [f"{fields['timestamp'][11:23]} {fields['state']:<9} {colour}{words}{colour and _PLAIN_AGAIN}"]
        if fields.get("hint"):
            lines.append(f"{_INDENT} → {visible(fields['hint'])}")
        lines += [_below(str(fields[name])) for name in ("exception", "stack") if name in fields]
        return "\n".join(lines)


def _below(text: str) -> str:
    """Return the lines of a traceback; one that looks like the beginning of a log line is indented."""
    return _LIKE_A_LINE.sub(_INDENT, visible(text, lines=True))

"""Text that is safe on a terminal, and its colours."""

import re

# Control characters of C0 and C1, line and paragraph separators, and characters that change the direction of writing. A
# client that requests a path with an escape sequence must not be able to clear the screen or to forge a line.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNSAFE_BUT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Words are never yellow: on a white terminal that cannot be read.
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "bold red": "1;31"}
_PLAIN_AGAIN = "\x1b[0m"


def visible(text: str, *, lines: bool = False) -> str:
    """Return the text with control characters as escapes; with `lines`, line ends and tabs stay."""
    return (_UNSAFE_BUT_LINES if lines else _UNSAFE).sub(lambda match: ascii(match[0])[1:-1], text)


def coloured(text: str, colour: str) -> str:
    """Return the text in a colour; without one, as it is."""
    return f"\x1b[{_CODES[colour]}m{text}{_PLAIN_AGAIN}" if colour and text else text

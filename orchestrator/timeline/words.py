"""Makes foreign values harmless, and formats durations.

Any program may have written the log, so each value that is shown passes through here once, when it is read.
"""

import math
import unicodedata
from typing import Any

TEXT_LIMIT = 300
"""Characters that are kept of one field: about what a reader reads of it."""


def plain(value: Any, limit: int = TEXT_LIMIT) -> str:
    """Return one line of at most `limit` printable characters; empty if `value` is neither text nor number.

    Control and format characters (ANSI escapes, bidirectional overrides, surrogates, zero width) become spaces: a
    terminal obeys them, XML does not allow them, and they make one text look like another.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value[: 8 * limit]) if isinstance(value, str) else f"{value:.15g}"
    shown = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return cut(" ".join(shown.split()), limit)


def number(value: Any, *, most: float = 1e9) -> float | None:
    """Return `value` if it is a number between 0 and `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most and math.isfinite(value) else None


def cut(text: str, limit: int) -> str:
    """Return `text`, shortened with an ellipsis to `limit` characters."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def duration(seconds: float) -> str:
    """Return seconds with about three digits, in a suitable unit.

    >>> [duration(each) for each in (0, 0.0004, 0.25, 9.87, 42.2, 75, 4000, 200_000)]
    ['0 s', '< 1 ms', '250 ms', '9.9 s', '42 s', '1 min 15 s', '1 h 7 min', '2 d 8 h']
    """
    if seconds < 0.9995:  # noqa: PLR2004  # what would be rounded to 1000 ms
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "< 1 ms" if seconds else "0 s"  # noqa: PLR2004
    if seconds < 9.95:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    """Return the two largest units of a whole number of seconds, without zeros."""
    parts = [
        (seconds // 86_400, "d"),
        (seconds % 86_400 // 3600, "h"),
        (seconds % 3600 // 60, "min"),
        (seconds % 60, "s"),
    ]
    first = next((index for index, (amount, _) in enumerate(parts) if amount), 3)
    told = [f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount]
    return " ".join(told) or "0 s"


def count(amount: int, noun: str) -> str:
    """Return an amount with its noun: 1 start, 1,200 starts."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"

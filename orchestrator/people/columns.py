"""Formats rows of texts as columns for the width of the terminal."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence

_GAP = "  "
_CUT = "…"


def columns(rows: Iterable[Sequence[str]], *, indent: str = "", width: int | None = None) -> list[str]:
    """Return the rows as aligned lines; the last column is cut where the terminal ends.

    Args:
        rows: rows of texts, all with the same number of cells.
        indent: before each line.
        width: of the terminal; by default the current one's, or 120 without a terminal.
    """
    listed = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not listed:
        return []
    widest = [max(map(len, column)) for column in zip(*listed, strict=True)]
    limit = width or terminal_width()
    padded = (_GAP.join(cell.ljust(size) for cell, size in zip(row, widest, strict=True)) for row in listed)
    return [_cut(f"{indent}{line}".rstrip(), limit) for line in padded]


def facts(rows: Iterable[tuple[str, str]], *, indent: str = "", width: int | None = None) -> list[str]:
    """Return names and their values as lines. A long value continues on the next line."""
    listed, limit = list(rows), width or terminal_width()
    widest = max((len(name) for name, _ in listed), default=0)
    hanging = " " * (len(indent) + widest + len(_GAP))
    lines = []
    for name, words in listed:
        first = f"{indent}{name.ljust(widest)}{_GAP}"
        lines += textwrap.wrap(
            words, limit, initial_indent=first, subsequent_indent=hanging, break_on_hyphens=False
        ) or [first.rstrip()]
    return lines


def terminal_width() -> int:
    """Return the columns of the terminal; 120 without one."""
    return shutil.get_terminal_size((120, 24)).columns


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + _CUT

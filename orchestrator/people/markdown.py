"""Markdown for a person at a terminal: in the width of the window, without marks. Code stays as it is."""

import re
import textwrap
from collections.abc import Iterator

from orchestrator.people.columns import facts, terminal_width

_FENCED = re.compile(r"^(```.*?^```)$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_RULE = re.compile(r"[-| ]+")
_PREFIX = re.compile(r"^(?:#+|>) ", re.MULTILINE)
_ITEM = "* "
_BLOCKS = re.compile(r"\n{2,}|\n(?=\* )")
_WIDEST = 100  # columns: longer lines are hard to read


def plain(text: str) -> str:
    """Return Markdown without its marks; a link becomes its text."""
    return _BOLD.sub(r"\1", _LINK.sub(r"\1", text))


def for_terminal(text: str) -> str:
    """Return Markdown as lines in the width of the terminal."""
    width = min(terminal_width(), _WIDEST)
    blocks = (block for piece in _FENCED.split(text) for block in _blocks(piece))
    return "\n".join(line for block in blocks for line in _lines(block, width)).strip() + "\n"


def _blocks(piece: str) -> list[str]:
    return [piece] if piece.startswith("```") else [block for block in _BLOCKS.split(piece) if block.strip()]


def _lines(block: str, width: int) -> Iterator[str]:
    """Yield the lines of a block, below an empty one; items of a list follow one another."""
    if block.startswith(_ITEM):
        yield from _wrapped(block, width, "  ")
        return
    yield ""
    if block.startswith("```"):
        yield from (f"    {line}" for line in block.splitlines()[1:-1])
    elif block.lstrip().startswith("|"):
        yield from _table(block, width)
    else:
        yield from _wrapped(_PREFIX.sub("", block), width)


def _wrapped(text: str, width: int, hanging: str = "") -> list[str]:
    words = " ".join(plain(text).split())
    return textwrap.wrap(words, width, subsequent_indent=hanging, break_on_hyphens=False)


def _table(block: str, width: int) -> list[str]:
    """Return a table of two columns as names with their values."""
    _head, *rows = (line.strip("| ").partition(" | ") for line in block.split("\n") if not _RULE.fullmatch(line))
    return facts(((plain(name.strip()), plain(value.strip())) for name, _, value in rows), indent="  ", width=width)

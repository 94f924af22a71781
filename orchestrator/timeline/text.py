"""The picture for a terminal or a text file: letters, blocks and colours."""

import itertools
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.timeline.axis import Axis
from orchestrator.timeline.phases import End, Kind
from orchestrator.timeline.picture import Bar, Picture, Row
from orchestrator.timeline.summary import Section

NARROWEST, WIDEST = 50, 240
_SEEN = 0.5  # of a cell: a shorter phase between two revisions is not drawn
_LABEL_SHARE, _NOTE_SHARE = 0.3, 0.36
_RESET, _DIM, _BOLD = "\x1b[0m", "\x1b[2m", "\x1b[1m"


@dataclass(frozen=True)
class Paint:
    """The abilities of a terminal.

    Attributes:
        width: Columns.
        colours: Whether it understands ANSI escapes.
        blocks: Whether it has Unicode's block characters.
    """

    width: int
    colours: bool = False
    blocks: bool = True

    def coloured(self, text: str, code: str) -> str:
        """Return `text` in a colour, if the terminal has colours."""
        return f"{code}{text}{_RESET}" if self.colours and text.strip() else text


_BLOCKS = dict(zip(Kind, "·░▒▓▄█━╌▔", strict=True))
_LETTERS = dict(zip(Kind, ".waLm#=di", strict=True))
_COLOURS = dict(zip(Kind, (f"\x1b[38;5;{code}m" for code in (245, 250, 117, 214, 75, 33, 36, 176, 97)), strict=True))
_SPELT = str.maketrans({"·": "-", "→": ">", "…": "~"})
_OPEN = ("┄", "-")
_CUT = ("≈", "~")
_ENDS = {End.FAILED: ("✖", "X", "\x1b[1;31m"), End.STOPPED: ("▐", "|", _DIM), End.REPLACED: ("►", ">", _DIM)}


def render(picture: Picture, paint: Paint) -> str:
    """Return the picture as lines that fit the terminal."""
    width = min(WIDEST, max(NARROWEST, paint.width))
    lines = [*_wrapped(picture.title, width, code=_BOLD, paint=paint)]
    lines += _wrapped(picture.subtitle, width, code=_DIM, paint=paint)
    if picture.rows:
        columns = _Columns.of(picture.rows, width)
        lines += ["", *_legend(picture, width, paint), "", _ticks(picture.axis, columns, paint)]
        lines += [line for row in picture.rows for line in _row(row, picture.axis, columns, paint)]
    lines += [line for section in picture.sections for line in _section(section, width, paint)]
    lines += [line for remark in ("", *picture.remarks) for line in _wrapped(remark, width, code=_DIM, paint=paint)]
    text = "\n".join(lines).rstrip() + "\n"
    return text if paint.blocks else text.translate(_SPELT)


@dataclass(frozen=True)
class _Columns:
    label: int
    bars: int
    note: int

    @classmethod
    def of(cls, rows: Iterable[Row], width: int) -> "_Columns":
        rows = list(rows)
        label = min(int(width * _LABEL_SHARE), max(columns(row.label) for row in rows))
        note = min(int(width * _NOTE_SHARE), max(columns(row.note) for row in rows))
        return cls(label, width - label - note - 4, note)


# ---------------------------------------------------------------- the lanes


def _row(row: Row, axis: Axis, widths: _Columns, paint: Paint) -> Iterator[str]:
    label, note = fitted(row.label, widths.label), fitted(row.note, widths.note).rstrip()
    bad = row.end is End.FAILED
    note = paint.coloured(note, _ENDS[End.FAILED][2]) if bad else note
    yield f"{label}  {_bars(row, axis, widths.bars, paint)}  {note}".rstrip()
    for detail in row.details:
        yield from _wrapped(detail, widths.label + widths.bars + widths.note + 4, indent=4, code=_DIM, paint=paint)


def _bars(row: Row, axis: Axis, width: int, paint: Paint) -> str:
    cells: list[tuple[str, str]] = [(" ", "")] * width
    for bar in sorted(row.bars, key=lambda bar: axis.position(bar.began) - axis.position(bar.ended)):
        if bar.kind is not Kind.MIGRATING or (axis.position(bar.ended) - axis.position(bar.began)) * width > _SEEN:
            _fill(cells, bar, axis, paint)
    if row.end in _ENDS:
        blocks, letter, code = _ENDS[row.end]
        at = min(width - 1, int(axis.position(row.ended) * width))
        cells[at] = (blocks if paint.blocks else letter, code)
    runs = itertools.groupby(cells, key=lambda cell: cell[1])
    return "".join(paint.coloured("".join(sign for sign, _ in run), code) for code, run in runs)


def _fill(cells: list[tuple[str, str]], bar: Bar, axis: Axis, paint: Paint) -> None:
    """Fill at least one cell; short bars are drawn last, above long ones."""
    width = len(cells)
    began = min(width - 1, int(axis.position(bar.began) * width))
    ended = max(began + 1, round(axis.position(bar.ended) * width))
    sign = (_BLOCKS if paint.blocks else _LETTERS)[bar.kind]
    cells[began:ended] = [(sign, _COLOURS[bar.kind])] * (min(ended, width) - began)
    if bar.open:
        cells[ended:] = [(_OPEN[not paint.blocks], _COLOURS[bar.kind])] * (width - ended)


def _ticks(axis: Axis, widths: _Columns, paint: Paint) -> str:
    line = [" "] * widths.bars
    free = 0
    for piece in axis.pieces:
        if piece.quiet:
            line[min(widths.bars - 1, int((piece.left + piece.right) / 2 * widths.bars))] = _CUT[not paint.blocks]
    for tick in axis.ticks(max(2, widths.bars // 12)):
        at = min(int(axis.position(tick.at) * widths.bars), widths.bars - len(tick.label))
        if at >= free and not "".join(line[max(0, at - 1) : at + len(tick.label)]).strip():
            line[at : at + len(tick.label)] = tick.label
            free = at + len(tick.label) + 2
    return paint.coloured(f"{'':{widths.label}}  {''.join(line)}".rstrip(), _DIM)


# ---------------------------------------------------------------- above and below them


def _legend(picture: Picture, width: int, paint: Paint) -> Iterator[str]:
    signs = _BLOCKS if paint.blocks else _LETTERS
    shown = {bar.kind for row in picture.rows for bar in row.bars}
    entries = [(signs[kind], _COLOURS[kind], kind.value) for kind in picture.kinds if kind in shown]
    ends = {row.end for row in picture.rows}
    entries += [(_ENDS[end][not paint.blocks], _ENDS[end][2], end.value) for end in _ENDS if end in ends]
    if End.OPEN in ends:
        entries.append((_OPEN[not paint.blocks], _DIM, f"{End.OPEN.value}: still running, or killed"))
    if any(piece.quiet for piece in picture.axis.pieces):
        entries.append((_CUT[not paint.blocks], _DIM, "cut short"))
    line, used = "", 0
    for sign, code, name in entries:
        if used and used + len(name) + 4 > width:
            yield line.rstrip()
            line, used = "", 0
        line += f"{paint.coloured(sign, code)} {name}  "
        used += len(name) + 4
    yield line.rstrip()


def _section(section: Section, width: int, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint.coloured(section.heading, _BOLD)
    for item in section.items:
        yield from _wrapped(f"{item.head}  {item.text}".rstrip(), width, indent=2, paint=paint)
        for each in item.more:
            yield from _wrapped(each, width, indent=4, paint=paint)


def _wrapped(text: str, width: int, *, indent: int = 0, code: str = "", paint: Paint) -> Iterator[str]:
    space = " " * indent
    if columns(text) != len(text):  # textwrap counts characters
        width //= 2
    lines = textwrap.wrap(text, width, initial_indent=space, subsequent_indent=space + "  " * bool(indent))
    return (paint.coloured(line, code) if code else line for line in lines or [""])


def columns(text: str) -> int:
    """Return how many columns a terminal needs for `text`."""
    return sum(_column(each) for each in text)


def _column(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitted(text: str, width: int) -> str:
    """Return `text` in exactly `width` columns, shortened with an ellipsis if needed."""
    if columns(text) > width:
        while text and columns(text) > width - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text + " " * (width - columns(text))

"""The picture as one SVG file without scripts, fonts and addresses; the same input gives the same bytes."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from orchestrator.timeline.canvas import FAILED, FONT, GREY, INK, PAPER, Canvas, Style
from orchestrator.timeline.lanes import CUT, FILLS, MARGIN, WIDTH, draw_lanes
from orchestrator.timeline.phases import End, Kind
from orchestrator.timeline.picture import Picture
from orchestrator.timeline.summary import Item, Section
from orchestrator.timeline.words import count

_TITLE, _SUBTITLE, _HEADING = Style(21, bold=True), Style(13, GREY), Style(14, bold=True)
_LEGEND, _REMARK, _BODY, _MORE = Style(12, GREY), Style(12, GREY), Style(12.5), Style(12.5, GREY)
_DESCRIBED = 200  # lanes: a screen reader reads them all
_SWATCH = 14.0


def render(picture: Picture) -> bytes:
    """Return the picture as SVG, in UTF-8."""
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "font-family": FONT})
    root.set("aria-label", f"{picture.title}. {picture.subtitle}".rstrip(". ") + ".")
    canvas = Canvas(root)
    canvas.titled(picture.title)
    canvas.draw("desc").element.text = _description(picture)
    paper = canvas.draw("rect", width=WIDTH, fill=PAPER).element
    height = str(round(_content(canvas, picture) + MARGIN - 6))
    paper.set("height", height)
    for name, value in (("viewBox", f"0 0 {WIDTH:.0f} {height}"), ("width", f"{WIDTH:.0f}"), ("height", height)):
        root.set(name, value)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _content(canvas: Canvas, picture: Picture) -> float:
    """Draw the picture from top to bottom; return where it ends."""
    width = WIDTH - 2 * MARGIN
    y = canvas.lines(picture.title, MARGIN, MARGIN + 20, _TITLE, width)
    if picture.subtitle:
        y = canvas.lines(picture.subtitle, MARGIN, y + 22, _SUBTITLE, width)
    if picture.rows:
        y = draw_lanes(canvas, picture, _legend(canvas, picture, y + 30))
    for section in picture.sections:
        y = _section(canvas, section, y + 30)
    for remark in picture.remarks:
        y = canvas.lines(remark, MARGIN, y + 26, _REMARK, width)
    return y


def _description(picture: Picture) -> str:
    """Return the text that a screen reader reads."""
    rows = "; ".join(f"{row.label}: {row.note}" for row in picture.rows[:_DESCRIBED])
    return f"A timeline with {count(len(picture.rows), 'lane')}. {rows}".rstrip()


# ---------------------------------------------------------------- above the lanes


def _legend(canvas: Canvas, picture: Picture, y: float) -> float:
    x = MARGIN
    for sign, name in _legend_entries(picture):
        width = _LEGEND.width(name) + 40
        if x + width > WIDTH - MARGIN:
            x, y = MARGIN, y + 22
        _swatch(canvas, sign, x, y - 4, beside=any(row.beside for row in picture.rows))
        canvas.text(name, x + 20, y, _LEGEND)
        x += width
    return y


def _legend_entries(picture: Picture) -> Iterator[tuple[Kind | End | None, str]]:
    yield from ((kind, kind.value) for kind in picture.kinds)
    if any(piece.quiet for piece in picture.axis.pieces):
        yield None, "cut short"
    ends = {row.end for row in picture.rows}
    yield from ((end, end.value) for end in (End.FAILED, End.STOPPED, End.REPLACED) if end in ends)
    if End.OPEN in ends:
        yield End.OPEN, f"{End.OPEN.value}: still running, or killed"


def _swatch(canvas: Canvas, sign: Kind | End | None, x: float, middle: float, *, beside: bool) -> None:
    height = 3.0 if beside and sign is Kind.IMPORT else 12.0
    if sign is End.OPEN:
        canvas.open_bar(x, middle - 6, (_SWATCH, height), FILLS[Kind.SERVING])
    elif isinstance(sign, End):
        canvas.end_mark(sign, x + (0 if sign is End.FAILED else _SWATCH / 2), middle, 5)
    else:
        fill = FILLS[sign] if sign else CUT
        canvas.draw("rect", x=x, y=middle - height / 2, width=_SWATCH, height=height, rx=min(2, height / 2), fill=fill)


# ---------------------------------------------------------------- below the lanes


def _section(canvas: Canvas, section: Section, y: float) -> float:
    canvas.text(section.heading, MARGIN, y, _HEADING)
    head = Style(12.5, FAILED if section.bad else INK, bold=True)
    column = max(60.0, *(head.width(item.head) for item in section.items)) + 16
    for item in section.items:
        y = _item(canvas, item, y + 23, head, column)
    return y


def _item(canvas: Canvas, item: Item, y: float, head: Style, column: float) -> float:
    canvas.text(item.head, MARGIN, y, head)
    texts = [*([(item.text, _BODY)] if item.text else []), *((more, _MORE) for more in item.more)]
    for text, style in texts:
        y = canvas.lines(text, MARGIN + column, y, style, WIDTH - 2 * MARGIN - column) + 17
    return y - 17 if texts else y

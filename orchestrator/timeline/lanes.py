"""The lanes of the SVG: their places, their bars, and the texts in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.timeline.axis import Axis, Piece
from orchestrator.timeline.canvas import FAILED, GREY, INK, LINE, PAPER, Canvas, Style
from orchestrator.timeline.phases import End, Kind
from orchestrator.timeline.picture import Bar, Picture, Row
from orchestrator.timeline.words import duration

WIDTH, MARGIN = 1200.0, 32.0
# Colours after Okabe and Ito, which colour-blind readers can distinguish; their lightness differs too, for grey
# printers.
FILLS = {
    Kind.PROCESS: "#d0d7de",
    Kind.WAITING: "#aeb8c2",
    Kind.APP: "#b9dcf2",
    Kind.LOCK: "#f0a830",
    Kind.MIGRATING: "#8db8d9",
    Kind.REVISION: "#0b5c96",
    Kind.SERVING: "#3fae8a",
    Kind.DRAINING: "#cc8ab3",
    Kind.IMPORT: "#7a4fa3",
}
CUT = "#e6eaee"
_STRIPE = "#f6f8fa"
_WHITE_ON = frozenset({Kind.REVISION, Kind.IMPORT})
_THINNEST = 1.5  # pixels: shorter phases are still seen
_SMALLEST = 8.0  # letters that are read
_GAP = 14.0  # between the axis and the columns beside it
_SIZES = ((16, 34.0, 20.0, 12.5), (60, 26.0, 15.0, 11.5), (10**9, 16.0, 10.0, 9.5))  # up to so many rows
_DETAIL = Style(11, GREY)
_DETAIL_HEIGHT = 15.0
_TALL = 700.0  # pixels: the axis is then labelled at the bottom too


@dataclass(frozen=True)
class Layout:
    """The places of rows and columns, in pixels.

    Attributes:
        labels: Width of the column on the left.
        notes: Width of the column on the right.
        row: Height of a row without details.
        bar: Height of a bar.
        size: Font size.
    """

    labels: float
    notes: float
    row: float
    bar: float
    size: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Layout":
        """Return a layout with rows as high as their number allows and columns as wide as their texts."""
        row, bar, size = next(sizes for most, *sizes in _SIZES if len(rows) <= most)
        labels = min(260.0, max(Style(size).width(each.label) for each in rows))
        notes = min(240.0, max(_note_style(each, size).width(each.note) for each in rows))
        return cls(labels, notes, row, bar, size)

    @property
    def left(self) -> float:
        """Return where the axis begins."""
        return MARGIN + self.labels + _GAP

    @property
    def right(self) -> float:
        """Return where the axis ends."""
        return WIDTH - MARGIN - self.notes - _GAP

    def x(self, axis: Axis, moment: float) -> float:
        """Return the place of a moment."""
        return round(self.left + (self.right - self.left) * axis.position(moment), 2)

    def extent(self, axis: Axis, bar: Bar) -> tuple[float, float]:
        """Return where a bar begins, and its width."""
        x = self.x(axis, bar.began)
        return x, round(max(_THINNEST, self.x(axis, bar.ended) - x), 2)

    def details(self, row: Row) -> list[str]:
        """Return the lines below a row."""
        return [line for detail in row.details for line in _DETAIL.wrapped(detail, WIDTH - 2 * MARGIN)]


def _note_style(row: Row, size: float) -> Style:
    failed = row.end is End.FAILED
    return Style(size, FAILED if failed else GREY, bold=failed)


def draw_lanes(canvas: Canvas, picture: Picture, y: float) -> float:
    """Draw axis and lanes below `y`; return where they end."""
    place = Layout.of(picture.rows)
    heights = [place.row + _DETAIL_HEIGHT * len(place.details(row)) for row in picture.rows]
    top = y + 40
    height = top, top + sum(heights)
    stripes = canvas.group()
    _scale(canvas.group(), picture.axis, place, height)
    for index, (row, high) in enumerate(zip(picture.rows, heights, strict=True)):
        if index % 2 == 0:
            stripes.draw("rect", x=MARGIN - 10, y=top, width=WIDTH - 2 * MARGIN + 20, height=high, fill=_STRIPE)
        _lane(canvas.group(), row, picture.axis, place, top)
        top += high
    return height[1] + 16 * _is_tall(height)


# ---------------------------------------------------------------- the axis


def _scale(canvas: Canvas, axis: Axis, place: Layout, height: tuple[float, float]) -> None:
    """Draw the cuts, and the moments whose labels do not overlap."""
    style = Style(11, GREY, anchor="middle")
    top, bottom = height
    taken = [span for piece in axis.pieces if piece.quiet for span in _cut(canvas, axis, piece, place, height)]
    for tick in axis.ticks(9):
        x, half = place.x(axis, tick.at), style.width(tick.label) / 2 + 4
        if all(right <= x - half or x + half <= left for left, right in taken):
            taken.append((x - half, x + half))
            canvas.draw("line", x1=x, x2=x, y1=top, y2=bottom, stroke=LINE)
            for y in (top - 8, bottom + 16)[: 1 + _is_tall(height)]:
                canvas.text(tick.label, x, y, style)
    canvas.draw("line", x1=place.left, x2=place.right, y1=top, y2=top, stroke=GREY)


def _is_tall(height: tuple[float, float]) -> bool:
    """Return whether the axis has labels at the bottom too."""
    top, bottom = height
    return bottom - top > _TALL


def _cut(
    canvas: Canvas, axis: Axis, piece: Piece, place: Layout, height: tuple[float, float]
) -> Iterator[tuple[float, float]]:
    """Draw a cut; yield the space that its label takes, if it has room for one."""
    style = Style(10.5, GREY, italic=True, anchor="middle")
    left, right = place.x(axis, piece.began), place.x(axis, piece.ended)
    top, bottom = height
    label = f"{duration(piece.ended - piece.began)} cut"
    canvas.draw("rect", x=left, y=top - 4, width=right - left, height=bottom - top + 4, fill=CUT).titled(label)
    middle, half = (left + right) / 2, style.width(label) / 2 + 4
    if 2 * half <= right - left + 16:
        canvas.text(label, middle, top - 8, style)
        yield middle - half, middle + half


# ---------------------------------------------------------------- a lane


def _lane(canvas: Canvas, row: Row, axis: Axis, place: Layout, top: float) -> None:
    middle = top + place.row / 2 - (2 if row.beside else 0)
    base = middle + place.size * 0.36
    label, note = Style(place.size), _note_style(row, place.size)
    canvas.text(label.fitted(row.label, place.labels), MARGIN, base, label)
    _bars(canvas, row, axis, place, middle - place.bar / 2)
    canvas.text(note.fitted(row.note, place.notes), WIDTH - MARGIN - place.notes, base, note)
    over_grid: dict[str, str | float] = {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 4}
    for index, line in enumerate(place.details(row)):
        canvas.text(line, MARGIN, top + place.row + _DETAIL_HEIGHT * index + 5, _DETAIL, **over_grid)


def _bars(canvas: Canvas, row: Row, axis: Axis, place: Layout, top: float) -> None:
    """Draw the long bars first, so that short ones stay visible above them."""
    for bar in sorted(row.bars, key=lambda bar: axis.position(bar.began) - axis.position(bar.ended)):
        _bar(canvas, bar, axis, place, top)
    if row.beside:
        x, width = place.extent(axis, row.beside)
        y, height, fill = top + place.bar + 1.5, place.bar * 0.16, FILLS[row.beside.kind]
        canvas.draw("rect", x=x, y=y, width=width, height=height, fill=fill).titled(row.beside.title)
    for label in labels(row, axis, place):
        canvas.text(
            label.text, label.x, top + place.bar / 2 + label.style.size * 0.35, label.style, pointer_events="none"
        )
    if row.end:
        x = min(place.x(axis, row.ended), place.right - place.bar)
        canvas.end_mark(row.end, x, top + place.bar / 2, place.bar * 0.42)


def _bar(canvas: Canvas, bar: Bar, axis: Axis, place: Layout, top: float) -> None:
    x, width = place.extent(axis, bar)
    edge = {"stroke": PAPER, "stroke_width": "0.8"} if width > 4 * _THINNEST else {}
    canvas.draw("rect", x=x, y=top, width=width, height=place.bar, fill=FILLS[bar.kind], **edge).titled(bar.title)
    if bar.open:
        canvas.open_bar(x + width, top, (place.right - x - width, place.bar), FILLS[bar.kind])


@dataclass(frozen=True)
class Label:
    """A text in a bar, from `x` over `width` pixels."""

    text: str
    x: float
    width: float
    style: Style


def labels(row: Row, axis: Axis, place: Layout) -> list[Label]:
    """Return the longest text that fits, for each bar that has one."""
    size = min(place.size - 1, place.bar * 0.62)
    found = []
    for bar in row.bars if size >= _SMALLEST else ():
        x, width = place.extent(axis, bar)
        style = Style(size, PAPER if bar.kind in _WHITE_ON else INK)
        text = next((text for text in bar.texts if style.width(text) <= width - 10), "")
        if text:
            found.append(Label(text, x + 5, style.width(text), style))
    return found

"""Drawing in SVG, and the width of a text in any font that the reader may have."""

import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.timeline.phases import End

INK, GREY, LINE, PAPER, FAILED = "#1b1f24", "#57606a", "#d8dee4", "#ffffff", "#9b1c1c"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_BOLDER = 1.1  # times as wide


@dataclass(frozen=True)
class Style:
    """The look of a text; the size is in pixels."""

    size: float
    fill: str = INK
    bold: bool = False
    italic: bool = False
    anchor: str = ""

    def width(self, text: str) -> float:
        """Return the largest width in pixels, in any common sans-serif font."""
        return sum(map(_advance, text)) * self.size * (_BOLDER if self.bold else 1)

    def fitted(self, text: str, width: float) -> str:
        """Return `text`, shortened with an ellipsis if it is wider."""
        if self.width(text) <= width + 0.5:
            return text
        while text and self.width(f"{text}…") > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def wrapped(self, text: str, width: float) -> list[str]:
        """Return lines of at most `width` pixels; a wider word is cut."""
        lines: list[str] = []
        for word in self._words(text.split(), width):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _words(self, words: Iterable[str], width: float) -> Iterator[str]:
        for word in words:
            rest = word
            while self.width(rest) > width:
                head = next(end for end in range(len(rest), 0, -1) if end == 1 or self.width(rest[:end]) <= width)
                yield rest[:head]
                rest = rest[head:]
            yield rest


def _advance(character: str) -> float:
    """Return the width of a character in units of the font size; generous, because the font is unknown."""
    if unicodedata.combining(character):
        return 0.0
    if not character.isascii():
        return 1.05 if unicodedata.east_asian_width(character) in "WFA" else 0.75
    if character in "ijl.,:;|'! ":
        return 0.34
    if character in "mwMW@%&":
        return 0.95
    return 0.72 if character.isupper() else 0.6


class Canvas:
    """A group of elements. ElementTree escapes all text."""

    def __init__(self, element: ET.Element) -> None:
        self.element = element

    def group(self) -> "Canvas":
        """Return a group that is drawn at this place in the order, whenever it is filled."""
        return Canvas(ET.SubElement(self.element, "g"))

    def draw(self, tag: str, **attributes: str | float) -> "Canvas":
        """Add an element; `_` in attribute names stands for `-`."""
        given = {name.replace("_", "-"): _figure(value) for name, value in attributes.items()}
        return Canvas(ET.SubElement(self.element, tag, given))

    def titled(self, title: str) -> None:
        """Add a tooltip."""
        ET.SubElement(self.element, "title").text = title

    def text(self, text: str, x: float, y: float, style: Style, **attributes: str | float) -> None:
        """Add a text on one line, with its baseline at `y`."""
        if style.bold:
            attributes["font_weight"] = "600"
        if style.italic:
            attributes["font_style"] = "italic"
        if style.anchor:
            attributes["text_anchor"] = style.anchor
        self.draw("text", x=x, y=y, font_size=style.size, fill=style.fill, **attributes).element.text = text

    def lines(self, text: str, x: float, y: float, style: Style, width: float) -> float:
        """Add a text on as many lines as it needs; return the baseline of the last one."""
        for index, line in enumerate(style.wrapped(text, width)):
            y += style.size * 1.35 * bool(index)
            self.text(line, x, y, style)
        return y

    def end_mark(self, end: End, x: float, y: float, half: float) -> None:
        """Draw a cross in a white disc after a lane's end, or a line across it."""
        if end in {End.STOPPED, End.REPLACED}:
            self.draw("line", x1=x, x2=x, y1=y - half * 1.3, y2=y + half * 1.3, stroke=INK, stroke_width=2)
        elif end is End.FAILED:
            x += half * 1.25 + 1
            self.draw("circle", cx=x, cy=y, r=half * 1.25, fill=PAPER, stroke=FAILED, stroke_width=1.4)
            for slope in (1, -1):
                arm, rise = half * 0.6, half * 0.6 * slope
                self.draw("line", x1=x - arm, x2=x + arm, y1=y - rise, y2=y + rise, stroke=FAILED, stroke_width=2)

    def open_bar(self, x: float, y: float, size: tuple[float, float], fill: str) -> None:
        """Draw a bar of unknown length: faint, dashed, and open on the right."""
        width, height = size
        if width > 0:
            middle = y + height / 2
            self.draw("rect", x=x, y=y, width=width, height=height, fill=fill, fill_opacity=0.25)
            self.draw("line", x1=x, x2=x + width, y1=middle, y2=middle, stroke=fill, stroke_dasharray="3 3")


def _figure(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")

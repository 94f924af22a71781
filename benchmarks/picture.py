"""The picture of docs/benchmarks.md: how long a start takes, and how far each figure is from its goal.

It has no background and follows the colours of the reader's system, light or dark.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.conditions import QUIET
from benchmarks.results import other_runs

FILE = Path(__file__).parents[1] / "docs" / "benchmarks.svg"
_WIDTH, _LEFT, _RIGHT = 1040, 470, 800
_STYLE = """
svg { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; color-scheme: light dark;
  --ink: #1b1f24; --grey: #57606a; --line: #d0d7de;
  --ours: #0969da; --script: #bf8700; --bare: #8c959f; --missed: #bc4c00 }
@media (prefers-color-scheme: dark) { svg {
  --ink: #e6edf3; --grey: #9198a1; --line: #3d444d;
  --ours: #4493f8; --script: #d29922; --bare: #6e7681; --missed: #f0883e } }
text { fill: var(--ink); font-size: 13px }
.head { font-size: 16px; font-weight: 600 }
.small { fill: var(--grey); font-size: 12px }
.end { text-anchor: end }
.middle { text-anchor: middle }
.ours { fill: var(--ours) }
.script { fill: var(--script) }
.bare { fill: var(--bare) }
.missed { fill: var(--missed) }
.axis { stroke: var(--line) }
.goal { stroke: var(--ink); stroke-width: 1.5 }
.whisker { stroke-width: 2; opacity: .55 }
.whisker.ours { stroke: var(--ours) }
.whisker.missed { stroke: var(--missed) }
"""
_STARTS = (
    ("At head, to the first served request", 1, "served", ""),
    ("With 20 pending revisions, to the first served request", 2, "served", ", pending"),
    ("At head, to the first answer of any kind", 3, "answer", ""),
)
_WAYS = {"orchestrator": "ours", "uvicorn": "bare", "startup.sh": "script"}
_NAMES = {"orchestrator": "orchestrator", "uvicorn": "uvicorn alone", "startup.sh": "startup.sh"}
_OPPONENTS = ("startup.sh", "uvicorn", "alembic")
_DOUBLINGS = 2  # the scale ends at so many, on either side of the goal


class _Drawing:
    """Elements below one another; `y` is where the next one begins."""

    def __init__(self) -> None:
        self.root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        ET.SubElement(self.root, "title").text = "The orchestrator beside startup.sh and uvicorn alone"
        ET.SubElement(self.root, "style").text = _STYLE
        self.y = 28.0

    def text(self, text: str, x: float, style: str = "") -> None:
        """Write at the height of now."""
        ET.SubElement(self.root, "text", {"x": f"{x:g}", "y": f"{self.y:g}", "class": style}).text = text

    def draw(self, tag: str, style: str, **attributes: float) -> None:
        """Draw an element."""
        ET.SubElement(self.root, tag, {name: f"{value:.1f}" for name, value in attributes.items()} | {"class": style})


def drawn(results: dict[str, Any]) -> str:
    """Return the picture as SVG."""
    drawing = _Drawing()
    _starts(drawing, results["rows"])
    _goals(drawing, [row for row in results["rows"] if row["goal"]])
    drawing.y += 24
    machine, others = results["machine"], results["others"]["during"]
    about = (
        f"make bench, {results['date']}, commit {results['commit']}, {machine['cores']} cores of {machine['processor']}"
    )
    if others > QUIET:
        about += f"; not quiet, others used {others:.0%} of it"
    for line in (about, *other_runs(results)):
        drawing.text(line.replace("`", ""), 16, "small")
        drawing.y += 18
    drawing.y -= 18
    drawing.root.set("viewBox", f"0 0 {_WIDTH} {drawing.y + 16:g}")
    ET.indent(drawing.root)
    return ET.tostring(drawing.root, encoding="unicode") + "\n"


def _starts(drawing: _Drawing, rows: Sequence[dict[str, Any]]) -> None:
    """Bars of seconds; nothing if no start was measured."""
    groups = [(title, _seconds(rows, number, figure, state)) for title, number, figure, state in _STARTS]
    groups = [(title, seconds) for title, seconds in groups if seconds]
    if not groups:
        return
    longest = max(value for _, seconds in groups for value in seconds.values())
    drawing.text("How long a start takes, in seconds (shorter is better)", 16, "head")
    for title, seconds in groups:
        drawing.y += 30
        drawing.text(title, 16)
        for way, value in seconds.items():
            width = (_RIGHT - _LEFT) * value / longest
            drawing.draw("rect", _WAYS[way], x=_LEFT, y=drawing.y - 11, width=width, height=14, rx=2)
            drawing.text(f"{value:.2f}  {_NAMES[way]}", _LEFT + width + 8, "small")
            drawing.y += 19
        drawing.y -= 19
    drawing.y += 50


def _seconds(rows: Sequence[dict[str, Any]], number: int, figure: str, state: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in rows:
        if row["number"] == number:
            found |= row["medians"]
    names = {way: f"{way}{state}: {figure}" for way in _WAYS}
    return {way: found[name] for way, name in names.items() if name in found}


def _goals(drawing: _Drawing, rows: Sequence[dict[str, Any]]) -> None:
    """A dot for each figure, left of the line if its goal is reached."""
    drawing.text("Each figure against its goal (left of the line: reached)", 16, "head")
    top = drawing.y + 36
    for steps in range(-_DOUBLINGS, _DOUBLINGS + 1):
        x, end = _place(2.0**steps), top + 24 * len(rows)
        drawing.draw("line", "goal" if steps == 0 else "axis", x1=x, x2=x, y1=top - 8, y2=end - 6)
    drawing.y += 22
    for text, steps in (("a quarter", -2), ("half", -1), ("goal", 0), ("twice", 1), ("four times", 2)):
        drawing.text(text, _place(2.0**steps), "small middle")
    for row in rows:
        drawing.y += 24
        _goal(drawing, row)
    drawing.y += 12


def _goal(drawing: _Drawing, row: dict[str, Any]) -> None:
    style = "ours" if row["reached"] else "missed"
    drawing.text(f"{row['number']}", 36, "small end")
    beside = f" · {row['against']}" if row["against"] in _OPPONENTS else ""
    drawing.text(f"{row['what']}{beside}", 46, style="" if row["reached"] else "missed")
    low, high = (_place(_distance(row, each)) for each in row["spread"])
    drawing.draw("line", f"whisker {style}", x1=low, x2=high, y1=drawing.y - 4, y2=drawing.y - 4)
    drawing.draw("circle", style, cx=_place(_distance(row, row["value"])), cy=drawing.y - 4, r=5)
    drawing.text(f"{row['figure']}", _RIGHT + 80, "end")
    drawing.text(f"goal {row['goal']}", _RIGHT + 90, "small")


def _distance(row: dict[str, Any], value: float) -> float:
    """Return how many times the goal a value is; below 1 is better for either kind of goal."""
    return float(value / row["limit"] if row["sense"] == "at_most" else row["limit"] / value)


def _place(distance: float) -> float:
    """Return the place on the scale of doublings; what is beyond its ends stands at them."""
    doublings = math.log2(distance) if distance > 0 else -_DOUBLINGS
    share = (min(_DOUBLINGS, max(-_DOUBLINGS, doublings)) + _DOUBLINGS) / (2 * _DOUBLINGS)
    return _LEFT + 20 + share * (_RIGHT - _LEFT - 20)


def write(results: dict[str, Any]) -> None:
    """Draw the picture of these results."""
    FILE.write_text(drawn(results))

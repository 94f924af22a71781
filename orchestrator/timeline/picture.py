"""The picture, independent of its format: rows of bars over a common time axis, and the text below.

With several starts, each is a row. With a single start, each phase is a row. Times are seconds on the axis; 0 is the
beginning of the first start.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.timeline.axis import Axis, axis
from orchestrator.timeline.names import in_order, lane_names, subtitle, title
from orchestrator.timeline.phases import End, Kind, Phase, Story
from orchestrator.timeline.summary import Section, sections, told
from orchestrator.timeline.words import duration

MAX_REVISIONS = 60  # with a row each, if there is only one start
_TOO_SHORT = 100  # phases this many times shorter than the whole get no row


@dataclass(frozen=True)
class Bar:
    """A phase on the axis.

    Attributes:
        texts: Texts for the inside of the bar, the longest first.
        title: The tooltip, with all details.
        open: It continues after its end, for a time that the log does not give.
    """

    kind: Kind
    began: float
    ended: float
    texts: tuple[str, ...]
    title: str
    open: bool = False


@dataclass(frozen=True)
class Row:
    """One lane.

    Attributes:
        label: The process or the phase.
        note: Its outcome.
        bars: In sequence, without overlap.
        beside: What happened at the same time.
        end: How it ended, at `ended`, if that should be marked.
        details: Further text below it, one sentence each.
    """

    label: str
    note: str
    bars: tuple[Bar, ...]
    beside: Bar | None = None
    end: End | None = None
    ended: float = 0.0
    details: tuple[str, ...] = ()

    @property
    def all_bars(self) -> tuple[Bar, ...]:
        """Return all bars, including the one beside."""
        return (*self.bars, self.beside) if self.beside else self.bars


@dataclass(frozen=True)
class Picture:
    """The whole picture, ready to be drawn."""

    title: str
    subtitle: str
    axis: Axis
    rows: tuple[Row, ...]
    kinds: tuple[Kind, ...]
    sections: tuple[Section, ...]
    remarks: tuple[str, ...]


def picture(stories: Sequence[Story], remarks: Sequence[str] = ()) -> Picture:
    """Return the picture of some starts, in any order, with `remarks` at the end."""
    if not stories:
        return Picture("No start in this log", "", axis([(0.0, 1.0)], 1.0), (), (), (), tuple(remarks))
    origin = min(each.start.began for each in stories)
    ordered = in_order(stories)
    names = lane_names(ordered)
    rows = _rows_of_one(ordered[0]) if len(ordered) == 1 else [_row(each, names, origin) for each in ordered]
    return Picture(
        title=title(ordered),
        subtitle=subtitle(ordered, origin),
        axis=_axis(ordered, origin),
        rows=tuple(rows),
        kinds=tuple(kind for kind in Kind if any(bar.kind is kind for row in rows for bar in row.all_bars)),
        sections=tuple(section for section in sections(ordered, names) if section.items),
        remarks=(*_left_out(ordered), *remarks),
    )


# ---------------------------------------------------------------- where they are drawn


def _axis(stories: Iterable[Story], origin: float) -> Axis:
    """Return an axis that shows everything to scale, except serving while no other start does anything."""
    busy, until = [], 0.0
    for each in stories:
        offset = each.start.began - origin
        busy += [(offset + p.began, offset + p.ended) for p in each.phases if p.kind is not Kind.SERVING]
        if each.app_load:
            busy.append((offset + each.app_load.began, offset + each.app_load.ended))
        until = max(until, offset + each.ended)
    room = 0.05 * sum(piece.ended - piece.began for piece in axis(busy, until).pieces if not piece.quiet)
    return axis(busy, until + room)


def _row(story: Story, names: dict[str, str], origin: float) -> Row:
    offset = story.start.began - origin
    last = len(story.phases) - 1
    bars = [
        _bar(phase, offset, names, open_end=story.end is End.OPEN and index == last)
        for index, phase in enumerate(story.phases)
    ]
    beside = _bar(story.app_load, offset, names) if story.app_load else None
    ended = offset + story.ended
    return Row(names[story.start.boot_id], story.outcome, tuple(bars), beside, story.end, ended)


def _rows_of_one(story: Story) -> list[Row]:
    """Return a row per phase; of very many revisions, the slowest and the last, which may be the failed one."""
    revisions = [phase for phase in story.phases if phase.kind is Kind.REVISION]
    kept = {id(phase) for phase in (*sorted(revisions, key=lambda p: -p.seconds)[: MAX_REVISIONS - 1], *revisions[-1:])}
    phases = [p for p in story.phases if (id(p) in kept if p.kind is Kind.REVISION else _worth_a_row(p, story))]
    phases += [story.app_load] if story.app_load else []
    return [_row_of_one(phase, story) for phase in sorted(phases, key=lambda p: p.began)]


def _left_out(stories: Sequence[Story]) -> Iterator[str]:
    revisions = sum(phase.kind is Kind.REVISION for phase in stories[0].phases)
    if len(stories) == 1 and revisions > MAX_REVISIONS:
        yield f"Only the slowest {MAX_REVISIONS} of {revisions:,} revisions have a row."


def _worth_a_row(phase: Phase, story: Story) -> bool:
    """Return whether a phase gets a row; the moments between two revisions do not."""
    passing = phase.kind in {Kind.MIGRATING, Kind.APP} and phase is not story.phases[-1]
    return not passing or phase.seconds * _TOO_SHORT >= story.ended


def _row_of_one(phase: Phase, story: Story) -> Row:
    last = phase is story.phases[-1]
    bar = replace(_bar(phase, 0.0, {}, open_end=last and story.end is End.OPEN), texts=())
    details = (" · ".join(phase.details),) if phase.details else ()
    note = f"{duration(phase.seconds)}, from {duration(phase.began)}"
    return Row(phase.name, note, (bar,), None, story.end if last else None, story.ended, details)


def _bar(phase: Phase, offset: float, names: dict[str, str], *, open_end: bool = False) -> Bar:
    took = duration(phase.seconds)
    when = f"{duration(phase.began)} to {duration(phase.ended)} after its beginning"
    details = tuple(told(detail, names) for detail in phase.details)
    title = "\n".join([f"{phase.name}: {took}", *details, when, *([End.OPEN.value] if open_end else [])])
    texts = (f"{phase.short} {took}", phase.short, took) if phase.short else ()
    return Bar(phase.kind, offset + phase.began, offset + phase.ended, texts, title, open_end)

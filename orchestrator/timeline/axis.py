"""The common time axis: where a moment lies between 0 and 1, and which moments get a label.

Long periods without a start are drawn shorter: a start takes seconds, and the app then serves for days.
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.timeline.words import duration

_QUIET = 0.25  # share of the busy time; a longer quiet period is cut if there is more quiet than busy time
_CUT_TO = 0.08  # drawn length of a cut period, as a share of the axis
_ALL_CUTS = 0.4  # drawn length of all cut periods together, at most
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    *(0.001 * factor * 10**power for power in range(3) for factor in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * factor for factor in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * factor for factor in (1, 2, 3, 6, 12)),
    *(_DAY * factor * 10**power for power in range(5) for factor in (1, 2, 5)),
)


@dataclass(frozen=True)
class Piece:
    """A period in seconds, and where it is drawn, from 0 to 1.

    Attributes:
        quiet: It is drawn shorter than to scale.
    """

    began: float
    ended: float
    left: float
    right: float
    quiet: bool = False


@dataclass(frozen=True)
class Tick:
    """A moment with its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A time axis from 0 to `ended` seconds."""

    pieces: tuple[Piece, ...]

    @property
    def ended(self) -> float:
        """Return the last moment on the axis."""
        return self.pieces[-1].ended

    def position(self, moment: float) -> float:
        """Return where a moment lies, from 0 to 1; never before an earlier moment."""
        index = bisect.bisect_right(self.pieces, moment, key=lambda piece: piece.began) - 1
        piece = self.pieces[max(0, index)]
        length = piece.ended - piece.began
        share = (moment - piece.began) / length if length > 0 else 0.0
        return piece.left + (piece.right - piece.left) * min(1.0, max(0.0, share))

    def ticks(self, about: int) -> Iterator[Tick]:
        """Return about `about` round moments, in order; after a cut, at least its end."""
        shown = [piece for piece in self.pieces if not piece.quiet]
        wanted = sum(piece.ended - piece.began for piece in shown) / max(1, about)
        step = next((step for step in _STEPS if step >= wanted), _STEPS[-1])
        for piece in shown:
            round_ones = range(math.ceil(piece.began / step - 1e-9), math.floor(piece.ended / step + 1e-9) + 1)
            if piece.began and not round_ones:
                yield Tick(piece.began, _label(piece.began, step))
            for factor in round_ones[: 10 * about]:
                yield Tick(factor * step, _label(factor * step, step))


def axis(busy: Iterable[tuple[float, float]], until: float) -> Axis:
    """Return an axis up to `until` that shows all `busy` periods to scale and cuts the long ones between them."""
    united = list(_united(busy))
    total = sum(ended - began for began, ended in united) or 1.0
    until = max(until, united[-1][1], 0.001)
    bounds = [0.0, *itertools.chain.from_iterable(united), until]
    stretches = [(began, ended, index % 2 == 0) for index, (began, ended) in enumerate(itertools.pairwise(bounds))]
    long = sum(ended - began for began, ended, between in stretches if between) > total
    quiet = [long and between and ended - began > _QUIET * total for began, ended, between in stretches]
    cut_to = total * min(_CUT_TO, _ALL_CUTS / max(1, sum(quiet)))
    lengths = [cut_to if short else ended - began for short, (began, ended, _) in zip(quiet, stretches, strict=True)]
    edges = [edge / sum(lengths) for edge in itertools.accumulate(lengths, initial=0.0)]
    pieces = [
        Piece(began, ended, left, right, short)
        for (began, ended, _), short, (left, right) in zip(stretches, quiet, itertools.pairwise(edges), strict=True)
    ]
    return Axis(tuple(_joined(pieces)))


def _united(busy: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Return the periods in order, with adjoining ones merged; at least one."""
    began, ended = 0.0, 0.0
    for first, last in sorted(busy):
        if first > ended:
            yield began, ended
            began = first
        ended = max(ended, last)
    yield began, ended


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Merge neighbours with the same scale, and leave out those of length 0."""
    last: Piece | None = None
    for piece in pieces:
        if piece.ended <= piece.began:
            continue
        if last and last.quiet is piece.quiet is False:
            last = Piece(last.began, piece.ended, last.left, piece.right)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last


def _label(moment: float, step: float) -> str:
    """Return the label of a moment, as exact as the step requires."""
    if moment < _MINUTE:
        return f"{round(moment, 3):g} s"
    if step >= _MINUTE or moment < _HOUR:
        return duration(moment)
    days, rest = divmod(round(moment), _DAY)
    clock = f"{rest // _HOUR}:{rest % _HOUR // _MINUTE:02}:{rest % _MINUTE:02}"
    return f"{days} d {clock}" if days else clock

"""A row of the comparison: what is divided by what, the goal, and how the figures of all rounds become one."""

import enum
import statistics
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.bench import Bench

Samples = Mapping[str, Sequence[float]]
"""The figures of a round, by name: usually one each."""


class Unit(enum.StrEnum):
    """The kind of a row's figure."""

    RATIO = ""
    SECONDS = "s"
    MILLISECONDS = "ms"
    MEGABYTES = "MB"
    RATE = "/s"
    COUNT = "of 16"


class Goal(enum.Enum):
    """Which side of its limit reaches a goal; a figure for the record has none."""

    AT_MOST = "≤"
    AT_LEAST = "≥"
    NONE = ""


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        number: the row of the issue; several comparisons may share one.
        what: what is measured, for a reader.
        one: the name of our figure.
        other: the name of the opponent's; empty: the figure stands alone.
        limit: the goal.
        unit: RATIO divides `one` by `other`; any other unit subtracts `other`.
        of: the unit of `one` and `other`, where they are divided.
        worst: the slowest round counts, not the median.
    """

    number: int
    what: str
    one: str
    other: str = ""
    limit: float = 0.0
    unit: Unit = Unit.RATIO
    of: Unit = Unit.SECONDS
    goal: Goal = Goal.AT_MOST
    worst: bool = False

    def result(self, samples: Samples) -> "Result":
        """Return the figure over all rounds; the ratio of each round comes first, then the median."""
        ones, others = samples[self.one], samples[self.other] if self.other else ()
        values = sorted(self._values(ones, others))
        low, middle, high = statistics.quantiles(values, method="inclusive") if len(values) > 1 else values * 3
        medians = {name: statistics.median(samples[name]) for name in (self.one, self.other) if name}
        return Result(self, values[-1] if self.worst else middle, (low, high), medians, len(values))

    def _values(self, ones: Sequence[float], others: Sequence[float]) -> list[float]:
        if not self.other:
            return list(ones)
        pairs = zip(ones, others, strict=True)
        return [one / other if self.unit is Unit.RATIO else one - other for one, other in pairs]


@dataclass(frozen=True)
class Result:
    """The figure of a row.

    Attributes:
        medians: of both sides, by name, in their own unit.
        rounds: how many values there were.
    """

    row: Row
    value: float
    quartiles: tuple[float, float]
    medians: Mapping[str, float]
    rounds: int

    @property
    def reached(self) -> bool | None:
        """Return whether the goal is reached; None without a goal."""
        match self.row.goal:
            case Goal.AT_MOST:
                return self.value <= self.row.limit
            case Goal.AT_LEAST:
                return self.value >= self.row.limit
            case Goal.NONE:
                return None


@dataclass(frozen=True)
class Group:
    """Rows that are measured together.

    Attributes:
        rows: what it measures.
        measure: a generator that prepares, then yields the figures of one round each time.
        rounds: at most so many of the run's rounds.
        programs: what must be installed besides this project.
        asked_for: it takes minutes, so a run includes it only if its row is named.
    """

    rows: Sequence[Row]
    measure: Callable[[Bench], Generator[Samples, None, None]]
    rounds: int = 9
    programs: tuple[str, ...] = ()
    asked_for: bool = False
    numbers: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", frozenset(row.number for row in self.rows))

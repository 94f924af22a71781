"""All rows, in the groups that measure them: a new row is a module of `benchmarks.rows` and a line here."""

from collections.abc import Sequence

from benchmarks.row import Group, Row
from benchmarks.rows import growth, image, journal, late, load, log_filter, probe, reading, replicas, serving, starts

GROUPS: dict[str, Group] = {
    "starts": starts.GROUP,
    "serving": serving.GROUP,
    "probe": probe.GROUP,
    "log_filter": log_filter.GROUP,
    "load": load.GROUP,
    "journal": journal.GROUP,
    "growth": growth.GROUP,
    "reading": reading.GROUP,
    "replicas": replicas.GROUP,
    "late": late.GROUP,
    "image": image.GROUP,
}
"""By the module's name."""


def rows(groups: Sequence[Group]) -> list[Row]:
    """Return the rows of groups, in the order of their numbers."""
    return sorted((row for group in groups for row in group.rows), key=lambda row: row.number)


def chosen(numbers: frozenset[int]) -> dict[str, Group]:
    """Return the groups of these rows; of none: all that are not to be asked for."""
    return {
        name: group for name, group in GROUPS.items() if (group.numbers & numbers if numbers else not group.asked_for)
    }

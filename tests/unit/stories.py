"""A story of `timeline`, made of events."""

from orchestrator.timeline.phases import Kind, Story
from tests.unit.timelines import Event, log, told


def story(events: list[Event]) -> Story:
    """The one story in them."""
    (found,) = told(log(events))
    return found


def phases(found: Story) -> list[tuple[Kind, float, float]]:
    """Its phases in order."""
    return [(phase.kind, round(phase.began, 3), round(phase.ended, 3)) for phase in found.phases]

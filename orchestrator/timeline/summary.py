"""The text below the lanes: causes with their cures, and what took the longest."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.timeline.phases import Kind, Story
from orchestrator.timeline.words import count, cut, duration

_LISTED = 5  # of the slowest revisions and the longest waits
_TOO_SHORT = 100  # waits this many times shorter than the longest get no line
_NAMED = 4  # starts that failed in the same way
_CAUSES = 20  # causes of failures
_BOOT = re.compile(r"orchestrator boot (\w+)")


@dataclass(frozen=True)
class Item:
    """A line below the lanes: a figure or a name in front, its meaning, and an addition."""

    head: str
    text: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Lines below the lanes, with a heading; `bad` marks failures."""

    heading: str
    items: tuple[Item, ...]
    bad: bool = False


def sections(stories: Sequence[Story], names: dict[str, str]) -> Iterable[Section]:
    """Return why starts failed, which revisions were slow, which starts waited; `names` gives lanes by boot_id."""
    single = len(stories) == 1
    yield Section("Failed", tuple(_failures(stories, names, single=single)), bad=True)
    if not single:
        yield Section("Slowest revisions", tuple(_longest(stories, names, Kind.REVISION)))
        yield Section("Longest waits for the lock", tuple(_longest(stories, names, Kind.LOCK)))


def _failures(stories: Sequence[Story], names: dict[str, str], *, single: bool) -> Iterable[Item]:
    """Return one item for all starts that failed in the same way, with the words of the first."""
    alike: defaultdict[tuple[int, str, str], list[Story]] = defaultdict(list)
    for each in stories:
        if each.failure:
            alike[each.failure.exit_code, each.failure.event, each.failure.hint].append(each)
    for (code, event, hint), failed in sorted(alike.items(), key=lambda item: -len(item[1]))[:_CAUSES]:
        who = ", ".join(names[each.start.boot_id] for each in failed[:_NAMED])
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        text = "" if single else f"{count(len(failed), 'start')}: {who}{more}"
        cause = failed[0].failure.cause if failed[0].failure else ""
        yield Item(f"exit {code} {event}", text, tuple(filter(None, (told(cause, names), hint and f"→ {hint}"))))
    if len(alike) > _CAUSES:
        yield Item("others", f"{count(len(alike) - _CAUSES, 'more cause')}; each lane shows its own")


def _longest(stories: Sequence[Story], names: dict[str, str], kind: Kind) -> Iterable[Item]:
    phases = [(phase, names[each.start.boot_id]) for each in stories for phase in each.phases if phase.kind is kind]
    longest = sorted(phases, key=lambda pair: -pair[0].seconds)[:_LISTED]
    for phase, name in longest:
        if phase.seconds * _TOO_SHORT >= longest[0][0].seconds:
            what = f"{phase.name} by {name}" if kind is Kind.REVISION else name
            details = (told(detail, names) for detail in phase.details)
            yield Item(duration(phase.seconds), cut(" · ".join([what, *details]), 280))


def told(text: str, names: dict[str, str]) -> str:
    """Return the text with the lane's name in place of a start's name in the database."""
    return _BOOT.sub(lambda found: names.get(found[1], found[0]), text)

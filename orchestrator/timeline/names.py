"""The order of the starts, the names of their lanes, and the title."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.timeline.phases import End, Story
from orchestrator.timeline.words import count, duration

_SHORT_ID = 8
_ENDINGS = "served", "became their command", "done", "without an end in the log", "failed"


def in_order(stories: Sequence[Story]) -> list[Story]:
    """Return the starts by their beginning, with the restarts of a task after its first start."""
    first: dict[str, float] = {}
    for each in stories:
        first[_task(each)] = min(each.start.began, first.get(_task(each), each.start.began))
    return sorted(stories, key=lambda each: (first[_task(each)], _task(each), each.start.began, each.start.boot_id))


def _task(story: Story) -> str:
    return story.start.task_id or story.start.boot_id


def _short(story: Story) -> str:
    """Return the random part of the id: a boot_id begins with the time, which replicas share."""
    start = story.start
    return start.task_id[:_SHORT_ID] if start.task_id else start.boot_id[-_SHORT_ID:]


def lane_names(stories: Sequence[Story]) -> dict[str, str]:
    """Return a name for each start by its boot_id, as short as unique names can be."""
    shortened = len({_short(each) for each in stories}) == len({_task(each) for each in stories})
    common = {name: _common(stories, name) is not None for name in ("service", "version")}
    turns: defaultdict[str, int] = defaultdict(int)
    names = {}
    for each in stories:
        task = _task(each)
        turns[task] += 1
        words = [_short(each) if shortened else task, f"#{turns[task]}" if turns[task] > 1 else ""]
        words += [getattr(each.start, name) for name in ("service", "version") if not common[name]]
        names[each.start.boot_id] = " ".join(filter(None, words))
    return names


def _common(stories: Sequence[Story], name: str) -> str | None:
    values = {getattr(each.start, name) for each in stories}
    return values.pop() if len(values) == 1 else None


def title(stories: Sequence[Story]) -> str:
    """Return what all starts share."""
    whose = " ".join(filter(None, (_common(stories, name) for name in ("service", "version"))))
    if len(stories) > 1:
        return f"{count(len(stories), 'start')} of {whose}" if whose else count(len(stories), "start")
    start = stories[0].start
    who = f"task {start.task_id}" if start.task_id else f"boot {start.boot_id}"
    return f"{whose} · {who}" if whose else who


def subtitle(stories: Sequence[Story], origin: float) -> str:
    """Return how the starts ended, and when the axis begins."""
    began = datetime.fromtimestamp(origin, UTC)
    when = f"{began:%Y-%m-%d %H:%M:%S}.{began.microsecond // 1000:03} UTC is 0 s"
    if len(stories) == 1:
        failure = stories[0].failure
        return f"{stories[0].outcome}{' after ' + duration(stories[0].ended) if failure else ''} · {when}"
    ends = Counter(_ending(each) for each in stories)
    return " · ".join([", ".join(f"{ends[end]} {end}" for end in _ENDINGS if ends[end]), when])


def _ending(story: Story) -> str:
    if story.end is End.FAILED:
        return "failed"
    if story.serving_after is not None:
        return "served"
    return {End.REPLACED: "became their command", End.STOPPED: "done"}.get(story.end, "without an end in the log")

"""The output of a process, as lines and as events."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.harness.catalogue import violations

Event = dict[str, Any]


@dataclass
class Output:
    """The output of a process so far.

    Attributes:
        lines: All lines of stdout.
        events: Those that are JSON objects, parsed.
        noise: Those that are not.
        stderr: All of stderr.
        violations: What the catalogue does not allow in them.
    """

    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    stderr: str = ""
    violations: list[str] = field(default_factory=list)

    def find(self, name: str, /, **fields: object) -> list[Event]:
        """Return the events of this name that have these fields."""
        return [event for event in self.events if matches(event, name, fields)]

    def hear(self, line: str) -> None:
        """Take in one line of stdout."""
        self.lines.append(line)
        said = _parsed(line)
        if isinstance(said, dict):
            self.events.append(said)
            self.violations += violations(said)
        else:
            self.noise.append(line)

    def story(self) -> str:
        """Return all output, to find out why a test failed."""
        return "\n".join(["--- stdout", *self.lines, "--- stderr", self.stderr])


def matches(event: Event, name: str, fields: dict[str, object]) -> bool:
    """Tell whether an event has this name, and all these fields with these values."""
    return event.get("event") == name and all(key in event and event[key] == value for key, value in fields.items())


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None

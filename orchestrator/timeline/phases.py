"""A start as it is drawn: the phases that it went through, and how it came out."""

import enum
from dataclasses import dataclass

from orchestrator.timeline.starts import Start
from orchestrator.timeline.words import duration


class Kind(enum.Enum):
    """What a start may be busy with; the value is its name in the legend."""

    PROCESS = "process starts"
    WAITING = "waits for the database"
    APP = "waits for the app"
    LOCK = "waits for the lock"
    MIGRATING = "migrates"
    REVISION = "a revision"
    SERVING = "serves"
    DRAINING = "drains"
    IMPORT = "imports the app"  # beside the others


class End(enum.Enum):
    """How a start ended."""

    OPEN = "no end in the log"
    STOPPED = "stopped"
    REPLACED = "became its command"  # `run`: what came then is in the log of that program
    FAILED = "failed"


@dataclass(frozen=True)
class Phase:
    """One thing that a start was busy with; times in seconds since the process began.

    Attributes:
        name: What it is, in a few words.
        short: The same for a narrow place; may be empty.
        details: What else is known, a sentence each.
    """

    kind: Kind
    began: float
    ended: float
    name: str
    short: str = ""
    details: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True)
class Failure:
    """Why a start failed, and what to do."""

    exit_code: int
    event: str
    cause: str
    hint: str


@dataclass(frozen=True)
class Story:
    """A start as it is drawn.

    Attributes:
        start: Who it was.
        phases: What it was busy with; none overlaps another.
        app_load: When the app was imported, which goes on beside the phases.
        end: How it ended, at `ended` seconds.
        serving_after: Seconds to `server_started`, if it came so far.
    """

    start: Start
    phases: tuple[Phase, ...]
    app_load: Phase | None
    end: End
    ended: float
    failure: Failure | None
    serving_after: float | None

    @property
    def outcome(self) -> str:
        """The whole story in a few words."""
        if self.failure:
            return f"exit {self.failure.exit_code} {self.failure.event}"
        if self.serving_after is not None:
            return f"served after {duration(self.serving_after)}"
        if self.end is End.REPLACED:
            return f"became its command after {duration(self.ended)}"
        if self.end is End.STOPPED:
            return f"done after {duration(self.ended)}"
        return End.OPEN.value

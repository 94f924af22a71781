"""A start as it is drawn: its phases and its outcome."""

import enum
from dataclasses import dataclass

from orchestrator.timeline.starts import Start
from orchestrator.timeline.words import duration


class Kind(enum.Enum):
    """The kinds of phases; the value is the name in the legend."""

    PROCESS = "process starts"
    WAITING = "waits for the database"
    APP = "waits for the app"
    LOCK = "waits for the lock"
    MIGRATING = "migrates"
    REVISION = "a revision"
    SERVING = "serves"
    DRAINING = "drains"
    IMPORT = "imports the app"  # in parallel to the others


class End(enum.Enum):
    """How a start ended."""

    OPEN = "no end in the log"
    STOPPED = "stopped"
    REPLACED = "became its command"  # `run`: what follows is in the log of that program
    FAILED = "failed"


@dataclass(frozen=True)
class Phase:
    """One phase of a start; times in seconds since the process began.

    Attributes:
        name: A few words.
        short: The same for a narrow place; may be empty.
        details: Further facts, one sentence each.
    """

    kind: Kind
    began: float
    ended: float
    name: str
    short: str = ""
    details: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return the duration."""
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
        start: The process.
        phases: Its phases, which do not overlap.
        app_load: The import of the app, in parallel to the phases.
        end: How it ended, at `ended` seconds.
        serving_after: Seconds to `server_started`, if that was reached.
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
        """Return the outcome in a few words."""
        if self.failure:
            return f"exit {self.failure.exit_code} {self.failure.event}"
        if self.serving_after is not None:
            return f"served after {duration(self.serving_after)}"
        if self.end is End.REPLACED:
            return f"became its command after {duration(self.ended)}"
        if self.end is End.STOPPED:
            return f"done after {duration(self.ended)}"
        return End.OPEN.value

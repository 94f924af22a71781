"""What the contexts of one run share, and what those who watch it see."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.events import Emit
from orchestrator.migrations.upgrade.run_locks import RunLocks
from orchestrator.settings import Settings
from orchestrator.stop import Stop


@dataclass(frozen=True)
class Running:
    """The statement that runs now.

    Attributes:
        index: which one of its revision, from 1.
        since: when it began, by time.monotonic().
    """

    revision: str
    index: int
    statement: str
    since: float


@dataclass(frozen=True)
class Shared:
    """What all contexts of a run share.

    Attributes:
        blocker: names who was last seen to be in the way of a statement.
    """

    settings: Settings
    stop: Stop
    emit: Emit
    locks: RunLocks
    blocker: Callable[[Running | None], str]

"""The state that all contexts of a run share, and that observers read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.databases.observation import Observation
from orchestrator.events import Emit
from orchestrator.migrations.upgrade.run_locks import RunLocks
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings


@dataclass(frozen=True)
class Running:
    """The running statement.

    Attributes:
        index: its number in the revision, from 1.
        since: when it began, by time.monotonic().
    """

    revision: str
    index: int
    statement: str
    since: float


class Shared(NamedTuple):
    """The state of a run.

    Attributes:
        blocker: returns the last look that saw a session block a statement.
        applied_before: how many revisions this start applied in each context before the database interrupted it.
    """

    settings: Settings
    stop: Stop
    emit: Emit
    locks: RunLocks
    blocker: Callable[[Running | None], Observation]
    applied_before: Mapping[str, int] = MappingProxyType({})

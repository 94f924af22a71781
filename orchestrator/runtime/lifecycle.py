"""The states of a process, and which state may follow which.

`orchestrator.start.startup` runs through the states in straight async code; the table here checks each change and
announces it. A table-driven state machine would be right if outside events chose the next state, for example if
`serving` could fall back to `waiting`, or if replicas elected a leader. Neither is the case.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.events import Emit, StateChanged


class State(enum.StrEnum):
    """Where a process is between its start and its exit."""

    WAITING = "waiting"  #: until the database answers; settings, app and migration tree are checked meanwhile
    MIGRATING = "migrating"  #: revisions are missing: for the lock, then one revision after the other
    SERVING = "serving"  #: a request to the app gets the app's answer
    DRAINING = "draining"  #: a stop was asked for: readiness is off, requests in flight finish
    STOPPED = "stopped"  #: the end of a process that did what it was asked
    FAILED = "failed"  # the end of a process that did not; the exit code gives the reason


_END = frozenset({State.STOPPED, State.FAILED})

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        # Straight to serving when the database is at head; to draining when a stop comes early; to stopped when the
        # command only waits or migrates.
        State.WAITING: frozenset({State.MIGRATING, State.SERVING, State.DRAINING}) | _END,
        State.MIGRATING: frozenset({State.SERVING, State.DRAINING}) | _END,
        State.SERVING: frozenset({State.DRAINING, State.FAILED}),
        State.DRAINING: _END,
        State.STOPPED: frozenset(),
        State.FAILED: frozenset(),
    }
)


class Lifecycle:
    """The state of a process. `advance` is the only way to change it, and announces each change."""

    def __init__(self, emit: Emit) -> None:
        self.state = State.WAITING
        self._emit = emit

    def advance(self, state: State) -> None:
        """Change to `state`.

        Raises:
            ValueError: the table does not allow the change, which is a bug of the caller.
        """
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"no way from {self.state} to {state}")
        previous, self.state = self.state, state
        self._emit(StateChanged(previous_state=previous, state=state))

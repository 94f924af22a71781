"""Continues a migration that the database interrupted, as the next start of the process would, within a limit."""

from dataclasses import replace
from typing import Any

from orchestrator.databases.interruption import Interrupted
from orchestrator.errors import StartupError
from orchestrator.events import Emit, MigrationInterrupted

IN_VAIN = 3  # interruptions in a row at the same place: then waiting does not help
_PLACE = {"context": "", "revision": "", "statement_index": 0, "statement": "", "statements_done": 0}
_SAME_PLACE = (
    "The database went away {} times at this place: look in its log whether this statement ends the server or the "
    "session (memory, max_allowed_packet, wait_timeout, an administrator). The next start continues, or says what is "
    "left."
)


class Interruptions:
    """The interruptions of a start."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._count = self._in_vain = 0
        self._place: tuple[Any, ...] = ()

    def note(self, error: Interrupted) -> None:
        """Say that the run was interrupted, and will continue.

        Raises:
            StartupError: it was interrupted at the same place again and again.
        """
        told: dict[str, Any] = {name: getattr(error.failure, name, empty) for name, empty in _PLACE.items()}
        place = tuple(told.values())
        self._in_vain = self._in_vain + 1 if place == self._place else 1
        self._place, self._count = place, self._count + 1
        if self._in_vain >= IN_VAIN:
            raise StartupError(replace(error.failure, hint=_SAME_PLACE.format(IN_VAIN))) from error
        cause = {name: value for name, value in error.diagnosis.fields().items() if name != "hint"}
        self._emit(MigrationInterrupted(**told, **cause, interruptions=self._count))

"""The base of all failures, and the exception that carries one."""

import logging
from typing import ClassVar

from orchestrator.events.event import Event, Outcome, catalogued, described

EXIT_OK = 0
EXIT_USAGE = 64  # EX_USAGE of sysexits.h


@catalogued
class Failure(Event, abstract=True):
    """The base of every failure event: exit code, cause and cure."""

    level = logging.CRITICAL
    outcome: ClassVar[Outcome] = "failure"
    exits_with: ClassVar[int]
    cure: ClassVar[str]

    error_type: str = described("kind of failure; one of a few values")
    error_code: int | str = described("code of the database or the system; empty if there is no code", default="")
    error_message: str = described(
        "what happened: the message of the database, the driver, the library or the orchestrator",
        foreign=True,
        default="",
    )
    hint: str = described("what to do about it", default="")

    def __post_init__(self) -> None:
        """Give the class's cure where the occasion has no better hint."""
        if not self.hint:
            object.__setattr__(self, "hint", self.cure)


class StartupError(Exception):
    """Ends the start; `failure` has the reason, the exit code and the hint."""

    def __init__(self, failure: Failure, exception: BaseException | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.exception = exception
        """The exception whose traceback belongs into the event, when reading it helps."""

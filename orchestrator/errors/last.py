"""The last event of a failed start."""

from collections.abc import Callable
from typing import Any, Self

from orchestrator.errors.failure import Failure
from orchestrator.events.event import catalogued, described
from orchestrator.sentences import said


@catalogued
class StartupFailed(Failure):
    """The last event of every failed start, for any cause: the one to alarm on."""

    exits_with = 1
    sentence = "The start failed (state {failed_state}[, phase {failed_phase}], exit code {exit_code}): {error_message}"
    cure = "This is a bug in the orchestrator. Please report it with the traceback in `exception`."

    exit_code: int = described("see the table of exit codes")
    failed_state: str = described("the state in which it failed; `migrating` lasts until the app serves")
    failed_phase: str = described(
        "step of the start at that time, as in `/startupz`: `starting_app` after the migrations, `running_hook`",
        default="",
    )
    error_message: str = described("message of the previous event, without secrets")

    failure_event: str = described(
        "name of the previous event, which has the details of the failure; empty if there is none", default=""
    )

    @classmethod
    def after(cls, failure: Failure, failed_state: str, clean: Callable[[Any], Any], failed_phase: str = "") -> Self:
        """The last event of a start that ends with `failure`."""
        return cls(
            error_type=failure.error_type,
            error_code=failure.error_code,
            error_message=said(failure.sentence, failure.fields(clean)),
            hint=failure.hint,
            exit_code=failure.exits_with,
            failed_state=failed_state,
            failed_phase=failed_phase,
            failure_event=failure.name,
        )

"""Writes the last event of a process: exactly one, for any cause and in any thread."""

import threading
from collections.abc import Callable
from typing import Any

from orchestrator.errors import EXIT_OK, MigrationStopped, StartupError, StartupFailed
from orchestrator.events import ProcessStopped
from orchestrator.log import REDACTOR, finish_prints
from orchestrator.runtime.exhaustion import HINT, is_exhaustion, is_near_limit, spend_reserve
from orchestrator.runtime.lifecycle import Lifecycle, State
from orchestrator.runtime.task import Task
from orchestrator.start.reporter import Reporter


class Ending:
    """Ends one process. Each method returns the exit code; only the first call has an effect.

    Attributes:
        exhausted: no memory or threads were left, so the usual end may hang.
    """

    def __init__(self, task: Task, lifecycle: Lifecycle, report: Reporter) -> None:
        self._task, self._lifecycle, self._report = task, lifecycle, report
        self._once = threading.Lock()
        self._code = EXIT_OK
        self.exhausted = False

    def done(self) -> int:
        """End because the task is complete."""

        def tell() -> None:
            if self._lifecycle.state == State.SERVING:  # nothing was left to drain
                self._lifecycle.advance(State.DRAINING)
            self._lifecycle.advance(State.STOPPED)
            self._report(ProcessStopped(uptime_seconds=self._report.elapsed_seconds(), exit_code=EXIT_OK))

        return self._end(EXIT_OK, tell)

    def stopped(self) -> int:
        """End because a stop was requested: success for `serve`, failure for a command that missed its target."""
        if not self._task.must_reach_target:
            return self.done()
        return self.failed(StartupError(_stopped(f"a stop was requested while {self._lifecycle.state}")))

    @property
    def overdue_code(self) -> int:
        """Return the exit code for a shutdown budget that is spent while something hangs."""
        missed = self._task.must_reach_target or self._lifecycle.state == State.MIGRATING
        return MigrationStopped.exits_with if missed else EXIT_OK

    def overdue(self) -> int:
        """Write the last events for that case."""
        if self.overdue_code == EXIT_OK:
            return self.done()
        return self.failed(StartupError(_stopped("the shutdown budget was spent and something did not end")))

    def failed(self, error: StartupError) -> int:
        """Write the failure's event, then the last event."""
        self._note(error.__cause__)
        failure, state, phase = error.failure, self._lifecycle.state, self._phase

        def tell() -> None:
            self._report(failure, error.exception)
            self._fail(StartupFailed.after(failure, state, REDACTOR.value, phase))

        return self._end(failure.exits_with, tell)

    def bug(self, error: Exception) -> int:
        """End because of a bug in the orchestrator, with its traceback."""
        code, state = StartupFailed.exits_with, self._lifecycle.state
        message = REDACTOR.text(f"{type(error).__name__}: {error}")
        self._note(error, bug=True)
        from orchestrator.unfit import what_it_is  # no start needs it

        kind, message, hint = ("limit", message, HINT) if self.exhausted else what_it_is(message)
        failure = StartupFailed(
            error_type=kind,
            error_message=message,
            hint=hint,
            exit_code=code,
            failed_state=state,
            failed_phase=self._phase,
        )
        return self._end(code, lambda: self._fail(failure, error))

    @property
    def _phase(self) -> str:
        """Return what the start did; empty in `waiting`, where app, scripts and database are looked at together."""
        return "" if self._lifecycle.state is State.WAITING else self._report.status.phase

    def _note(self, error: BaseException | None, *, bug: bool = False) -> None:
        if is_exhaustion(error) or (bug and is_near_limit()):
            self.exhausted = True
            spend_reserve()

    def _fail(self, failure: StartupFailed, error: Exception | None = None) -> None:
        if self._lifecycle.state not in {State.STOPPED, State.FAILED}:
            self._lifecycle.advance(State.FAILED)
        self._report(failure, error)

    def _end(self, code: int, tell: Callable[[], Any]) -> int:
        with self._once:
            if self._lifecycle.state not in {State.STOPPED, State.FAILED}:
                self._code = code
                finish_prints()
                tell()
            return self._code


def _stopped(why: str) -> MigrationStopped:
    return MigrationStopped(
        error_type="stopped", error_message=why, revision="", statement_index=0, statement="", statements_done=0
    )

"""Ends before or outside a start: wrong settings, wrong usage, a crash. Each one writes a last event."""

import os

from orchestrator import log
from orchestrator.errors import EXIT_USAGE, StartupError, StartupFailed
from orchestrator.runtime.exhaustion import HINT, is_exhaustion, is_near_limit, spend_reserve
from orchestrator.runtime.import_path import has_working_directory
from orchestrator.runtime.lifecycle import Lifecycle, State
from orchestrator.serving.startup_status import StartupStatus
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import settings_of_the_log
from orchestrator.start.reporter import Reporter

SETTLE_SECONDS = 1.0  # at the end, for a reader of stdout that is slow
FAILED_SETTLE_SECONDS = 20.0  # the same after a failed start; less than the default shutdown budget


def settle(exit_code: int) -> None:
    """Wait until a slow reader has received the last lines."""
    log.settle(FAILED_SETTLE_SECONDS if exit_code else SETTLE_SECONDS)


def refuse_settings(error: StartupError) -> int:
    """Report wrong settings with the packaged logging, in the format and under the service name that are valid."""
    report = _reporter()
    report(error.failure)
    Lifecycle(report).advance(State.FAILED)
    return _end(report, StartupFailed.after(error.failure, State.WAITING, log.REDACTOR.value))


def refuse_usage(message: str) -> int:
    """Report a command line that starts nothing, for people who see only the log."""
    hint = "Correct the command line; `orchestrator --help` lists the commands, and each has its own --help."
    return _fail("usage", message, hint, EXIT_USAGE)


def crash(error: Exception) -> int:
    """Report an uncaught error: a bug of the orchestrator, or a deleted working directory."""
    if not has_working_directory():
        message = "the working directory was deleted, or this user may not read it"
        return _fail("working_directory", message, "Start in a directory that exists: the project's.", 1)
    if exhausted := is_exhaustion(error) or is_near_limit():
        spend_reserve()
    message = log.REDACTOR.text(f"{type(error).__name__}: {error}")
    from orchestrator.unfit import what_it_is  # no start needs it

    kind, message, hint = ("limit", message, HINT) if exhausted else what_it_is(message)
    code = _fail(kind, message, hint, StartupFailed.exits_with, error)
    if exhausted:
        os._exit(code)  # the usual end may hang
    return code


def _fail(kind: str, message: str, hint: str, code: int, error: Exception | None = None) -> int:
    report = _reporter()
    lifecycle = Lifecycle(report)
    lifecycle.state = state = State(log.CONTEXT.state)
    failure = StartupFailed(error_type=kind, error_message=message, hint=hint, exit_code=code, failed_state=state)
    if state not in {State.STOPPED, State.FAILED}:
        lifecycle.advance(State.FAILED)
    return _end(report, failure, error)


def _reporter() -> Reporter:
    if not log.CONFIGURED.is_set():
        describe_process(settings_of_the_log(os.environ))
        log.configure(log.PACKAGED_CONFIG)
    return Reporter(StartupStatus("public", log.CONTEXT.elapsed_seconds, log.REDACTOR.value))


def describe_process(settings: Settings) -> None:
    """Set how log lines describe this process, and their format."""
    context = log.CONTEXT
    context.service, context.version, context.environment = settings.service, settings.version, settings.environment
    context.log_format, context.metrics = settings.log_format, settings.metrics
    context.metrics_namespace = settings.metrics_namespace


def _end(report: Reporter, failure: StartupFailed, error: Exception | None = None) -> int:
    report(failure, error)
    settle(failure.exit_code)
    return failure.exit_code

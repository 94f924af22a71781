"""Failures of the settings, the app, the port or a hook."""

from orchestrator.errors.failure import Failure
from orchestrator.events.event import catalogued, described
from orchestrator.events.hooks import HOOK_HELP


@catalogued
class SettingsInvalid(Failure):
    """Settings are wrong; all faults at once, before anything was touched."""

    exits_with = 78  # EX_CONFIG of sysexits.h
    sentence = "{fault_count:setting} {fault_count:is/are} wrong: {error_message}"
    cure = "Correct these environment variables, and start again. `orchestrator serve --help` describes all variables."

    fault_count: int = described("number of faults")
    variables: list[str] = described("the variables at fault")
    faults: list[dict[str, str]] = described(
        "for each: `variable`, `problem` and `example`; never a secret", foreign=True
    )


@catalogued
class AppFailed(Failure):
    """The app did not import, or its lifespan failed. The exit code is the one that uvicorn uses for it."""

    exits_with = 3
    sentence = "The app {app} did not start: {error_message}"
    cure = (
        "Read the traceback in `exception` and fix the app: it must import, and its lifespan must start. If it is the "
        "wrong app, set ORCHESTRATOR_APP."
    )

    app: str = described("the import string")


@catalogued
class BindFailed(Failure):
    """The port is in use or not allowed."""

    exits_with = 11
    sentence = "Cannot listen on {host}:{port}: {error_message}"
    cure = "End the process that uses the port, or change PORT or ORCHESTRATOR_HOST."

    host: str = described("requested address")
    port: int = described("requested port")


@catalogued
class HookFailed(Failure):
    """The command before or after migrating failed, took too long or could not be started."""

    exits_with = 13
    sentence = (
        "The hook {hook} failed: {error_message}[. {revisions_applied:revision} {revisions_applied:was/were} applied "
        "before it and {revisions_applied:stays/stay} applied]"
    )
    cure = (
        "Read the end of its output in `output`, and fix the command. The next start runs it again, so it must be "
        "repeatable. It runs while this process holds the migration lock, so it must not wait for that lock, as "
        "`orchestrator migrate` does. If it needs more time, raise ORCHESTRATOR_HOOK_TIMEOUT_SECONDS."
    )

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)
    hook_exit_code: int = described("exit code of the command; 128 + N if signal N ended it; 127 if it was not found")
    output: str = described("the end of its output, at most 50 lines", foreign=True, default="")
    revisions_applied: int = described("number of revisions that this start had applied before", default=0)

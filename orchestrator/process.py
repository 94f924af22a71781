"""One process: settings, logging, the loop, the exit code."""

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from orchestrator import ecs, log
from orchestrator.concurrency import MAIN_THREAD
from orchestrator.credentials import Credentials
from orchestrator.endings import Ending
from orchestrator.errors import SettingsInvalid, StartupError, StartupFailed
from orchestrator.import_path import import_from_working_directory
from orchestrator.known_secrets import known_secrets
from orchestrator.lifecycle import Lifecycle, State
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.replacing import Replacement, replace_process
from orchestrator.reporter import Reporter
from orchestrator.settings import Settings
from orchestrator.status import Status
from orchestrator.stop import Stop, exit_within
from orchestrator.task import Task
from orchestrator.uvicorn_options import load_env_file
from orchestrator.validation import load, require_address, settings_of_the_log, unknown_variables

UNKNOWN_TOLD = 20  # unknown variables that are named in a line
_logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from orchestrator.startup import Startup

SETTLE_SECONDS = 1.0  # for a reader of stdout that stalls, at the end
FAILED_SETTLE_SECONDS = 20.0  # the same when the start failed: its lines say why; less than the shutdown budget has
EXIT_SECONDS = 3.0  # after the last event; a thread that resolves a name would keep the process for much longer


def run(task: Task, stop: Stop) -> int:
    """Carry out `serve`, `migrate`, `wait` or `run` to its end; returns the exit code."""
    log.occupy_descriptors()
    ecs.identify(os.environ)  # meanwhile the rest is imported
    load_env_file(os.environ)
    log.REDACTOR.register(known_secrets(os.environ))
    import_from_working_directory(os.environ.get("UVICORN_APP_DIR", ""))
    try:
        settings, credentials = load(os.environ, task.name)
        _configure_logging(settings)
        if not _can_ask_env(settings, credentials):
            require_address(credentials)
    except StartupError as error:
        return _refuse_settings(error)
    if unknown := unknown_variables(os.environ):
        _logger.warning("These variables are not known and have no effect: %s.", ", ".join(unknown[:UNKNOWN_TOLD]))
    stop.budget_seconds = settings.shutdown_seconds

    from orchestrator.startup import Startup

    report = Reporter(Status(settings.status_detail, log.CONTEXT.elapsed_seconds, log.REDACTOR.value))
    startup = Startup(task, settings, credentials, stop, report)
    stop.enforce(lambda: startup.ending.overdue_code, startup.ending.overdue)
    code = MAIN_THREAD.serve(lambda: asyncio.run(_tell(startup)), after_each=stop.reinstall)
    return _become(startup.replacement, startup.ending) if startup.replacement else code


async def _tell(startup: "Startup") -> int:
    from orchestrator.databases.credential_refresh import kept_current

    with kept_current(startup.credentials):
        code = await startup.run()
    _settle(code)
    if startup.replacement:
        return code
    # Closing the loop waits for a thread that resolves a name; nothing ends what the main thread is still busy with.
    exit_within(0 if MAIN_THREAD.busy else EXIT_SECONDS, code)
    return code


def _can_ask_env(settings: Settings, credentials: Credentials) -> bool:
    """Whether env.py may tell where the database is: there is one, and no variable tells half of it."""
    given = credentials.given
    if given.host or given.name or given.user:
        return False
    try:
        AlembicFiles.of(settings)
    except StartupError:
        return False
    return True


def _become(replacement: Replacement, ending: Ending) -> int:
    """Become the program; returns only when the kernel cannot run it."""
    try:
        replace_process(replacement, log.standard_output())
    except StartupError as error:
        code = ending.failed(error)
        _settle(code)
        return code


def _configure_logging(settings: Settings) -> None:
    _describe(settings)
    try:
        log.configure(settings.log_config, settings.log_level if "log_level" in settings.model_fields_set else "")
    except ValueError as error:
        raise StartupError(
            SettingsInvalid(
                error_type="settings",
                error_message=f"ORCHESTRATOR_LOG_CONFIG: {error}",
                fault_count=1,
                variables=["ORCHESTRATOR_LOG_CONFIG"],
                faults=[{"variable": "ORCHESTRATOR_LOG_CONFIG", "problem": str(error), "example": "logging.yaml"}],
            )
        ) from None


def _describe(settings: Settings) -> None:
    """What the lines say about this process, and in which form."""
    context = log.CONTEXT
    context.service, context.version = settings.service, settings.version
    context.log_format, context.metrics = settings.log_format, settings.metrics


def _refuse_settings(error: StartupError) -> int:
    """Wrong settings are told with the packaged logging, in the form and under the name that are right."""
    _describe(settings_of_the_log(os.environ))
    log.configure(log.PACKAGED_CONFIG)
    report = Reporter(Status("public", log.CONTEXT.elapsed_seconds, log.REDACTOR.value))
    report(error.failure)
    Lifecycle(report).advance(State.FAILED)
    report(StartupFailed.after(error.failure, State.WAITING, log.REDACTOR.value))
    _settle(error.failure.exits_with)
    return error.failure.exits_with


def _settle(exit_code: int) -> None:
    """Let a slow reader have the last lines."""
    log.settle(FAILED_SETTLE_SECONDS if exit_code else SETTLE_SECONDS)

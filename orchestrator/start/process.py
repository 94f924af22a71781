"""One process from start to exit: settings, logging, event loop, exit code."""

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from orchestrator import log
from orchestrator.errors import StartupError
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.runtime import exhaustion
from orchestrator.runtime.concurrency import MAIN_THREAD
from orchestrator.runtime.import_path import import_from_working_directory, show_known_command_line
from orchestrator.runtime.stop import Stop, exit_within
from orchestrator.runtime.task import Task
from orchestrator.sentences import Words
from orchestrator.serving.startup_status import StartupStatus
from orchestrator.settings.model import Settings
from orchestrator.settings.uvicorn_options import load_env_file
from orchestrator.settings.validation import invalid, load_settings, warnings
from orchestrator.start import ecs
from orchestrator.start.early_endings import crash, describe_process, refuse_settings, settle
from orchestrator.start.endings import Ending
from orchestrator.start.reporter import Reporter
from orchestrator.start.startup import Startup

if TYPE_CHECKING:
    from orchestrator.start.replacing import Replacement

_logger = logging.getLogger(__name__)

EXIT_SECONDS = 3.0  # after the last event: a thread that resolves a name would keep the process for much longer


def run(task: Task, stop: Stop) -> int:
    """Carry out `serve`, `migrate`, `wait` or `run`; return the exit code after the last event is written."""
    try:
        return _run(task, stop)
    except Exception as error:  # noqa: BLE001  # nothing else has caught it
        return crash(error)


def _run(task: Task, stop: Stop) -> int:
    try:
        settings = _begin(task)
    except StartupError as error:
        return refuse_settings(error)
    stop.budget_seconds = settings.shutdown_seconds
    report = Reporter(StartupStatus(settings.status_detail, log.CONTEXT.elapsed_seconds, log.REDACTOR.value))
    startup = Startup(task, settings, stop, report)
    stop.enforce(lambda: startup.ending.overdue_code, startup.ending.overdue)
    code = MAIN_THREAD.serve(lambda: asyncio.run(_tell(startup)), after_each=stop.reinstall)
    return _become(startup.replacement, startup.ending) if startup.replacement else code


def _begin(task: Task) -> Settings:
    """Read the settings, and make log, import path and command line what the project's modules expect.

    Raises:
        StartupError: with SettingsInvalid.
    """
    ecs.identify(os.environ)  # asks in a thread, while the rest is imported
    load_env_file(os.environ)
    log.REDACTOR.register(known_secrets(os.environ))
    import_from_working_directory(os.environ.get("UVICORN_APP_DIR", ""))
    settings = load_settings(os.environ, task.name)
    _configure_logging(settings)
    for warning in (*warnings(os.environ), exhaustion.warning()):
        if warning:
            _logger.warning("%s", warning)
    if task.name == "serve":
        show_known_command_line("uvicorn", settings.app)
    else:
        show_known_command_line("alembic", "upgrade", settings.target)
    return settings


async def _tell(startup: Startup) -> int:
    code = await startup.run()
    settle(code)
    if startup.replacement:
        return code
    if startup.ending.exhausted:
        os._exit(code)
    # Closing the loop waits for a thread that resolves a name, and nothing can interrupt the main thread's work.
    exit_within(0 if MAIN_THREAD.busy else EXIT_SECONDS, code)
    return code


def _become(replacement: "Replacement", ending: Ending) -> int:
    """Become the program; return an exit code only if the kernel cannot run it."""
    from orchestrator.start.replacing import replace_process

    try:
        replace_process(replacement, log.standard_output())
    except StartupError as error:
        code = ending.failed(error)
        settle(code)
        return code


def _configure_logging(settings: Settings) -> None:
    describe_process(settings)
    try:
        log.configure(settings.log_config, settings.log_level if "log_level" in settings.fields_set else "")
    except ValueError as error:
        fault = Settings.fault("ORCHESTRATOR_LOG_CONFIG", Words("{problem}", problem=str(error)))
        raise StartupError(invalid([fault])) from None

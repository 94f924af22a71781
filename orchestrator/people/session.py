"""Begins and ends the commands `status`, `plan` and `check`.

A command reads the settings first, then does its work. A failure is a sentence and an exit code.
"""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.app.database import tell_app
from orchestrator.databases.connecting import Look, T, preload
from orchestrator.databases.waiting import look_once
from orchestrator.dialects import is_file
from orchestrator.errors import (
    EXIT_OK,
    DatabaseRefused,
    DatabaseUnreachable,
    Failure,
    MigrationFailed,
    MigrationHalfApplied,
    SettingsInvalid,
    StartupError,
)
from orchestrator.log import REDACTOR
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.migrations.position.target import Target, env_may_tell, read_target
from orchestrator.migrations.scripts.config import where_to_look
from orchestrator.people.app import use_apps_configuration
from orchestrator.people.printing import printing_to_stderr
from orchestrator.runtime.concurrency import MAIN_THREAD, in_main_thread
from orchestrator.runtime.import_path import (
    has_working_directory,
    import_from_working_directory,
    show_known_command_line,
)
from orchestrator.runtime.stop import Stop
from orchestrator.sentences import cleaned, said
from orchestrator.settings.model import Settings
from orchestrator.settings.uvicorn_options import load_env_file
from orchestrator.settings.validation import load, require_address

_BUG = 1
_ENV_HINT = "Fix env.py, or what it connects to: `alembic current` shows the traceback."
_SHORT = {  # there was one attempt
    DatabaseUnreachable: "The database is not ready: {error_message}",
    DatabaseRefused: "The database refused the connection ({error_type}): {error_message}",
}
_BUG_HINT = "This is a bug in the orchestrator. Please report it with the traceback above."


@dataclass
class Session:
    """The context of a command: the settings of the project, and the credentials of its database."""

    settings: Settings
    credentials: Credentials
    stop: Stop

    async def target(self) -> Target:
        """Return this image's tree and target, after the address of the database is known.

        Raises:
            StartupError: with AppFailed, MigrationTreeInvalid or SettingsInvalid.
        """
        await in_main_thread(lambda: use_apps_configuration(self.settings), name="app-import")
        target = await in_main_thread(lambda: read_target(self.settings, self.credentials), name="migration-tree")
        if self.credentials.known:
            return target
        from orchestrator.migrations.upgrade.asking import learn_address

        await learn_address(self.settings, self.credentials)
        require_address(self.credentials)
        return target.told_by_env()

    @property
    def missing_file(self) -> Path | None:
        """The database's file, if it does not exist: connecting would create it."""
        url = self.credentials.own_address().url
        if not is_file(url.drivername) or url.database in {None, "", ":memory:"}:
            return None
        file = Path(str(url.database).removeprefix("file:"))
        return None if file.exists() else file

    async def look(self, look: Look[T]) -> T:
        """Connect once, and return the result of `look`: a person does not want to wait.

        Raises:
            StartupError: with DatabaseUnreachable or DatabaseRefused.
        """
        preload(self.credentials)
        return await look_once(self.credentials, look, timeout_seconds=self.settings.connect_timeout_seconds)


class Answer(NamedTuple):
    """The output of a command on stdout, and its exit code."""

    text: str
    exit_code: int = EXIT_OK


Story = Callable[[Session], Coroutine[Any, Any, Answer]]


def carry_out(command: str, stop: Stop, story: Story) -> int:
    """Carry out a command that needs the database's address; return its exit code. Failures go to stderr."""
    return explained(lambda: _carry_out(command, stop, story))


def _carry_out(command: str, stop: Stop, story: Story) -> Answer:
    session = begun(command, stop)
    if not env_may_tell(session.settings):
        require_address(session.credentials, where_to_look())
    return MAIN_THREAD.serve(lambda: asyncio.run(story(session)), after_each=lambda: None)


def begun(command: str, stop: Stop) -> Session:
    """Read the settings, as a start does.

    Raises:
        StartupError: with SettingsInvalid.
    """
    load_env_file(os.environ)
    REDACTOR.register(known_secrets(os.environ))
    import_from_working_directory(os.environ.get("UVICORN_APP_DIR", ""))
    settings, credentials = load(os.environ, command)
    tell_app(credentials)
    show_known_command_line("alembic", "upgrade", settings.target)
    return Session(settings, credentials, stop)


def explained(work: Callable[[], Answer]) -> int:
    """Print the answer of `work`, and return its exit code; failures and what the project prints go to stderr."""
    level, arguments, path, environ = logging.root.manager.disable, sys.argv[:], sys.path[:], dict(os.environ)
    logging.disable(logging.INFO)  # Alembic's ini shows its log, which would mix with the answer
    try:
        with printing_to_stderr():
            answer = work()
    except StartupError as error:
        return told(error.failure)
    except Exception as error:  # noqa: BLE001  # a bug of ours
        return _unexpected(error)
    finally:
        logging.disable(level)
        sys.argv[:], sys.path[:] = arguments, path
        os.environ.clear()
        os.environ.update(environ)
    sys.stdout.write(answer.text)
    return answer.exit_code


def _unexpected(error: Exception) -> int:
    """Print an error that is not a failure of a start: a bug, or a working directory that does not exist any more."""
    if not has_working_directory():
        _complain(
            "the working directory was deleted, or this user may not read it", "Start in the project's directory."
        )
    else:
        sys.stderr.write(REDACTOR.text(traceback.format_exc()))
        from orchestrator.unfit import what_it_is

        _, message, hint = what_it_is(f"{type(error).__name__}: {error}")
        _complain(message, hint or _BUG_HINT)
    return _BUG


def told(failure: Failure) -> int:
    """Print a failure on stderr: what happened, then what to do. Return its exit code."""
    if isinstance(failure, SettingsInvalid):
        for fault in cleaned(failure.faults, REDACTOR.value):
            _complain(f"{fault['variable']}: {fault['problem']}", f"Example: {fault['example']}")
    else:
        _complain(*sentence(failure))
    sys.stderr.write(f"  `orchestrator explain {failure.exits_with}` tells more.\n")
    return failure.exits_with


def sentence(failure: Failure) -> tuple[str, str]:
    """Return what happened, and what to do about it, without secrets."""
    fields = failure.fields(REDACTOR.value)
    if isinstance(failure, MigrationFailed | MigrationHalfApplied):  # no revision runs here
        message = str(fields["error_message"])
        return f"env.py failed: {f'it exits with {message}' if message.isdigit() else message}", _ENV_HINT
    return said(_SHORT.get(type(failure), failure.sentence), fields), str(fields["hint"])


def _complain(what: str, hint: str) -> None:
    sys.stderr.write(f"orchestrator: {' '.join(what.split())}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")

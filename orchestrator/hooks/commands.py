"""The project's own commands before and after the migration, as the settings name them."""

import shlex
import shutil
from typing import Literal

from orchestrator.errors import HookFailed, StartupError
from orchestrator.settings.model import Settings

HookName = Literal["before_migrate", "after_migrate"]
HOOKS: tuple[HookName, ...] = ("before_migrate", "after_migrate")
NOT_FOUND = 127  # the code that a shell uses


def command_of(settings: Settings, name: HookName) -> str:
    """Return the command of a hook; empty if none is set."""
    return settings.before_migrate if name == "before_migrate" else settings.after_migrate


def check_hooks(settings: Settings) -> None:
    """Check that the commands exist, which needs no database.

    Raises:
        StartupError: with HookFailed.
    """
    for name in HOOKS:
        command = command_of(settings, name)
        if command and not shutil.which(program := shlex.split(command)[0]):
            failure = HookFailed(
                error_type="hook_not_found",
                error_message=f"{program} is not there, or not executable",
                hook=name,
                command=command,
                hook_exit_code=NOT_FOUND,
            )
            raise StartupError(failure)

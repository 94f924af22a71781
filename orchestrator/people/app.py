"""The app, imported as a start imports it, for a command that serves nothing."""

import asyncio
import os
from typing import Any

import uvicorn
from sqlalchemy.engine import URL
from uvicorn.importer import import_from_string

from orchestrator.app.hold import before_connections
from orchestrator.app.importing import app_failed, hint_for
from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.of_app import app_has_configuration, use_configuration_of
from orchestrator.people.guard import nothing_changed
from orchestrator.people.raw_connections import raw_connections
from orchestrator.runtime.import_path import show_known_command_line
from orchestrator.settings import uvicorn_options
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import may_be_imported

_RAW = (
    "{place} connects to the database while the app is imported, and not through SQLAlchemy. A start cannot hold this "
    "connection until the migration is done: connect in the app's lifespan."
)


class _Connects(BaseException):
    """Ends the import of the app at its first connection to the database."""


def check_app(settings: Settings, url: URL | None) -> list[str]:
    """Import the app if there is one: a repository with only migrations has none. Return notes about it.

    An app that connects to the database (at `url`, if that is known) while it is imported is checked up to that line.

    Raises:
        StartupError: with AppFailed.
    """
    notes: list[str] = []

    def raw(place: str) -> None:
        notes.append(_RAW.format(place=place))
        _end()

    if "app" in settings.fields_set or may_be_imported(settings.app):
        with raw_connections(url, raw):
            _imported(settings, connecting=_end)
    return notes


def use_apps_configuration(settings: Settings, *, offline: bool = False) -> bool:
    """Use Alembic's configuration of the app, as a start does, if only the app has it; return whether the app has it.

    Args:
        settings: where the app is.
        offline: whether the app may not connect to its database; otherwise it may read.

    Raises:
        StartupError: with AppFailed.
    """
    if not app_has_configuration(settings):
        return False
    with nothing_changed():
        use_configuration_of(_imported(settings, connecting=_end if offline else _go_on))
    return True


def _imported(settings: Settings, connecting: Any) -> Any:
    """Return the app; None if `connecting` ends the import."""
    show_known_command_line("uvicorn", settings.app)
    try:
        with before_connections(connecting):
            return asyncio.run(_loaded(settings))
    except _Connects:
        return None
    except (Exception, SystemExit) as error:
        failure = app_failed(settings.app, "it cannot be imported", error, hint_for(settings, error))
        raise StartupError(failure, error) from error


async def _loaded(settings: Settings) -> Any:
    """Import the app and call its factory, as uvicorn does."""
    app = import_from_string(settings.app)
    config = uvicorn.Config(app, factory=settings.app_factory, log_config=None, **uvicorn_options.config(os.environ))
    config.load()
    return config.loaded_app


def _end() -> None:
    raise _Connects


def _go_on() -> None: ...

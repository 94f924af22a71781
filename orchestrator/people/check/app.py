"""The app, imported as a start imports it."""

from uvicorn.importer import import_from_string

from orchestrator.app.hold import before_connections
from orchestrator.app.importing import app_failed, hint_for
from orchestrator.errors import StartupError
from orchestrator.runtime.import_path import show_known_command_line
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import may_be_imported


class _Connects(BaseException):
    """Ends the import of the app at its first connection to the database."""


def import_app(settings: Settings) -> None:
    """Import the app if there is one: a repository with only migrations has none.

    An app that connects to the database while it is imported is checked up to that line.

    Raises:
        StartupError: with AppFailed.
    """
    if not ("app" in settings.fields_set or may_be_imported(settings.app)):
        return
    show_known_command_line("uvicorn", settings.app)
    try:
        with before_connections(_end):
            app = import_from_string(settings.app)
            if settings.app_factory:
                app()
    except _Connects:
        pass
    except (Exception, SystemExit) as error:
        failure = app_failed(settings.app, "it cannot be imported", error, hint_for(settings, error))
        raise StartupError(failure, error) from error


def _end() -> None:
    raise _Connects

"""The app, imported as a start imports it."""

from uvicorn.importer import import_from_string

from orchestrator.app_import import app_failed, hint_for
from orchestrator.errors import StartupError
from orchestrator.import_path import show_known_command_line
from orchestrator.project_file import may_be_imported
from orchestrator.settings import Settings


def import_app(settings: Settings) -> None:
    """Import the app if there is one: a repository of migrations alone has none.

    Raises:
        StartupError: with AppFailed.
    """
    if not ("app" in settings.fields_set or may_be_imported(settings.app)):
        return
    show_known_command_line("uvicorn", settings.app)
    try:
        app = import_from_string(settings.app)
        if settings.app_factory:
            app()
    except (Exception, SystemExit) as error:
        failure = app_failed(settings.app, "it cannot be imported", error, hint_for(settings, error))
        raise StartupError(failure, error) from error

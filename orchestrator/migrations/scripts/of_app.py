"""Alembic's configuration as the app has it: advanced-alchemy's env.py reads it from an object of the app.

Such a project is migrated by `litestar database upgrade` or `alchemy upgrade`, not by `alembic`: the directory of the
scripts, the version table and the engine are in the SQLAlchemy plugin of the app (Litestar, FastAPI, Starlette). See
https://docs.advanced-alchemy.litestar.dev/latest/usage/database_migrations.html.
"""

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StartupError
from orchestrator.migrations.scripts.config import AlembicFiles, use_files
from orchestrator.migrations.scripts.locations import script_directory
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import may_be_imported

if TYPE_CHECKING:
    from alembic.config import Config

_LIBRARY = "advanced_alchemy"


def app_has_configuration(settings: Settings) -> bool:
    """Return whether only the app has Alembic's configuration: the files do not, or its env.py needs the app."""
    if importlib.util.find_spec(_LIBRARY) is None or not may_be_imported(settings.app):
        return False
    try:
        directory = script_directory(AlembicFiles.of(settings))
    except StartupError:
        return True
    return directory is None or _LIBRARY in _text(directory / "env.py")


def use_configuration_of(app: Any) -> None:
    """Use the configuration of the app's SQLAlchemy plugin from now on; do nothing if it has none."""
    configs = _plugin_configs(app)
    if configs:
        config = _command_config(configs[0])  # as its own command does if no bind key is given
        named = config.config_file_name
        use_files(AlembicFiles(Path(named) if named and Path(named).is_file() else None, None, of_app=config))


def _plugin_configs(app: Any) -> list[Any]:
    """Return the configurations of the app's plugin; the app may be wrapped, as uvicorn wraps it."""
    while app is not None:
        if extension := getattr(getattr(app, "state", None), "advanced_alchemy", None):  # Starlette, FastAPI
            return list(extension.config)
        if hasattr(app, "plugins"):
            return _of_litestar(app)
        app = getattr(app, "app", None)
    return []


def _of_litestar(app: Any) -> list[Any]:
    from advanced_alchemy.extensions.litestar.plugins import SQLAlchemyInitPlugin

    with contextlib.suppress(KeyError, AttributeError):
        found = app.plugins.get(SQLAlchemyInitPlugin).config
        return list(found) if isinstance(found, list | tuple) else [found]
    return []


def _command_config(config: Any) -> "Config":
    from advanced_alchemy.alembic.commands import AlembicCommands

    found: Config = AlembicCommands(sqlalchemy_config=config).config
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
